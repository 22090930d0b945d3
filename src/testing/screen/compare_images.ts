import { blankImage, type Image, type Region } from "./image.ts";

/**
 * How two pictures are compared.
 *
 * @example
 * ```ts
 * import { compareImages, type CompareOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: CompareOptions = { ignore: [{ x: 0, y: 0, width: 1, height: 1 }] };
 * const grey = (level: number) => ({ width: 1, height: 1, pixels: new Uint8Array([level, level, level, 255]) });
 * assertEquals(compareImages(grey(1), grey(200), options).kind, "same"); // all of it is ignored
 * ```
 */
export interface CompareOptions {
  /** How far red, green and blue may each be apart and still count as the same, 0 to 255. Default 0. */
  readonly tolerance?: number;
  /** How many pixels may differ. Default 0. */
  readonly maxDifferent?: number;
  /** Compare only this part. Default: all of it. */
  readonly region?: Region;
  /** Leave these parts out, such as a clock or a cursor that blinks. Default: none. */
  readonly ignore?: readonly Region[];
}

/**
 * What a comparison came to.
 *
 * @example
 * ```ts
 * import { compareImages, type ImageComparison } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const image = (width: number) => ({ width, height: 1, pixels: new Uint8Array(width * 4) });
 * const comparison: ImageComparison = compareImages(image(1), image(2));
 * assertEquals(comparison, { kind: "sizes", actual: "1 x 1", expected: "2 x 1" });
 * ```
 */
export type ImageComparison =
  /** They are the same, as far as the options want it; `different` pixels were forgiven. */
  | { readonly kind: "same"; readonly different: number }
  /** They can't be compared. */
  | { readonly kind: "sizes"; readonly actual: string; readonly expected: string }
  | {
    readonly kind: "different";
    /** How many pixels differ. */
    readonly different: number;
    /** How many were compared. */
    readonly compared: number;
    /** The smallest part that has all that differ. */
    readonly box: Region;
    /** The greatest difference of a channel, 1 to 255. */
    readonly greatest: number;
    /** The expected picture, faint, with what differs in red. */
    readonly picture: Image;
  };

/**
 * Compares two pictures pixel by pixel.
 *
 * @param actual What there is.
 * @param expected What there should be.
 * @param options What may differ, and which part counts.
 * @returns Whether they are the same; if not, how much differs and where, with a picture of it.
 * @throws {RangeError} When the region is not within the expected picture, or the tolerance is none.
 *
 * @example
 * ```ts
 * import { compareImages } from "@qeeper/qeeper/testing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const grey = (level: number) => ({ width: 1, height: 1, pixels: new Uint8Array([level, level, level, 255]) });
 * assertEquals(compareImages(grey(100), grey(103), { tolerance: 3 }).kind, "same");
 * const found = compareImages(grey(100), grey(103));
 * assert(found.kind === "different" && found.greatest === 3);
 * ```
 */
export function compareImages(actual: Image, expected: Image, options: CompareOptions = {}): ImageComparison {
  const { tolerance = 0, maxDifferent = 0, ignore = [] } = options;
  const whole = { x: 0, y: 0, width: expected.width, height: expected.height };
  const { region = whole } = options;
  if (!(tolerance >= 0 && tolerance <= 255)) {
    throw new RangeError(
      `Cannot compare as 'tolerance' must be from 0 to 255: current value is ${tolerance}`,
    );
  }
  checkRegion(region, expected);
  if (actual.width !== expected.width || actual.height !== expected.height) {
    return { kind: "sizes", actual: sizeOf(actual), expected: sizeOf(expected) };
  }
  const picture = faint(expected);
  let different = 0, compared = 0, greatest = 0;
  let left = Infinity, right = -1, top = Infinity, bottom = -1;
  for (let y = region.y; y < region.y + region.height; y++) {
    const spans = ignore.filter((part) => y >= part.y && y < part.y + part.height);
    for (let x = region.x; x < region.x + region.width; x++) {
      if (spans.length > 0 && spans.some((part) => x >= part.x && x < part.x + part.width)) continue;
      compared++;
      const distance = distanceAt((y * expected.width + x) * 4, actual.pixels, expected.pixels);
      if (distance <= tolerance) continue;
      different++;
      greatest = Math.max(greatest, distance);
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
      picture.pixels.set([230, 0, 38, 255], (y * expected.width + x) * 4);
    }
  }
  if (different <= maxDifferent) return { kind: "same", different };
  const box = { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
  return { kind: "different", different, compared, box, greatest, picture };
}

/**
 * What a comparison came to, in words.
 *
 * @param comparison The comparison.
 * @returns A sentence without its end.
 */
export function describeComparison(comparison: ImageComparison): string {
  switch (comparison.kind) {
    case "same":
      return "they are the same";
    case "sizes":
      return `the screen is ${comparison.actual} and the expected picture ${comparison.expected}`;
    case "different": {
      const { different, compared, box: { x, y, width, height }, greatest } = comparison;
      const share = (different / compared * 100).toPrecision(2);
      return `${different} of ${compared} pixels differ (${share} %), all of them within x ${x} to ${
        x + width - 1
      }, y ${y} to ${y + height - 1}, a channel by ${greatest} at most`;
    }
  }
}

function distanceAt(at: number, a: Uint8Array, b: Uint8Array): number {
  return Math.max(
    Math.abs((a[at] ?? 0) - (b[at] ?? 0)),
    Math.abs((a[at + 1] ?? 0) - (b[at + 1] ?? 0)),
    Math.abs((a[at + 2] ?? 0) - (b[at + 2] ?? 0)),
  );
}

function checkRegion({ x, y, width, height }: Region, { width: right, height: bottom }: Image): void {
  const isWhole = [x, y, width, height].every((value) => Number.isInteger(value) && value >= 0);
  if (isWhole && width > 0 && height > 0 && x + width <= right && y + height <= bottom) return;
  throw new RangeError(
    `Cannot compare as 'region' must be within the expected picture of ${right} x ${bottom} pixels: current value is x ${x}, y ${y}, ` +
      `width ${width}, height ${height}`,
  );
}

function faint(image: Image): Image {
  const picture = blankImage(image.width, image.height);
  for (let at = 0; at < picture.pixels.length; at += 4) {
    const grey =
      ((image.pixels[at] ?? 0) * 3 + (image.pixels[at + 1] ?? 0) * 6 + (image.pixels[at + 2] ?? 0)) / 10;
    picture.pixels.fill(176 + grey * 0.3, at, at + 3);
  }
  return picture;
}

function sizeOf({ width, height }: Image): string {
  return `${width} x ${height}`;
}
