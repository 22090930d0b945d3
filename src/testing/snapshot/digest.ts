/** How much is hashed in one piece. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * The SHA-256 of some text or bytes.
 *
 * @param data What to hash.
 * @returns Hexadecimal digits.
 */
export async function digestOf(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/**
 * A digest of a file's content: the SHA-256 of the SHA-256 of each 4 MiB, since the platform hashes only what is in memory as a whole.
 *
 * @param path The file.
 * @param signal Gives up.
 * @returns Hexadecimal digits.
 */
export async function digestOfFile(path: string, signal?: AbortSignal): Promise<string> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(CHUNK_BYTES);
  const digests: string[] = [];
  for (;;) {
    signal?.throwIfAborted();
    const count = await fill(file, buffer);
    // Most of an image is often a hole: nothing but zeros is seen much sooner than it is hashed.
    digests.push(isZero(buffer, count) ? `zeros ${count}` : await digestOf(buffer.subarray(0, count)));
    if (count < CHUNK_BYTES) return await digestOf(digests.join("\n"));
  }
}

async function fill(file: Deno.FsFile, buffer: Uint8Array): Promise<number> {
  let count = 0;
  while (count < buffer.length) {
    const read = await file.read(buffer.subarray(count));
    if (read === null) break;
    count += read;
  }
  return count;
}

function isZero(buffer: Uint8Array<ArrayBuffer>, count: number): boolean {
  if (buffer[0] !== 0 || count % 8 !== 0) return false;
  return new BigUint64Array(buffer.buffer, 0, count / 8).every((word) => word === 0n);
}
