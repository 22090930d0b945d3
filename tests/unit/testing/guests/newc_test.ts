import { assertEquals, assertThrows } from "@std/assert";
import { type CpioEntry, packNewc, unpackNewc } from "../../../../src/testing/guests/newc.ts";

// Made by GNU cpio 2.13: `cpio -o -H newc --reproducible -R 0:0`, of files with time 0.
const REAL = new URL("../../../testdata/newc/cpio-2.13.newc", import.meta.url);
const ENTRIES: readonly CpioEntry[] = [
  { type: "directory", path: "dev", mode: 0o755 },
  { type: "character-device", path: "dev/console", major: 5, minor: 1, mode: 0o622 },
  { type: "symlink", path: "dev/name", target: "../etc/hostname" },
  { type: "directory", path: "etc", mode: 0o755 },
  { type: "file", path: "etc/empty", data: new Uint8Array(), mode: 0o644 },
  { type: "file", path: "etc/hostname", data: new TextEncoder().encode("a name\n"), mode: 0o600 },
  { type: "file", path: "init", data: new TextEncoder().encode("#!/bin/sh\n"), mode: 0o755 },
];

Deno.test("packNewc() writes the bytes that cpio writes", async () => {
  assertEquals(packNewc(ENTRIES), await Deno.readFile(REAL));
});

Deno.test("unpackNewc() reads what cpio wrote", async () => {
  assertEquals(unpackNewc(await Deno.readFile(REAL)), ENTRIES);
});

Deno.test("packNewc() gives files 0644, directories 0755, links 0777 and devices 0600 when nothing is said", () => {
  const archive = packNewc([
    { type: "directory", path: "a" },
    { type: "file", path: "a/b", data: "x" },
    { type: "symlink", path: "a/c", target: "b" },
    { type: "character-device", path: "a/d", major: 1, minor: 3 },
  ]);
  const modes = unpackNewc(archive).map((entry) => "mode" in entry ? entry.mode : null);
  assertEquals(modes, [0o755, 0o644, null, 0o600]);
});

Deno.test("packNewc() keeps a mode of 0", () => {
  assertEquals(unpackNewc(packNewc([{ type: "file", path: "a", data: "", mode: 0 }])), [
    { type: "file", path: "a", data: new Uint8Array(), mode: 0 },
  ]);
});

Deno.test("packNewc() keeps names and contents of every length and script", () => {
  const files = Array.from({ length: 9 }, (_, length): CpioEntry => ({
    type: "file",
    path: `é${"n".repeat(length)}`,
    data: new Uint8Array(length).fill(length),
    mode: 0o644,
  }));
  assertEquals(unpackNewc(packNewc(files)), files);
});

Deno.test("packNewc() refuses paths that don't lie plainly below the root", () => {
  for (const path of ["", "/init", "a//b", "a/", "./a", "a/../b", "a\0b", "TRAILER!!!"]) {
    assertThrows(() => packNewc([{ type: "directory", path }]), TypeError, "Cannot pack the path");
  }
});

Deno.test("packNewc() refuses numbers that don't fit", () => {
  for (const major of [-1, 2 ** 32, 0.5]) {
    assertThrows(
      () => packNewc([{ type: "character-device", path: "a", major, minor: 0 }]),
      RangeError,
      `Cannot pack "a": ${major} does not fit`,
    );
  }
});

Deno.test("unpackNewc() says where an archive is broken", async () => {
  const archive = await Deno.readFile(REAL);
  assertThrows(() => unpackNewc(archive.slice(0, 200)), SyntaxError, "no newc header at 116");
  assertThrows(() => unpackNewc(archive.slice(0, 740)), SyntaxError, "cut short at 612");
  assertThrows(() => unpackNewc(new Uint8Array()), SyntaxError, "no newc header at 0");
  const socket = packNewc([{ type: "file", path: "a", data: "", mode: 0 }]);
  socket.set(new TextEncoder().encode("C000"), 18);
  assertThrows(() => unpackNewc(socket), SyntaxError, '"a" has the unknown mode 140000');
});
