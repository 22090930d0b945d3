/**
 * A picture in memory: rows from the top, four bytes a pixel (red, green, blue, opacity).
 *
 * @example
 * ```ts
 * import { encodePng, type Image } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const white: Image = { width: 1, height: 1, pixels: new Uint8Array([255, 255, 255, 255]) };
 * assertEquals((await encodePng(white))[0], 0x89);
 * ```
 */
export interface Image {
  readonly width: number;
  readonly height: number;
  /** `width * height * 4` bytes. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/**
 * A part of a picture, in pixels from its upper left corner.
 *
 * @example
 * ```ts
 * import { compareImages, type Region } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const pair = (left: number, right: number) => ({
 *   width: 2,
 *   height: 1,
 *   pixels: new Uint8Array([left, left, left, 255, right, right, right, 255]),
 * });
 * const left: Region = { x: 0, y: 0, width: 1, height: 1 };
 * assertEquals(compareImages(pair(1, 2), pair(1, 3), { region: left }).kind, "same");
 * ```
 */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A picture of one colour.
 *
 * @param width How wide it is.
 * @param height How high it is.
 * @param colour Red, green and blue; black unless told otherwise.
 * @returns The picture.
 */
export function blankImage(
  width: number,
  height: number,
  [red, green, blue]: readonly [number, number, number] = [0, 0, 0],
): Image {
  const pixels = new Uint8Array(width * height * 4);
  for (let at = 0; at < pixels.length; at += 4) {
    pixels[at] = red;
    pixels[at + 1] = green;
    pixels[at + 2] = blue;
    pixels[at + 3] = 255;
  }
  return { width, height, pixels };
}

/**
 * A part of a picture, as a picture of its own.
 *
 * @param image The picture.
 * @param region Which part; it must be within.
 * @returns The part.
 */
export function cropImage(image: Image, { x, y, width, height }: Region): Image {
  const pixels = new Uint8Array(width * height * 4);
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * image.width + x) * 4;
    pixels.set(image.pixels.subarray(from, from + width * 4), row * width * 4);
  }
  return { width, height, pixels };
}

/**
 * Puts a picture into another one; what reaches beyond it is left out.
 *
 * @param into The other one, which is changed.
 * @param image The picture.
 * @param x Where its left edge goes.
 * @param y Where its upper edge goes.
 */
export function pasteImage(into: Image, image: Image, x: number, y: number): void {
  const width = Math.min(image.width, into.width - x);
  const height = Math.min(image.height, into.height - y);
  if (width <= 0) return;
  for (let row = 0; row < height; row++) {
    const from = row * image.width * 4;
    into.pixels.set(image.pixels.subarray(from, from + width * 4), ((y + row) * into.width + x) * 4);
  }
}

/**
 * A picture made smaller by a whole number: each pixel is the mean of those that it stands for.
 *
 * @param image The picture.
 * @param factor By how much; 1 for the same.
 * @returns The smaller one. What is left at the right and at the bottom goes into the last pixels.
 */
export function shrinkImage(image: Image, factor: number): Image {
  const width = Math.ceil(image.width / factor);
  const height = Math.ceil(image.height / factor);
  const pixels = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      meanInto(pixels, (y * width + x) * 4, image, x * factor, y * factor, factor);
    }
  }
  return { width, height, pixels };
}

function meanInto(into: Uint8Array, at: number, image: Image, left: number, top: number, size: number): void {
  const right = Math.min(left + size, image.width);
  const bottom = Math.min(top + size, image.height);
  const count = (right - left) * (bottom - top);
  for (let channel = 0; channel < 4; channel++) {
    let sum = 0;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) sum += image.pixels[(y * image.width + x) * 4 + channel] ?? 0;
    }
    into[at + channel] = Math.round(sum / count);
  }
}
