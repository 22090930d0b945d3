import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { compareImages, describeComparison } from "../../../../src/testing/screen/compare_images.ts";
import { grey, images } from "./_images.ts";

Deno.test("compareImages() finds a picture the same as itself, and counts each pixel that another one differs in", () => {
  fc.assert(fc.property(images("opaque"), fc.array(fc.nat()), (image, places) => {
    assertEquals(compareImages(image, image), { kind: "same", different: 0 });
    const count = image.width * image.height;
    const changed = new Set(places.map((place) => place % count));
    const pixels = image.pixels.slice();
    for (const at of changed) pixels[at * 4 + 1] = ((pixels[at * 4 + 1] ?? 0) + 128) % 256;
    const found = compareImages({ ...image, pixels }, image);
    if (changed.size === 0) return assertEquals(found.kind, "same");
    assert(found.kind === "different");
    const xs = [...changed].map((at) => at % image.width);
    const ys = [...changed].map((at) => Math.floor(at / image.width));
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    assertEquals([found.different, found.compared, found.greatest], [changed.size, count, 128]);
    assertEquals(found.box, { x, y, width: Math.max(...xs) - x + 1, height: Math.max(...ys) - y + 1 });
    for (let at = 0; at < count; at++) {
      const isRed = found.picture.pixels[at * 4] === 230 && found.picture.pixels[at * 4 + 1] === 0;
      assertEquals(isRed, changed.has(at));
    }
  }));
});

Deno.test("compareImages() forgives what it is told to, and no more", () => {
  const [dark, light] = [grey(4, 2, 100), grey(4, 2, 103)];
  assertEquals(compareImages(dark, light, { tolerance: 3 }).kind, "same");
  assertEquals(compareImages(dark, light, { tolerance: 2 }).kind, "different");
  assertEquals(compareImages(dark, light, { maxDifferent: 8 }), { kind: "same", different: 8 });
  assertEquals(compareImages(dark, light, { maxDifferent: 7 }).kind, "different");
});

Deno.test("compareImages() looks at its region only, and not at what is to be ignored there", () => {
  const expected = grey(4, 4, 0);
  const actual = { ...expected, pixels: expected.pixels.slice() };
  actual.pixels.set([9, 9, 9], (2 * 4 + 3) * 4);
  assertEquals(compareImages(actual, expected, { region: { x: 0, y: 0, width: 3, height: 4 } }).kind, "same");
  const found = compareImages(actual, expected, { region: { x: 2, y: 2, width: 2, height: 2 } });
  assert(found.kind === "different");
  assertEquals([found.different, found.compared, found.box], [1, 4, { x: 3, y: 2, width: 1, height: 1 }]);
  const cursor = { x: 3, y: 1, width: 5, height: 2 };
  assertEquals(compareImages(actual, expected, { ignore: [cursor] }).kind, "same");
});

Deno.test("compareImages() does not compare pictures of different sizes, and refuses what is no region", () => {
  assertEquals(compareImages(grey(2, 1, 0), grey(1, 2, 0)), {
    kind: "sizes",
    actual: "2 x 1",
    expected: "1 x 2",
  });
  const image = grey(4, 4, 0);
  const bad = [{ x: 0, y: 0, width: 5, height: 1 }, { x: -1, y: 0, width: 1, height: 1 }, {
    x: 0,
    y: 0.5,
    width: 1,
    height: 1,
  }, { x: 0, y: 0, width: 0, height: 1 }];
  for (const region of bad) {
    assertThrows(() => compareImages(image, image, { region }), RangeError, "4 x 4 pixels");
  }
  assertThrows(() => compareImages(image, image, { tolerance: 256 }), RangeError, "256");
  assertThrows(() => compareImages(image, image, { tolerance: NaN }), RangeError, "NaN");
});

Deno.test("describeComparison() says how much differs, and where", () => {
  const expected = grey(10, 10, 0);
  const actual = { ...expected, pixels: expected.pixels.slice() };
  actual.pixels.set([40, 0, 0], (5 * 10 + 2) * 4);
  assertEquals(
    describeComparison(compareImages(actual, expected)),
    "1 of 100 pixels differ (1.0 %), all of them within x 2 to 2, y 5 to 5, a channel by 40 at most",
  );
  assertEquals(
    describeComparison(compareImages(grey(1, 1, 0), expected)),
    "the screen is 1 x 1 and the expected picture 10 x 10",
  );
});
