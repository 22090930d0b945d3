import { assertEquals } from "@std/assert";
import { chooseRoom, inMiB } from "../../../../src/testing/snapshot/room.ts";

const MIB = 1024 * 1024;

Deno.test("chooseRoom() takes the first folder that has room, with some to spare for others", () => {
  const places = [{ dir: "/dev/shm", freeBytes: 191 * MIB }, { dir: "/cache", freeBytes: 500 * MIB }];
  assertEquals(chooseRoom(127 * MIB, places), { dir: "/dev/shm" });
  assertEquals(chooseRoom(128 * MIB, places), { dir: "/cache" });
});

Deno.test("chooseRoom() says what each folder has when none has room", () => {
  assertEquals(chooseRoom(512 * MIB, [{ dir: "/dev/shm", freeBytes: 64 * MIB }]), {
    why: "there is no room for 512 MiB and 64 MiB to spare: /dev/shm has 64 MiB free",
  });
});

Deno.test("inMiB() rounds to whole MiB", () => assertEquals(inMiB(1.6 * MIB), "2 MiB"));
