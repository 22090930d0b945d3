import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { decodePng, encodePng } from "../../../../src/testing/screen/png.ts";
import { headerChunk, joinChunks, splitChunks } from "../../../../src/testing/screen/png_chunks.ts";
import { filterRows, unfilterRows } from "../../../../src/testing/screen/png_rows.ts";
import { grey, images } from "./_images.ts";

Deno.test("decodePng() reads what encodePng() wrote, opaque or not", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(images("opaque"), images("any")), async (image) => {
      assertEquals(await decodePng(await encodePng(image)), image);
    }),
    { numRuns: 60 },
  );
});

async function compressed(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A PNG of one row of two pixels. */
async function twoPixels(
  colourType: number,
  row: number[],
  more: Record<string, number[]> = {},
): Promise<Uint8Array> {
  const data = await compressed(new Uint8Array([0, ...row]));
  return joinChunks([
    headerChunk({ width: 2, height: 1, bitDepth: 8, colourType, interlaced: false }),
    ...Object.entries(more).map(([type, bytes]) => ({ type, data: new Uint8Array(bytes) })),
    // In two parts, as files may have it.
    { type: "IDAT", data: data.slice(0, 5) },
    { type: "IDAT", data: data.slice(5) },
  ]);
}

const COLOUR_TYPES: readonly (readonly [name: string, type: number, row: number[], pixels: number[]])[] = [
  ["grey", 0, [7, 200], [7, 7, 7, 255, 200, 200, 200, 255]],
  ["RGB", 2, [1, 2, 3, 4, 5, 6], [1, 2, 3, 255, 4, 5, 6, 255]],
  ["a palette", 3, [1, 0], [4, 5, 6, 255, 1, 2, 3, 128]],
  ["grey with opacity", 4, [7, 8, 9, 10], [7, 7, 7, 8, 9, 9, 9, 10]],
  ["RGB with opacity", 6, [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8]],
];
for (const [name, type, row, pixels] of COLOUR_TYPES) {
  Deno.test(`decodePng() reads pixels of ${name}`, async () => {
    const chunks: Record<string, number[]> = type === 3 ? { PLTE: [1, 2, 3, 4, 5, 6], tRNS: [128] } : {};
    const png = await twoPixels(type, row, chunks);
    assertEquals(await decodePng(png), { width: 2, height: 1, pixels: new Uint8Array(pixels) });
  });
}

/** Filters of rows as the specification has them, written the other way round. */
function filtered(
  bytes: Uint8Array,
  rowBytes: number,
  pixelBytes: number,
  filters: readonly number[],
): Uint8Array {
  const out: number[] = [];
  for (const [row, filter] of filters.entries()) {
    out.push(filter);
    for (let x = 0; x < rowBytes; x++) {
      const at = row * rowBytes + x;
      const a = x < pixelBytes ? 0 : bytes[at - pixelBytes] ?? 0;
      const b = row === 0 ? 0 : bytes[at - rowBytes] ?? 0;
      const c = row === 0 || x < pixelBytes ? 0 : bytes[at - rowBytes - pixelBytes] ?? 0;
      const p = a + b - c;
      const nearest = [a, b, c].reduce((best, one) => Math.abs(p - one) < Math.abs(p - best) ? one : best);
      const guess = [0, a, b, Math.floor((a + b) / 2), nearest][filter] ?? 0;
      out.push(((bytes[at] ?? 0) - guess) & 0xff);
    }
  }
  return new Uint8Array(out);
}

Deno.test("unfilterRows() takes out every filter of the specification, in any mixture", () => {
  const rowsOf = fc.tuple(
    fc.constantFrom(1, 3, 4),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 6 }),
  )
    .chain(([pixelBytes, width, height]) =>
      fc.record({
        pixelBytes: fc.constant(pixelBytes),
        rowBytes: fc.constant(pixelBytes * width),
        bytes: fc.uint8Array({
          minLength: pixelBytes * width * height,
          maxLength: pixelBytes * width * height,
        }),
        filters: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: height, maxLength: height }),
      })
    );
  fc.assert(fc.property(rowsOf, ({ pixelBytes, rowBytes, bytes, filters }) => {
    const mixed = filtered(bytes, rowBytes, pixelBytes, filters);
    assertEquals(unfilterRows(mixed, rowBytes, pixelBytes, filters.length), new Uint8Array(bytes));
    const up = filtered(bytes, rowBytes, pixelBytes, filters.map(() => 2));
    assertEquals(filterRows(bytes, rowBytes), new Uint8Array(up));
  }));
});

Deno.test("decodePng() says what is wrong with a file", async () => {
  const good = await encodePng(grey(2, 2, 9));
  const damaged = good.slice();
  damaged[45] = (damaged[45] ?? 0) ^ 1;
  const plain = headerChunk({ width: 1, height: 1, bitDepth: 8, colourType: 2, interlaced: false });
  const header = (more: { bitDepth?: number; interlaced?: boolean }) =>
    joinChunks([
      headerChunk({ width: 1, height: 1, bitDepth: 8, colourType: 2, interlaced: false, ...more }),
    ]);
  const files: [file: Uint8Array, words: string][] = [
    [new Uint8Array(), "does not begin like one"],
    [new TextEncoder().encode("P6 1 1 255 abc and more"), "does not begin like one"],
    [good.subarray(0, 20), "IHDR chunk is cut off"],
    [good.subarray(0, good.length - 4), "has no end"],
    [good.subarray(0, 50), "IDAT chunk is cut off"],
    [damaged, "IDAT chunk has a wrong checksum"],
    [header({ bitDepth: 16 }), "with 16 bits"],
    [header({ interlaced: true }), "not interlaced"],
    [header({}), "fewer pixels than its header says"],
    [joinChunks([plain, { type: "IDAT", data: new Uint8Array([1, 2, 3]) }]), "can't be unpacked"],
    [await twoPixels(2, [1, 2, 3]), "fewer pixels than its header says"],
    [joinChunks([]), "has no header"],
  ];
  for (const [file, words] of files) await assertRejects(() => decodePng(file), TypeError, words);
});

Deno.test("splitChunks() gives back what joinChunks() was given", () => {
  const chunk = fc.record({
    type: fc.constantFrom("IHDR", "IDAT", "tEXt"),
    data: fc.uint8Array().map((data) => new Uint8Array(data)),
  });
  fc.assert(fc.property(fc.array(chunk), (chunks) => assertEquals(splitChunks(joinChunks(chunks)), chunks)));
});
