import { fromBase64, toBytes } from "./base64.ts";
import type { QgaClient, QgaExecuteOptions } from "./client.ts";
import { QgaProtocolError } from "./errors.ts";

/** How much one command carries. Larger ones gain little and hold the others up. */
const CHUNK_BYTES = 64 * 1024;
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** What `readFile` takes; the time limit is that of each step. */
export interface ReadFileOptions extends QgaExecuteOptions {
  /**
   * The largest file that is read, in bytes.
   *
   * @default {268435456}
   */
  maxBytes?: number;
}

/** What `writeFile` takes; the time limit is that of each step. */
export interface WriteFileOptions extends QgaExecuteOptions {
  /**
   * What becomes of what the file has: it goes, or it stays before the new data.
   *
   * @default {"replace"}
   */
  existing?: "replace" | "append";
}

/**
 * Reads a whole file.
 *
 * @param agent The client.
 * @param path Its path in the guest.
 * @param options Limits.
 * @returns Its bytes.
 * @throws As `QgaClient.readFile` does.
 */
export async function readFile(
  agent: QgaClient,
  path: string,
  options: ReadFileOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { maxBytes = DEFAULT_MAX_BYTES, ...limits } = options;
  return await withFile(agent, { path, mode: "r" }, limits, async (handle) => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for (;;) {
      const read = await agent.execute("guest-file-read", { handle, count: CHUNK_BYTES }, limits);
      const chunk = fromBase64("guest-file-read", read["buf-b64"]);
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) {
        throw new RangeError(
          `Cannot read the guest's file ${path} as it must have at most ${maxBytes} bytes ('maxBytes'): it has more`,
        );
      }
      if (read.eof) return joined(chunks, length);
      if (chunk.length === 0) {
        throw new QgaProtocolError("guest-file-read", `${path} has no more data and yet no end`);
      }
    }
  });
}

/**
 * Writes a whole file.
 *
 * @param agent The client.
 * @param path Its path in the guest.
 * @param data What to write.
 * @param options Limits.
 * @throws As `QgaClient.writeFile` does.
 */
export async function writeFile(
  agent: QgaClient,
  path: string,
  data: Uint8Array | string,
  options: WriteFileOptions,
): Promise<void> {
  const { existing = "replace", ...limits } = options;
  const bytes = toBytes(data);
  await withFile(agent, { path, mode: existing === "append" ? "a" : "w" }, limits, async (handle) => {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + CHUNK_BYTES);
      const written = await agent.execute(
        "guest-file-write",
        { handle, "buf-b64": part.toBase64() },
        limits,
      );
      const count = Number(written.count);
      if (!(count > 0 && count <= part.length)) {
        throw new QgaProtocolError(
          "guest-file-write",
          `it wrote ${count} of ${part.length} bytes of ${path}`,
        );
      }
      at += count;
    }
    await agent.execute("guest-file-flush", { handle }, limits);
  });
}

/** Closes the file whatever happens, even after an abort. Its handle is only lost when the answer to the opening is. */
async function withFile<T>(
  agent: QgaClient,
  file: { path: string; mode: "r" | "w" | "a" },
  limits: QgaExecuteOptions,
  action: (handle: number | bigint) => Promise<T>,
): Promise<T> {
  const handle = await agent.execute("guest-file-open", file, limits);
  let result: T;
  try {
    result = await action(handle);
  } catch (error) {
    // What went wrong first says more than that the file could not be closed either.
    await agent.execute("guest-file-close", { handle }).catch(() => {});
    throw error;
  }
  await agent.execute("guest-file-close", { handle });
  return result;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
