import type { Image } from "./image.ts";
import { headerChunk, joinChunks, type PngChunk, readHeader, splitChunks } from "./png_chunks.ts";
import { filterRows, unfilterRows } from "./png_rows.ts";

// A codec of our own: beside the runtime's own deflate, all that it takes is two hundred lines.

/** How many bytes a pixel has, by colour type: grey, RGB, palette, grey with opacity, RGB with opacity. */
const PIXEL_BYTES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Reads a PNG of 8 bits a channel, as QEMU writes them and as most programs save screens.
 *
 * @param png The file.
 * @returns The picture.
 * @throws {TypeError} When it is no PNG, damaged, interlaced, or has another depth.
 *
 * @example
 * ```ts
 * import { decodePng, encodePng } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const red = { width: 1, height: 1, pixels: new Uint8Array([255, 0, 0, 255]) };
 * assertEquals(await decodePng(await encodePng(red)), red);
 * ```
 */
export async function decodePng(png: Uint8Array): Promise<Image> {
  const chunks = splitChunks(png);
  const { width, height, bitDepth, colourType, interlaced } = readHeader(chunks);
  const pixelBytes = PIXEL_BYTES[colourType];
  if (pixelBytes === undefined || bitDepth !== 8 || interlaced) {
    throw new TypeError(
      `Cannot read a PNG of colour type ${colourType} with ${bitDepth} bits${
        interlaced ? ", interlaced" : ""
      }: save it with 8 bits a channel, ` +
        "not interlaced",
    );
  }
  const data = await inflate(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data));
  const rows = unfilterRows(data, width * pixelBytes, pixelBytes, height);
  return { width, height, pixels: toRgba(rows, colourType, chunks) };
}

/**
 * Writes a picture as PNG, without opacity where all of it is opaque.
 *
 * @param image The picture.
 * @returns The file.
 *
 * @example
 * ```ts
 * import { encodePng } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const png = await encodePng({ width: 1, height: 1, pixels: new Uint8Array([0, 0, 0, 255]) });
 * assertEquals(new TextDecoder().decode(png.subarray(1, 4)), "PNG");
 * ```
 */
export async function encodePng(image: Image): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height } = image;
  const opaque = isOpaque(image);
  const data = await packPixels(image, opaque);
  return joinChunks([
    headerChunk({ width, height, bitDepth: 8, colourType: opaque ? 2 : 6, interlaced: false }),
    { type: "IDAT", data },
  ]);
}

/** @returns Whether no pixel lets anything through. */
export function isOpaque({ pixels }: Image): boolean {
  for (let at = 3; at < pixels.length; at += 4) {
    if (pixels[at] !== 255) return false;
  }
  return true;
}

/** @returns A picture's pixels as they are in an IDAT chunk. */
export function packPixels(image: Image, opaque: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const rows = opaque ? withoutOpacity(image.pixels) : image.pixels;
  return deflate(filterRows(rows, image.width * (opaque ? 3 : 4)));
}

function withoutOpacity(pixels: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(pixels.length / 4 * 3);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
    rgb[to] = pixels[from] ?? 0;
    rgb[to + 1] = pixels[from + 1] ?? 0;
    rgb[to + 2] = pixels[from + 2] ?? 0;
  }
  return rgb;
}

function toRgba(rows: Uint8Array, colourType: number, chunks: readonly PngChunk[]): Uint8Array<ArrayBuffer> {
  const pixelBytes = PIXEL_BYTES[colourType] ?? 1;
  const palette = chunks.find(({ type }) => type === "PLTE")?.data ?? new Uint8Array(0);
  const transparency = chunks.find(({ type }) => type === "tRNS")?.data ?? new Uint8Array(0);
  const pixels = new Uint8Array(rows.length / pixelBytes * 4);
  for (let from = 0, to = 0; from < rows.length; from += pixelBytes, to += 4) {
    const first = rows[from] ?? 0;
    const colours = colourType === 3 ? palette : rows;
    const colour = colourType === 3 ? first * 3 : from;
    const isGrey = colourType === 0 || colourType === 4;
    pixels[to] = isGrey ? first : colours[colour] ?? 0;
    pixels[to + 1] = isGrey ? first : colours[colour + 1] ?? 0;
    pixels[to + 2] = isGrey ? first : colours[colour + 2] ?? 0;
    pixels[to + 3] = colourType === 3
      ? transparency[first] ?? 255
      : colourType === 4
      ? rows[from + 1] ?? 0
      : colourType === 6
      ? rows[from + 3] ?? 0
      : 255;
  }
  return pixels;
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function inflate(parts: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array> {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new TypeError("Cannot read a PNG: its pixels can't be unpacked", { cause });
  }
}
