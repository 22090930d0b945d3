import { cropImage, type Image, type Region } from "./image.ts";
import { isOpaque, packPixels } from "./png.ts";
import { headerChunk, joinChunks, type PngChunk } from "./png_chunks.ts";

/** One picture of an animation. */
export interface AnimationFrame {
  readonly image: Image;
  /** How long it is shown, in milliseconds. */
  readonly delayMs: number;
}

/**
 * Writes pictures as one animated PNG (PNG specification, third edition, chunks acTL, fcTL and fdAT), which browsers play, and which programs
 * that know nothing of it show as its first picture. Of each picture only the part that differs from the one before is written.
 *
 * @param frames The pictures, of the same size, at least one.
 * @returns The file; it is played over and over.
 * @throws {RangeError} When there is no picture, or one has another size.
 */
export async function encodeApng(frames: readonly AnimationFrame[]): Promise<Uint8Array<ArrayBuffer>> {
  const [first] = frames;
  if (first === undefined) throw new RangeError("Cannot make an animation of no pictures");
  const { width, height } = first.image;
  const opaque = frames.every(({ image }) => isOpaque(image));
  const chunks: PngChunk[] = [
    headerChunk({ width, height, bitDepth: 8, colourType: opaque ? 2 : 6, interlaced: false }),
    { type: "acTL", data: words(frames.length, 0) },
  ];
  let number = 0;
  let before: Image | null = null;
  for (const { image, delayMs } of frames) {
    if (image.width !== width || image.height !== height) {
      throw new RangeError(
        `Cannot make an animation of pictures of different sizes: ${width} x ${height} and ${image.width} x ${image.height}`,
      );
    }
    const region: Region = before === null ? { x: 0, y: 0, width, height } : changedRegion(before, image);
    const data = await packPixels(cropImage(image, region), opaque);
    chunks.push({ type: "fcTL", data: frameControl(number++, region, delayMs) });
    if (before === null) chunks.push({ type: "IDAT", data });
    else chunks.push({ type: "fdAT", data: new Uint8Array([...words(number++), ...data]) });
    before = image;
  }
  return joinChunks(chunks);
}

/** Where two pictures of one size differ; one pixel where they do not, since no frame may be empty. */
function changedRegion(a: Image, b: Image): Region {
  const before = wholePixels(a);
  const after = wholePixels(b);
  let left = a.width, right = -1, top = a.height, bottom = -1;
  for (let at = 0; at < after.length; at++) {
    if (before[at] === after[at]) continue;
    const x = at % a.width;
    const y = (at - x) / a.width;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    bottom = y;
  }
  if (right < 0) return { x: 0, y: 0, width: 1, height: 1 };
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** Four bytes at a time, which have to begin at a multiple of four. */
function wholePixels({ pixels }: Image): Uint32Array {
  const aligned = pixels.byteOffset % 4 === 0 ? pixels : pixels.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

function frameControl(
  number: number,
  { x, y, width, height }: Region,
  delayMs: number,
): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(26);
  data.set(words(number, width, height, x, y));
  const view = new DataView(data.buffer);
  view.setUint16(20, Math.max(0, Math.min(0xffff, Math.round(delayMs))));
  view.setUint16(22, 1000);
  // Bytes 24 and 25 stay 0: the picture is left as it is, and the next one is written over it.
  return data;
}

function words(...values: number[]): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(values.length * 4);
  const view = new DataView(data.buffer);
  for (const [at, value] of values.entries()) view.setUint32(at * 4, value);
  return data;
}
