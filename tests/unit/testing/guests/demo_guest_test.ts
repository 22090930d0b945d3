import { assertEquals, assertLessOrEqual } from "@std/assert";
import { demoDisk, demoGuest } from "../../../../src/testing/guests/demo_guest.ts";

Deno.test("demoGuest.code leaves room for a partition table", () => {
  assertLessOrEqual(demoGuest.code.length, 446);
});

Deno.test("demoDisk() is a boot sector of the guest, with no life lived", () => {
  const disk = demoDisk();
  assertEquals(disk.length, 1024 * 1024);
  assertEquals(disk.slice(0, demoGuest.code.length), demoGuest.code);
  assertEquals(disk.slice(446, 510), new Uint8Array(64));
  assertEquals([...disk.slice(510, 512)], [0x55, 0xaa]);
  assertEquals(disk.slice(512), new Uint8Array(1024 * 1024 - 512));
});
