import { assert, assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import { bootSector, diskImage, rom } from "../../../../src/testing/guests/boot_images.ts";
import { tinyGuests } from "../../../../src/testing/guests/tiny_guests.ts";
import { uni, uniCommands, unirom } from "../../../../src/testing/guests/unirom.ts";

// The bytes that were measured on QEMU 7.2 and 10.0; GNU as makes the same of the guest's source.
const UNIROM =
  "ea05fc00f08cc88ed831c08ec08ed0bc007c66b8400b0080baf80c66efbafc0c66b80106000066ef66b8800b0080baf80c66ef" +
  "bafc0c66b80100000066ef66b840f80080baf80c66efbafc0c66b80106000066ef66b844f80080baf80c66efbafc0c66b88000000066ef" +
  "ba0406b80100efba0006b8ffffefbe4afde83700ba0006ed3cff7405f6c4017547bafd03eca80174ebbaf803ec88c3be51fdac84c0740d" +
  "88c450ad89c75838dc75f0ffe788d8e80d00ebc9ac84c07405e80300ebf6c3baf803eec3bafd03eca80174fbbaf803ecc3b80120eb08b8" +
  "0124eb03b80128ba0406efeb99ba0206b80001efb067e8cfffeb8bbaf90cb006eeeb4bb0fee664eb456a006a006a0089e50f015e00ccb0" +
  "01eb06b002eb02b004ba0505eee95fffe8a3ffba0105eee955ffba4304b00eeee94cffba4104eee945ffb009e670b030e671e93affebfe" +
  "faf4ebfc52454144590a0050d2fc53d7fc44dcfc47e5fc52f3fc4bfbfc5401fd580efd4312fd5a16fd511ffd5729fd7732fd4e39fd4c44" +
  "fd4846fd00";

const UNI =
  "31c08ed88ec08ed0bc007cba0406b80100efba0006b8ffffefbe0c7de83700ba0006ed3cff7405f6c4017547bafd03eca801" +
  "74ebbaf803ec88c3be137dac84c0740d88c450ad89c75838dc75f0ffe788d8e80d00ebc9ac84c07405e80300ebf6c3baf803" +
  "eec3bafd03eca80174fbbaf803ecc3b80120eb08b80124eb03b80128ba0406efeb99ba0206b80001efb067e8cfffeb8bbaf9" +
  "0cb006eeeb4bb0fee664eb456a006a006a0089e50f015e00ccb001eb06b002eb02b004ba0505eee95fffe8a3ffba0105eee9" +
  "55ffba4304b00eeee94cffba4104eee945ffb009e670b030e671e93affebfefaf4ebfcb80103eb03b80102fbbb0080b90200" +
  "ba8000cd13fab02b7302b021e858ffe913ff52454144590a0050737c53787c447d7c47867c52947c4b9c7c54a27c58af7c43" +
  "b37c5ab77c51c07c57ca7c77d37c4eda7c4ce57c48e77c49eb7c4af07c00";

const TINY: Record<string, string> = {
  "print-and-halt": "baf803b04feeb04beeb00aeefaf4ebfc",
  "triple-fault": "31e46a006a006a0089e50f015e00cc",
  "panic": "ba0505b001eefaf4ebfc",
  "spin": "ebfe",
  "halt": "faf4ebfc",
  "echo": "bafd03eca80174fbbaf803eceeebf1",
  "reset": "baf90cb006eefaf4ebfc",
  "keyboard-reset": "b0fee664faf4ebfc",
  "debug-exit": "ba0105b010eefaf4ebfc",
  "rtc-write": "b009e670b030e671faf4ebfc",
  "watchdog": "ba4304b00eeefaf4ebfc",
  // Sets the power management block up, as unirom does, then (c) of the measured guests.
  "power-off": UNIROM.slice(UNIROM.indexOf("66b8400b0080"), UNIROM.indexOf("ba0406b80100")) +
    "ba0406b80020effaf4ebfc",
};

Deno.test("unirom.code is the measured guest, byte for byte", () => {
  assertEquals(unirom.code.toHex(), UNIROM);
});

Deno.test("uni.code is the measured guest, byte for byte", () => {
  assertEquals(uni.code.toHex(), UNI);
});

Deno.test("tinyGuests have the measured bytes", async (t) => {
  const guests = Object.values(tinyGuests);
  assertEquals(guests.map((guest) => guest.name).sort(), Object.keys(TINY).sort());
  for (const guest of guests) {
    await t.step(guest.name, () => {
      assertEquals(guest.code.toHex(), TINY[guest.name]);
      assert(guest.description.endsWith("."));
    });
  }
});

Deno.test("tinyGuests.*.code is a fresh copy, so that changing one changes no other", () => {
  const code = tinyGuests.halt.code;
  code.fill(0);
  assertNotStrictEquals(tinyGuests.halt.code, code);
  assertEquals(tinyGuests.halt.code.toHex(), "faf4ebfc");
});

Deno.test("uniCommands are single letters, no two alike", () => {
  const letters = Object.values(uniCommands);
  assertEquals(new Set(letters).size, letters.length);
  assert(letters.every((letter) => letter.length === 1));
});

Deno.test("bootSector() puts the code first and the signature last", () => {
  const sector = bootSector(Uint8Array.of(0xeb, 0xfe));
  assertEquals(sector.length, 512);
  assertEquals([...sector.slice(0, 3)], [0xeb, 0xfe, 0]);
  assertEquals([...sector.slice(510)], [0x55, 0xaa]);
});

Deno.test("bootSector() takes 510 bytes of code and refuses 511", () => {
  assertEquals(bootSector(new Uint8Array(510).fill(1))[509], 1);
  assertThrows(() => bootSector(new Uint8Array(511)), RangeError, "511 bytes of code: at most 510 fit");
});

Deno.test("diskImage() is a boot sector and zeros, 1 MiB by default", () => {
  const disk = diskImage(tinyGuests.halt.code);
  assertEquals(disk.length, 1024 * 1024);
  assertEquals(disk.slice(0, 512), bootSector(tinyGuests.halt.code));
  assert(disk.slice(512).every((byte) => byte === 0));
});

Deno.test("diskImage() refuses a size that is no number of sectors", () => {
  for (const size of [0, 511, 513, 1024.5, -512, NaN]) {
    assertThrows(() => diskImage(new Uint8Array(), size), RangeError, "512-byte sectors");
  }
});

Deno.test("rom() jumps from the reset vector to the code and halts elsewhere", () => {
  const image = rom(Uint8Array.of(0xeb, 0xfe));
  assertEquals(image.length, 0x10000);
  assertEquals([...image.slice(0xfbff, 0xfc03)], [0xf4, 0xeb, 0xfe, 0xf4]);
  assertEquals([...image.slice(0xffef, 0xfff4)], [0xf4, 0xe9, 0x0d, 0xfc, 0xf4]);
});

Deno.test("rom() takes 1008 bytes of code and refuses 1009", () => {
  assertEquals(rom(new Uint8Array(1008).fill(1))[0xffef], 1);
  assertThrows(() => rom(new Uint8Array(1009)), RangeError, "1009 bytes of code: at most 1008 fit");
});
