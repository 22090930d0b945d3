import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { cropImage, pasteImage, shrinkImage } from "../../../../src/testing/screen/image.ts";
import { grey, images } from "./_images.ts";

Deno.test("pasteImage() puts back what cropImage() took", () => {
  fc.assert(fc.property(images(), fc.nat(), fc.nat(), (image, a, b) => {
    const [x, y] = [a % image.width, b % image.height];
    const region = { x, y, width: image.width - x, height: image.height - y };
    const part = cropImage(image, region);
    const copy = { ...image, pixels: image.pixels.slice() };
    for (let row = y; row < image.height; row++) {
      copy.pixels.fill(1, (row * image.width + x) * 4, (row + 1) * image.width * 4);
    }
    pasteImage(copy, part, x, y);
    assertEquals(copy, image);
  }));
});

Deno.test("pasteImage() leaves out what reaches beyond", () => {
  const into = grey(2, 2, 0);
  pasteImage(into, grey(3, 3, 9), 1, 1);
  assertEquals(into.pixels.filter((_, at) => at % 4 === 0), new Uint8Array([0, 0, 0, 9]));
  pasteImage(into, grey(1, 1, 5), 2, 0);
  assertEquals(into.pixels.filter((_, at) => at % 4 === 0), new Uint8Array([0, 0, 0, 9]));
});

Deno.test("shrinkImage() gives the means, and by 1 the same", () => {
  fc.assert(fc.property(images(), (image) => assertEquals(shrinkImage(image, 1), image)));
  const image = grey(3, 2, 10);
  image.pixels.set([30, 30, 30], 0);
  const small = shrinkImage(image, 2);
  assertEquals([small.width, small.height, small.pixels[0], small.pixels[4]], [2, 1, 15, 10]);
});
