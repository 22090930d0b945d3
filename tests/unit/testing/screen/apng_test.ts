import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type AnimationFrame, encodeApng } from "../../../../src/testing/screen/apng.ts";
import type { Image } from "../../../../src/testing/screen/image.ts";
import { decodePng } from "../../../../src/testing/screen/png.ts";
import {
  headerChunk,
  joinChunks,
  readHeader,
  splitChunks,
} from "../../../../src/testing/screen/png_chunks.ts";
import { pasteImage } from "../../../../src/testing/screen/image.ts";
import { grey } from "./_images.ts";

/** Plays an animation as a browser does: each part is put over what was there. */
async function play(file: Uint8Array): Promise<AnimationFrame[]> {
  const chunks = splitChunks(file);
  const header = readHeader(chunks);
  const canvas: Image = { ...grey(header.width, header.height, 0) };
  const frames: AnimationFrame[] = [];
  const numbers: number[] = [];
  for (const [at, { type, data }] of chunks.entries()) {
    if (type !== "fcTL") continue;
    const view = new DataView(data.buffer);
    const [width, height, x, y] = [4, 8, 12, 16].map((offset) => view.getUint32(offset)) as [
      number,
      number,
      number,
      number,
    ];
    numbers.push(view.getUint32(0));
    const next = chunks[at + 1];
    const isFirst = next?.type === "IDAT";
    if (next && !isFirst) numbers.push(new DataView(next.data.buffer).getUint32(0));
    const pixels = isFirst ? next.data : next?.data.slice(4) ?? new Uint8Array(0);
    const part = await decodePng(
      joinChunks([headerChunk({ ...header, width, height }), { type: "IDAT", data: pixels }]),
    );
    pasteImage(canvas, part, x, y);
    frames.push({
      image: { ...canvas, pixels: canvas.pixels.slice() },
      delayMs: view.getUint16(20) * 1000 / view.getUint16(22),
    });
  }
  const control = chunks.find(({ type }) => type === "acTL");
  assertEquals(new DataView(control?.data.buffer ?? new ArrayBuffer(8)).getUint32(0), frames.length);
  assertEquals(numbers, numbers.map((_, at) => at), "chunks are numbered through");
  return frames;
}

Deno.test("encodeApng() makes an animation that plays as the pictures that it was made of", async () => {
  const film = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })).chain(
    ([width, height]) => {
      // Of few colours, so that pictures also have parts in common, or are the same.
      const pixels = fc.array(fc.constantFrom(0, 255), {
        minLength: width * height,
        maxLength: width * height,
      });
      const image = pixels.map((levels) => ({
        width,
        height,
        pixels: new Uint8Array(levels.flatMap((level) => [level, level, 7, 255])),
      }));
      return fc.array(fc.record({ image, delayMs: fc.integer({ min: 0, max: 65_535 }) }), {
        minLength: 1,
        maxLength: 5,
      });
    },
  );
  await fc.assert(
    fc.asyncProperty(film, async (frames) => assertEquals(await play(await encodeApng(frames)), frames)),
    { numRuns: 40 },
  );
});

Deno.test("encodeApng() refuses no pictures, and pictures of different sizes", async () => {
  await assertRejects(() => encodeApng([]), RangeError, "no pictures");
  const frames = [grey(2, 2, 0), grey(2, 3, 0)].map((image) => ({ image, delayMs: 1 }));
  await assertRejects(() => encodeApng(frames), RangeError, "2 x 2 and 2 x 3");
});
