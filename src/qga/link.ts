import { abortable } from "@std/async/abortable";
import type { ByteTransport } from "../qmp/mod.ts";
import { type AgentFrame, AgentFrames } from "./frames.ts";

const READ_BYTES = 64 * 1024;

/** The connection ended; the client says what that means for its command. */
export class LinkEnded extends Error {
  override readonly name = "LinkEnded";
}

/**
 * An open channel to the agent. It reads only while somebody waits for an answer, so a guest that never stops talking fills its own
 * queue and not this process's memory. A read or a write that was given up goes on; the next one waits for it.
 */
export class AgentLink {
  readonly #transport: ByteTransport;
  readonly #frames: AgentFrames;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #heard: AgentFrame[] = [];
  #reading: Promise<void> | null = null;
  #writing: Promise<void> = Promise.resolve();
  #end: LinkEnded | null = null;

  /**
   * @param transport The connection, owned from here on.
   * @param maxMessageBytes The largest message that is accepted.
   */
  constructor(transport: ByteTransport, maxMessageBytes: number | undefined) {
    this.#transport = transport;
    this.#frames = new AgentFrames(maxMessageBytes);
  }

  /** Whether the connection is known to be over. */
  get ended(): boolean {
    return this.#end !== null;
  }

  /** Drops what was heard and not yet received, and all that comes before the next delimiter. */
  seek(): void {
    this.#heard = [];
    this.#frames.seek();
  }

  /**
   * Writes, after what was written before.
   *
   * @param bytes What to write.
   * @param signal Stops waiting. What is being written then is still written.
   * @param started Called when the first byte is about to leave.
   */
  async send(bytes: Uint8Array, signal: AbortSignal, started?: () => void): Promise<void> {
    await abortable(this.#writing, signal);
    signal.throwIfAborted();
    if (this.#end !== null) throw this.#end;
    started?.();
    const writing = this.#transport.write(bytes).catch((cause) => {
      throw this.#over(cause);
    });
    this.#writing = writing.catch(() => {});
    await abortable(writing, signal);
  }

  /**
   * The next thing that the agent says.
   *
   * @param signal Stops waiting; nothing is lost by it.
   * @returns What it said.
   * @throws {LinkEnded} When the connection is over.
   */
  async receive(signal: AbortSignal): Promise<AgentFrame> {
    for (;;) {
      const frame = this.#heard.shift();
      if (frame !== undefined) return frame;
      if (this.#end !== null) throw this.#end;
      this.#reading ??= this.#read();
      await abortable(this.#reading, signal);
    }
  }

  /** Closes the connection. What is read or written ends by it. */
  async close(): Promise<void> {
    this.#over(null);
    await this.#transport.close();
    await this.#reading;
    await this.#writing;
  }

  async #read(): Promise<void> {
    try {
      const count = await this.#transport.read(this.#buffer);
      if (count === null) this.#over(null);
      else for (const frame of this.#frames.push(this.#buffer.subarray(0, count))) this.#heard.push(frame);
    } catch (cause) {
      this.#over(cause);
    } finally {
      this.#reading = null;
    }
  }

  #over(cause: unknown): LinkEnded {
    this.#end ??= new LinkEnded("The connection ended", cause === null ? {} : { cause });
    return this.#end;
  }
}
