import type { ByteTransport } from "../../qmp/mod.ts";
import { type Frame, FrameReader } from "./frame_reader.ts";
import type { Outputs } from "./run_types.ts";

/** The connection to the port ended, most often because QEMU did. */
export class LinkEndedError extends Error {
  override readonly name = "LinkEndedError";
}

/** A connection to the port: bytes out, frames in, in their order. One waits at a time. */
export class PortLink implements AsyncDisposable {
  readonly #transport: ByteTransport;
  readonly #frames: Frame[] = [];
  readonly #frameReader = new FrameReader();
  readonly #reader: Promise<void>;
  #state: "open" | "ended" = "open";
  #heardAt = performance.now();
  #wake: (() => void) | null = null;
  /** The write that is under way: the next one waits for it. */
  #writing: Promise<void> = Promise.resolve();

  /** @param transport The connection; the link owns it from here on. */
  constructor(transport: ByteTransport) {
    this.#transport = transport;
    this.#reader = this.#read();
  }

  /** Whether the connection is gone. */
  get ended(): boolean {
    return this.#state === "ended";
  }

  /** Whether what came last was the middle of a frame. */
  get inFrame(): boolean {
    return this.#frameReader.inFrame;
  }

  /** What has come of the outputs in the frame that is under way. */
  get partial(): Outputs | null {
    return this.#frameReader.partial;
  }

  /**
   * Writes, after what is being written. A guest that does not read lets it wait; what was begun goes on after an abort.
   *
   * @param data Text or bytes.
   * @param signal Stops waiting.
   */
  async write(data: string | Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const written = Promise.withResolvers<void>();
    const aborted = () => written.reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    this.#writing = this.#writing.then(() => this.#transport.write(bytes)).then(
      written.resolve,
      (cause) => written.reject(new LinkEndedError("The port's connection ended", { cause })),
    );
    try {
      await written.promise;
    } finally {
      signal.removeEventListener("abort", aborted);
    }
  }

  /**
   * The next frame.
   *
   * @param silentMs After so many milliseconds without a byte there is none.
   * @param signal Stops waiting.
   * @returns The frame; null when it was silent for so long.
   * @throws {LinkEndedError} When the connection is gone.
   */
  async next(silentMs: number, signal: AbortSignal): Promise<Frame | null> {
    const since = performance.now();
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      signal.throwIfAborted();
      if (this.ended) throw new LinkEndedError("The port's connection ended");
      const left = Math.max(since, this.#heardAt) + silentMs - performance.now();
      if (left <= 0) return null;
      await this.#somethingNew(left, signal);
    }
  }

  /** Gives up the frame that is under way, and forgets those that wait. */
  reset(): void {
    this.#frameReader.reset();
    this.#frames.length = 0;
  }

  /** Closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.close();
    await this.#reader;
    await this.#writing;
  }

  async #somethingNew(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, ms);
    const aborted = () => resolve();
    signal.addEventListener("abort", aborted, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      this.#wake = null;
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const count = await this.#transport.read(buffer);
        if (count === null) break;
        this.#heardAt = performance.now();
        this.#frames.push(...this.#frameReader.push(buffer.subarray(0, count)));
        this.#wake?.();
      }
    } catch {
      // However it ended, nothing more will come.
    }
    this.#state = "ended";
    this.#wake?.();
    await this.#transport.close();
  }
}
