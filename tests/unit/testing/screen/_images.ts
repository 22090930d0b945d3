import fc from "fast-check";
import type { Image } from "../../../../src/testing/screen/image.ts";

/** Pictures of a few pixels; opaque ones, or of any opacity. */
export function images(opacity: "opaque" | "any" = "any", maxSize = 9): fc.Arbitrary<Image> {
  return fc.tuple(fc.integer({ min: 1, max: maxSize }), fc.integer({ min: 1, max: maxSize })).chain(
    ([width, height]) =>
      fc.uint8Array({ minLength: width * height * 4, maxLength: width * height * 4 }).map((bytes) => {
        const pixels = new Uint8Array(bytes);
        if (opacity === "opaque") { for (let at = 3; at < pixels.length; at += 4) pixels[at] = 255; }
        return { width, height, pixels };
      }),
  );
}

/** A picture of one grey. */
export function grey(width: number, height: number, level: number): Image {
  const pixels = new Uint8Array(width * height * 4).fill(level);
  for (let at = 3; at < pixels.length; at += 4) pixels[at] = 255;
  return { width, height, pixels };
}
