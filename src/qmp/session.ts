import { QmpDecoder } from "./decoder.ts";
import { withId } from "./encode.ts";
import { QmpCommandError, QmpInterruptedError, QmpProtocolError } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { type AnyQmpEvent, classifyMessage, type Greeting, type QmpMessage } from "./message.ts";
import { SendWindow } from "./send_window.ts";
import type { ByteTransport } from "./transport.ts";

const READ_BUFFER_BYTES = 64 * 1024;

/** One command on its way: written at most once, answered at most once. */
export interface Call {
  readonly command: string;
  /** The command's text, but for its id. */
  readonly text: string;
  readonly oob: boolean;
  /** `waiting` for a place, `placed` but not written, or `written` (its write has begun). */
  stage: "waiting" | "placed" | "written";
  /** An abandoned call keeps its id until its late reply comes, which nobody hears. */
  heard: "awaited" | "abandoned";
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** What a session tells its owner, in the order in which it came. */
export interface SessionHandlers {
  greeting(greeting: Greeting): void;
  event(event: AnyQmpEvent): void;
  /** The last call: the connection is over; `error` is null after a clean end. */
  ended(error: Error | null): void;
}

/** What a session is made with. */
export interface SessionOptions {
  logger: Logger;
  maxMessageBytes: number;
}

/**
 * One connection: reads and classifies messages, gives each reply to its call, and writes commands, many in one write.
 * It knows ids and places in flight, and neither negotiation nor time.
 */
export class QmpSession {
  readonly #transport: ByteTransport;
  readonly #handlers: SessionHandlers;
  readonly #logger: Logger;
  readonly #decoder: QmpDecoder;
  readonly #window = new SendWindow<Call>();
  #outgoing: { call: Call; id: number }[] = [];
  #state: "open" | "closing" | "ended" = "open";
  #flushing: "idle" | "scheduled" | "writing" = "idle";
  #writer: Promise<void> = Promise.resolve();
  readonly #reader: Promise<void>;

  constructor(transport: ByteTransport, handlers: SessionHandlers, options: SessionOptions) {
    this.#transport = transport;
    this.#handlers = handlers;
    this.#logger = options.logger;
    this.#decoder = new QmpDecoder({ maxMessageBytes: options.maxMessageBytes });
    this.#reader = this.#read();
  }

  /** Is the connection still there, as far as is known. */
  get open(): boolean {
    return this.#state === "open";
  }

  /** Sends a command, now or when there is a place for it. */
  submit(call: Call): void {
    const id = call.oob ? this.#window.enterOutOfBand(call) : this.#window.enter(call);
    if (id !== null) this.#place(call, id);
  }

  /** The caller no longer waits. What is not written yet never will be. */
  abandon(call: Call): void {
    call.heard = "abandoned";
    if (call.stage === "waiting") this.#window.withdraw(call);
    if (call.stage !== "placed") return;
    const at = this.#outgoing.findIndex((entry) => entry.call === call);
    const entry = this.#outgoing[at];
    if (entry === undefined) return;
    this.#outgoing.splice(at, 1);
    this.#release(entry.id);
  }

  /** Closes the socket and waits until the reader and the writer have ended. Never rejects. */
  async close(): Promise<void> {
    if (this.#state === "open") this.#state = "closing";
    await this.#transport.close();
    await this.#reader;
    await this.#writer;
  }

  #place(call: Call, id: number): void {
    call.stage = "placed";
    this.#outgoing.push({ call, id });
    if (this.#flushing !== "idle") return;
    this.#flushing = "scheduled";
    // Not at once: calls made together, or answered together, then go out in one write.
    queueMicrotask(() => {
      this.#writer = this.#flush();
    });
  }

  #release(id: unknown): Call | undefined {
    const call = this.#window.leave(id);
    for (let next = this.#window.next(); next; next = this.#window.next()) this.#place(next.call, next.id);
    return call;
  }

  async #flush(): Promise<void> {
    this.#flushing = "writing";
    try {
      while (this.#outgoing.length > 0) {
        const batch = this.#outgoing;
        this.#outgoing = [];
        let text = "";
        for (const { call, id } of batch) {
          call.stage = "written";
          text += withId(call.text, id);
        }
        await this.#transport.write(new TextEncoder().encode(text));
      }
    } catch (error) {
      // Nobody reads any more. What the peer had still sent is read to its end before the session ends, because the
      // last event before the end says why.
      this.#logger.debug("QMP write failed", { address: this.#transport.address, error });
      this.#outgoing = [];
    } finally {
      this.#flushing = "idle";
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    try {
      for (;;) {
        const count = await this.#transport.read(buffer);
        if (count === null) break;
        for (const value of this.#decoder.push(buffer.subarray(0, count))) this.#take(classifyMessage(value));
        if (this.#decoder.failure) throw this.#decoder.failure;
      }
      if (this.#state === "open") this.#decoder.end();
      this.#finish(null);
    } catch (error) {
      this.#finish(error instanceof Error ? error : new Error(String(error)));
    }
    await this.#transport.close();
  }

  #take(message: QmpMessage): void {
    switch (message.kind) {
      case "event":
        return this.#handlers.event(message.event);
      case "return":
        return this.#callOf(message)?.resolve(message.value);
      case "error": {
        const call = this.#callOf(message);
        return call?.reject(new QmpCommandError(call.command, message.class, message.desc));
      }
      case "greeting":
        return this.#handlers.greeting(message.greeting);
      case "invalid":
        throw new QmpProtocolError(message.reason, "");
    }
  }

  /** Whose reply this is; none when nobody listens any more. */
  #callOf(message: QmpMessage & { kind: "return" | "error" }): Call | undefined {
    const { id } = message;
    if (id === undefined) {
      // QEMU could not read a command well enough to find its id: no telling whose it was.
      throw new QmpProtocolError("a reply without an id", message.kind === "error" ? message.desc : "");
    }
    const call = this.#release(id);
    if (call === undefined) {
      this.#logger.warn("QMP reply with an unknown id dropped", { address: this.#transport.address, id });
    }
    return call?.heard === "awaited" ? call : undefined;
  }

  #finish(error: Error | null): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#outgoing = [];
    for (const call of this.#window.clear()) {
      if (call.heard === "awaited") {
        call.reject(new QmpInterruptedError(call.command, call.stage === "written", error));
      }
    }
    this.#handlers.ended(error);
  }
}
