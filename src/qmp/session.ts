import { alarm } from "./alarm.ts";
import { QmpDecoder } from "./decoder.ts";
import { withId } from "./encode.ts";
import { QmpCommandError, QmpInterruptedError, QmpProtocolError } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { type AnyQmpEvent, classifyMessage, type Greeting, type QmpMessage } from "./message.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { SendWindow } from "./send_window.ts";
import type { ByteTransport } from "./transport.ts";

/** A read of more than this is taken for a part of a flood: the event loop gets a turn after it. */
const FLOOD_BYTES = 8 * 1024;

/** How long a connection that can't be written to any more may still be read. QEMU's last words take 35 ms at worst. */
const DRAIN_MS = 500;

/**
 * Deno looks at its sockets when it is idle, or else at each 61st turn of the event loop; so a timer of 0 ms, which may fire in the
 * next turn, is no proof. 128 turns take about 1 ms.
 */
const QUIET_TURNS = 128;

/** `draining`: nothing can be written any more, and what the peer had still sent is read. `closing`: by our own side. */
type SessionState = "open" | "draining" | "closing" | "ended";

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
  #state: SessionState = "open";
  #flushing: "idle" | "scheduled" | "writing" = "idle";
  #writer: Promise<void> = Promise.resolve();
  readonly #reader: Promise<void>;
  #reads = 0;
  /** Set while draining. */
  #drainLimit: Disposable | null = null;
  /** Why the connection was given up though the peer did not end it. */
  #gaveUp: Error | null = null;

  constructor(transport: ByteTransport, handlers: SessionHandlers, options: SessionOptions) {
    this.#transport = transport;
    this.#handlers = handlers;
    this.#logger = options.logger;
    this.#decoder = new QmpDecoder({ maxMessageBytes: options.maxMessageBytes });
    this.#reader = this.#read();
  }

  /** Can commands still be sent, as far as is known. */
  get open(): boolean {
    return this.#state === "open";
  }

  /** Sends a command at once, under an id of the caller's. */
  submitAs(id: number, call: Call): void {
    this.#window.enterAs(id, call);
    this.#place(call, id);
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

  /**
   * Resolves once what had arrived before the call is read, as far as that can be known: when so many turns of the event loop
   * in a row have brought nothing. It does not wait without end for a peer that never pauses.
   */
  async caughtUp(): Promise<void> {
    let reads = this.#reads;
    for (let turn = 0, quiet = 0; quiet < QUIET_TURNS && turn < 10 * QUIET_TURNS; turn++, quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#reads !== reads) quiet = 0;
      reads = this.#reads;
    }
  }

  /** Closes the socket and waits until the reader and the writer have ended. Never rejects. */
  async close(): Promise<void> {
    if (this.#state !== "ended") this.#state = "closing";
    await this.#closeTransport();
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

  #release(id: unknown): void {
    this.#window.leave(id);
    for (let next = this.#window.next(); next; next = this.#window.next()) this.#place(next.call, next.id);
  }

  async #flush(): Promise<void> {
    this.#flushing = "writing";
    // Once the connection is on its way out nothing more is written, so that `sent` says the truth.
    while (this.#outgoing.length > 0 && this.#state === "open") {
      const batch = this.#outgoing;
      this.#outgoing = [];
      let text = "";
      for (const { call, id } of batch) {
        call.stage = "written";
        text += withId(call.text, id);
      }
      try {
        await this.#transport.write(new TextEncoder().encode(text));
      } catch (error) {
        this.#drain(toError(error));
      }
    }
    this.#flushing = "idle";
  }

  /**
   * The peer takes nothing any more. What it had still sent is read before the session ends, because the last event says
   * why; it mostly ends the connection itself, and is not waited for long.
   */
  #drain(error: Error): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.#drainLimit = alarm(DRAIN_MS, () => {
      this.#gaveUp = error;
      this.#closeTransport();
    });
    this.#logger.debug("QMP write failed", { address: this.#transport.address, error });
  }

  async #read(): Promise<void> {
    const buffer = new ReadBuffer();
    try {
      for (;;) {
        const count = await this.#transport.read(buffer.next);
        if (count === null) break;
        this.#reads++;
        for (const value of this.#decoder.push(buffer.taken(count))) this.#take(value);
        if (this.#decoder.failure) throw this.#decoder.failure;
        // Reads of what has already arrived follow one another without a turn of the event loop, so that a flood of events would
        // overrun the streams of readers that are quick enough.
        if (count > FLOOD_BYTES) await new Promise<void>((resolve) => setImmediate(resolve));
      }
      // Our own end may come in the middle of a message.
      if (this.#state !== "closing" && this.#gaveUp === null) this.#decoder.end();
      this.#finish(this.#gaveUp);
    } catch (error) {
      this.#finish(toError(error));
    }
    await this.#closeTransport();
  }

  async #closeTransport(): Promise<void> {
    try {
      await this.#transport.close();
    } catch (error) {
      this.#logger.debug("QMP close failed", { address: this.#transport.address, error });
    }
  }

  #take(value: unknown): void {
    const message = classifyMessage(value);
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
        throw new QmpProtocolError(message.reason, excerpt(value));
    }
  }

  /** Whose reply this is; none when nobody listens any more. */
  #callOf(message: QmpMessage & { kind: "return" | "error" }): Call | undefined {
    const { id } = message;
    if (id === undefined) {
      // QEMU could not read a command well enough to find its id: no telling whose it was.
      throw new QmpProtocolError("A reply has no id", message.kind === "error" ? message.desc : "");
    }
    const call = this.#window.at(id);
    // The id of a command that is not yet written can't be meant: its place was another's until just now.
    if (call?.stage !== "written") {
      this.#logger.warn("QMP reply with an unknown id dropped", { address: this.#transport.address, id });
      return undefined;
    }
    this.#release(id);
    return call.heard === "awaited" ? call : undefined;
  }

  #finish(error: Error | null): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#drainLimit?.[Symbol.dispose]();
    this.#outgoing = [];
    for (const call of this.#window.clear()) {
      if (call.heard === "awaited") {
        call.reject(new QmpInterruptedError(call.command, call.stage === "written", error));
      }
    }
    this.#handlers.ended(error);
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** A message's text, for an error; it may hold a bigint, which JSON.stringify refuses. */
function excerpt(value: unknown): string {
  return JSON.stringify(value, (_key, member) => typeof member === "bigint" ? `${member}` : member) ?? "";
}
