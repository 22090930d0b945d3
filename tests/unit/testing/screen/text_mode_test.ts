import { assertEquals } from "@std/assert";
import { signOf } from "../../../../src/testing/screen/code_page_437.ts";
import { parseWords, screenTextOf, textGeometry } from "../../../../src/testing/screen/text_mode.ts";

/** What SeaBIOS sets for mode 3, 80 columns and 25 rows of 16 scan lines. */
const MODE_3 = {
  0x01: 79,
  0x07: 0x1f,
  0x09: 0x4f,
  0x0a: 0x0d,
  0x0c: 0,
  0x0d: 0,
  0x0e: 0,
  0x0f: 0,
  0x12: 0x8f,
  0x13: 40,
};
const COLOUR_TEXT = { graphics: 0x0e, extended: false };

Deno.test("textGeometry() reads the usual text mode", () => {
  assertEquals(textGeometry({ crtc: MODE_3, ...COLOUR_TEXT }), {
    address: 0xb8000,
    columns: 80,
    rows: 25,
    pitch: 80,
    cursor: { row: 0, column: 0 },
  });
});

Deno.test("textGeometry() follows the start address, by which a console scrolls, and has the cursor count from there", () => {
  // Ten rows further; the cursor in the last row, column 5.
  const start = 10 * 80;
  const cursor = start + 24 * 80 + 5;
  const crtc = { ...MODE_3, 0x0c: start >> 8, 0x0d: start & 255, 0x0e: cursor >> 8, 0x0f: cursor & 255 };
  const geometry = textGeometry({ crtc, ...COLOUR_TEXT });
  assertEquals([geometry?.address, geometry?.cursor], [0xb8000 + start * 2, { row: 24, column: 5 }]);
});

Deno.test("textGeometry() reads 50 rows, 40 columns, and a cursor that is off or elsewhere", () => {
  assertEquals(textGeometry({ crtc: { ...MODE_3, 0x09: 0x47 }, ...COLOUR_TEXT })?.rows, 50);
  const narrow = textGeometry({ crtc: { ...MODE_3, 0x01: 39, 0x13: 20 }, ...COLOUR_TEXT });
  assertEquals([narrow?.columns, narrow?.pitch], [40, 40]);
  assertEquals(textGeometry({ crtc: { ...MODE_3, 0x0a: 0x2d }, ...COLOUR_TEXT })?.cursor, null);
  assertEquals(textGeometry({ crtc: { ...MODE_3, 0x0e: 0xff }, ...COLOUR_TEXT })?.cursor, null);
});

Deno.test("textGeometry() knows pictures from text", () => {
  assertEquals(textGeometry({ crtc: MODE_3, graphics: 0x05, extended: false }), null);
  assertEquals(textGeometry({ crtc: MODE_3, graphics: 0x0e, extended: true }), null);
  assertEquals(textGeometry({ crtc: {}, ...COLOUR_TEXT }), null, "a card that nobody has set up");
});

Deno.test("parseWords() reads QEMU's memory dump, and nothing else", () => {
  const dump = "00000000000b8000: 0x0753 0x0765\r\n00000000000b8004: 0x1fdb\r\nCannot access memory\r\n";
  assertEquals(parseWords(dump), [0x0753, 0x0765, 0x1fdb]);
});

Deno.test("screenTextOf() makes rows of it, without colours and without spaces at the ends", () => {
  const words = [..."Hi  ", ..."\xc9\xcd\xbb ", ...[" ", "\0", "\xff", " "]].map((sign) =>
    0x0700 | sign.charCodeAt(0)
  );
  const geometry = { address: 0, columns: 3, rows: 3, pitch: 4, cursor: null };
  assertEquals(screenTextOf(words, geometry), "Hi\n\u2554\u2550\u2557\n");
});

Deno.test("signOf() has a sign of its own for each byte but the spaces", () => {
  const signs = Array.from({ length: 256 }, (_, byte) => signOf(byte));
  assertEquals(signs.every((sign) => sign.length === 1), true);
  assertEquals(new Set(signs).size, 255, "0 and 32 are both a space");
  assertEquals(
    [0x41, 0x7f, 0x80, 0xb3, 0xdb, 0xe3, 0xfb].map(signOf).join(""),
    "A\u2302\u00c7\u2502\u2588\u03c0\u221a",
  );
});
