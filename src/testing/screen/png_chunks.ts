const SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** A chunk of a PNG (PNG specification, third edition, section 5.3). */
export interface PngChunk {
  /** Four letters. */
  readonly type: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** What is in the header of a PNG, its IHDR chunk. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colourType: number;
  readonly interlaced: boolean;
}

/**
 * Puts chunks together to a file.
 *
 * @param chunks The chunks, with the header first; IEND is added.
 * @returns The file.
 */
export function joinChunks(chunks: readonly PngChunk[]): Uint8Array<ArrayBuffer> {
  const all = [...chunks, { type: "IEND", data: new Uint8Array(0) }];
  const file = new Uint8Array(all.reduce((sum, { data }) => sum + 12 + data.length, SIGNATURE.length));
  const view = new DataView(file.buffer);
  file.set(SIGNATURE);
  let at = SIGNATURE.length;
  for (const { type, data } of all) {
    view.setUint32(at, data.length);
    file.set(Array.from(type, (letter) => letter.charCodeAt(0)), at + 4);
    file.set(data, at + 8);
    view.setUint32(at + 8 + data.length, crc32(file.subarray(at + 4, at + 8 + data.length)));
    at += 12 + data.length;
  }
  return file;
}

/**
 * Takes a file apart.
 *
 * @param file The file.
 * @returns Its chunks, without IEND.
 * @throws {TypeError} When it is no PNG, or a chunk of it is not as it was written.
 */
export function splitChunks(file: Uint8Array): PngChunk[] {
  if (SIGNATURE.some((byte, at) => file[at] !== byte)) {
    throw new TypeError("Cannot read a PNG: the file does not begin like one");
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const chunks: PngChunk[] = [];
  let at = SIGNATURE.length;
  while (at + 12 <= file.length) {
    const length = view.getUint32(at);
    const end = at + 8 + length;
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (end + 4 > file.length) throw new TypeError(`Cannot read a PNG: its ${type} chunk is cut off`);
    if (crc32(file.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new TypeError(`Cannot read a PNG: its ${type} chunk has a wrong checksum`);
    }
    if (type === "IEND") return chunks;
    chunks.push({ type, data: file.slice(at + 8, end) });
    at = end + 4;
  }
  throw new TypeError("Cannot read a PNG: the file has no end");
}

/** @returns A header's chunk. */
export function headerChunk({ width, height, bitDepth, colourType, interlaced }: PngHeader): PngChunk {
  const data = new Uint8Array(13);
  const view = new DataView(data.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  data.set([bitDepth, colourType, 0, 0, interlaced ? 1 : 0], 8);
  return { type: "IHDR", data };
}

/**
 * Reads the header.
 *
 * @param chunks The chunks of a file.
 * @returns What is in it.
 * @throws {TypeError} When it is not the first chunk.
 */
export function readHeader(chunks: readonly PngChunk[]): PngHeader {
  const [first] = chunks;
  if (first?.type !== "IHDR" || first.data.length !== 13) {
    throw new TypeError("Cannot read a PNG: it has no header");
  }
  const view = new DataView(first.data.buffer);
  return {
    width: view.getUint32(0),
    height: view.getUint32(4),
    bitDepth: view.getUint8(8),
    colourType: view.getUint8(9),
    interlaced: view.getUint8(12) !== 0,
  };
}

const CRC_TABLE: readonly number[] = Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (CRC_TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
