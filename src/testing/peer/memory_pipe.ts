import type { ByteTransport } from "../../qmp/mod.ts";

/** How much a direction holds before its writer waits, as a socket's buffer does. */
const CAPACITY_BYTES = 256 * 1024;

/** One direction: each read gets at most one chunk, cut as it was written. */
class Direction {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #end: "open" | "ended" = "open";
  #changed: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    if (bytes.length > 0) this.#chunks.push(bytes.slice());
    this.#bytes += bytes.length;
    this.#tell();
    while (this.#bytes > CAPACITY_BYTES) {
      await this.#changed.promise;
      this.#assertOpen();
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#end === "ended") return null;
      await this.#changed.promise;
    }
    const chunk = this.#chunks[0] as Uint8Array;
    const part = chunk.subarray(0, buffer.length);
    buffer.set(part);
    if (part.length === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(part.length);
    this.#bytes -= part.length;
    this.#tell();
    return part.length;
  }

  /** What was written before can still be read, unless the reader itself has gone. */
  end(rest: "kept" | "dropped"): void {
    this.#end = "ended";
    if (rest === "dropped") this.#chunks.length = 0;
    this.#tell();
  }

  #assertOpen(): void {
    if (this.#end === "open") return;
    throw new Deno.errors.BrokenPipe(
      "Cannot write to a connection in memory: one of its sides has closed it",
    );
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}

function side(address: string, incoming: Direction, outgoing: Direction): ByteTransport {
  return {
    address,
    read: (buffer) => incoming.read(buffer),
    write: (bytes) => outgoing.write(bytes),
    close() {
      incoming.end("dropped");
      outgoing.end("kept");
      return Promise.resolve();
    },
  };
}

/**
 * A connection within the process. What one side writes in one go is what the other one reads in one go, so any chunking can be brought about
 * exactly, which no socket promises.
 *
 * @returns Both sides.
 */
export function memoryPipe(): readonly [client: ByteTransport, peer: ByteTransport] {
  const toPeer = new Direction();
  const toClient = new Direction();
  return [side("memory", toClient, toPeer), side("memory", toPeer, toClient)];
}
