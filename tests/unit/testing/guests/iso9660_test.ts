import { assertEquals, assertThrows } from "@std/assert";
import { packIso } from "../../../../src/testing/guests/iso9660.ts";
import { fileFields } from "../../../../src/testing/guests/_rock_ridge.ts";

const SECTOR = 2048;
const PRIMARY = 16;
const SECONDARY = 17;

/** A reader that knows no more than the standard says, to be sure of what an image's numbers mean in both orders. */
function readTree(image: Uint8Array, descriptor: number): Map<string, Uint8Array> {
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  const both = (at: number) => {
    const little = view.getUint32(at, true);
    assertEquals(view.getUint32(at + 4), little);
    return little;
  };
  const root = descriptor * SECTOR + 156;
  const [start, bytes] = [both(root + 2) * SECTOR, both(root + 10)];
  const files = new Map<string, Uint8Array>();
  for (let at = start; at < start + bytes;) {
    const length = image[at] ?? 0;
    if (length === 0) {
      at = Math.ceil((at + 1) / SECTOR) * SECTOR;
      continue;
    }
    assertEquals(
      Math.floor(at / SECTOR),
      Math.floor((at + length - 1) / SECTOR),
      "a record goes over a sector's end",
    );
    const name = image.subarray(at + 33, at + 33 + (image[at + 32] ?? 0));
    const [from, size] = [both(at + 2) * SECTOR, both(at + 10)];
    const isFile = ((image[at + 25] ?? 0) & 2) === 0;
    if (isFile) {
      files.set(new TextDecoder("latin1").decode(name).replaceAll("\0", ""), image.slice(from, from + size));
    }
    at += length;
  }
  return files;
}

const texts = (files: ReadonlyMap<string, Uint8Array>) =>
  Object.fromEntries([...files].map(([name, data]) => [name, new TextDecoder().decode(data)]));

Deno.test("packIso() leads to the same files by two trees", () => {
  const image = packIso("cidata", { "user-data": "one", "meta-data": "", "a.tar.gz": "three" });
  assertEquals(texts(readTree(image, PRIMARY)), {
    "A_TAR.GZ;1": "three",
    "META_DATA.;1": "",
    "USER_DATA.;1": "one",
  });
  assertEquals(texts(readTree(image, SECONDARY)), {
    "a.tar.gz": "three",
    "meta-data": "",
    "user-data": "one",
  });
});

Deno.test("packIso() keeps files of any size apart, and as many as there are", () => {
  const files: Record<string, Uint8Array> = {};
  for (let n = 0; n < 60; n++) files[`file-${n}`] = new Uint8Array(n * 137).fill(n);
  const image = packIso("many files", files);
  assertEquals(image.length % SECTOR, 0);
  assertEquals(Object.fromEntries(readTree(image, SECONDARY)), files);
});

Deno.test("packIso() makes the same image of the same files, in whatever order they come", () => {
  assertEquals(packIso("x", { a: "1", b: "2" }), packIso("x", { b: "2", a: "1" }));
});

Deno.test("packIso() says how many sectors there are, and labels both trees", () => {
  const image = packIso("cidata", { a: "x".repeat(5000) });
  assertEquals(new DataView(image.buffer).getUint32(PRIMARY * SECTOR + 80, true) * SECTOR, image.length);
  const label = (descriptor: number) =>
    new TextDecoder("latin1").decode(image.subarray(descriptor * SECTOR + 40, descriptor * SECTOR + 72));
  assertEquals([label(PRIMARY).trimEnd(), label(SECONDARY).replaceAll("\0", "").trimEnd()], [
    "cidata",
    "cidata",
  ]);
});

Deno.test("packIso() refuses labels and names that no reader would find again", () => {
  for (const label of ["", "seventeen letters", "a\n", "ä"]) {
    assertThrows(() => packIso(label, {}), TypeError, "Cannot label an ISO image");
  }
  for (const name of ["", ".", "..", "a/b", "a b", "ä", "x".repeat(65)]) {
    assertThrows(() => packIso("x", { [name]: "" }), TypeError, "Cannot put a file");
  }
  assertThrows(() => packIso("x", { "a-b": "", "a_b": "" }), TypeError, "Cannot put both a-b and a_b");
});

Deno.test("packIso() leaves room for the longest name in a directory's record, whose length is one byte", () => {
  const longest = `${"n".repeat(60)}.txt`;
  assertEquals(fileFields(longest).length + 33 + 34 < 256, true);
  assertEquals([...readTree(packIso("x", { [longest]: "y" }), SECONDARY).keys()], [longest]);
});
