import { QmpDecoder } from "../qmp/mod.ts";

/** Ends whatever came before it: no JSON has this byte. The agent writes it before the reply of `guest-sync-delimited`. */
export const DELIMITER = 0xff;

/** One thing that the agent said. */
export type AgentFrame =
  /** A JSON object; `delimited` when it is the first one after the delimiter. */
  | { readonly kind: "message"; readonly message: unknown; readonly delimited: boolean }
  /** What is no JSON object. Everything up to the next delimiter is dropped after it. */
  | { readonly kind: "garbage"; readonly error: Error };

/** Bytes in, what the agent said out: JSON objects, with the delimiter as the place from which to start again. */
export class AgentFrames {
  readonly #maxMessageBytes: number | undefined;
  #decoder: QmpDecoder | null;
  #delimited = false;

  /** @param maxMessageBytes The largest message that is accepted; as `QmpDecoder` has it by default. */
  constructor(maxMessageBytes?: number) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#decoder = this.#newDecoder();
  }

  /** Drops what is under way, and everything up to the next delimiter. */
  seek(): void {
    this.#decoder = null;
    this.#delimited = false;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk Any number of bytes, cut anywhere.
   * @returns What is whole now, in order.
   */
  push(chunk: Uint8Array): AgentFrame[] {
    const frames: AgentFrame[] = [];
    let start = 0;
    for (let end = chunk.indexOf(DELIMITER); end !== -1; end = chunk.indexOf(DELIMITER, start)) {
      this.#take(chunk.subarray(start, end), frames);
      this.#decoder = this.#newDecoder();
      this.#delimited = true;
      start = end + 1;
    }
    this.#take(chunk.subarray(start), frames);
    return frames;
  }

  #take(part: Uint8Array, frames: AgentFrame[]): void {
    const decoder = this.#decoder;
    if (decoder === null || part.length === 0) return;
    for (const message of decoder.push(part)) {
      frames.push({ kind: "message", message, delimited: this.#delimited });
      this.#delimited = false;
    }
    const error = decoder.failure;
    if (error === null) return;
    frames.push({ kind: "garbage", error });
    this.seek();
  }

  #newDecoder(): QmpDecoder {
    const limit = this.#maxMessageBytes;
    return new QmpDecoder(limit === undefined ? {} : { maxMessageBytes: limit });
  }
}
