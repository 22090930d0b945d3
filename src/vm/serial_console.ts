import { type ByteTransport, EventStream } from "../qmp/mod.ts";
import { ConsoleClosedError, ConsoleTimeoutError } from "./errors.ts";
import { TextTail } from "./text_tail.ts";

/** How much of the console's text is kept, in characters. All of it is in the run directory's `console.log`. */
const TRANSCRIPT_CHARS = 1024 * 1024;
/** How long `expect` waits unless it is told otherwise, in milliseconds. */
const DEFAULT_EXPECT_MS = 60_000;

/** What `expect` takes beside the pattern. */
export interface ConsoleExpectOptions {
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Stops waiting after this many milliseconds, with a `ConsoleTimeoutError`. Default 60000. */
  timeoutMs?: number;
}

/** What `expect` found. */
export interface ConsoleMatch {
  /** The text that matched. */
  text: string;
  /** The groups of a regular expression; empty for a plain text. */
  groups: readonly (string | undefined)[];
  /** What the guest said before it, since the last match. */
  before: string;
}

interface Waiter {
  pattern: string | RegExp;
  resolve(match: ConsoleMatch): void;
  reject(error: unknown): void;
}

/**
 * The guest's serial console. It is read always, whether anybody listens or not, so that the guest never stalls; the last
 * 1 Mi characters are kept here, and QEMU writes all of it to `console.log` in the run directory.
 */
export class SerialConsole implements AsyncDisposable {
  readonly #transport: ByteTransport;
  readonly #tail = new TextTail(TRANSCRIPT_CHARS);
  readonly #streams = new Set<EventStream<Uint8Array>>();
  readonly #waiters: Waiter[] = [];
  /** Where the last match ended, counted in characters from the first one. */
  #cursor = 0;
  #ended = false;
  readonly #reader: Promise<void>;

  /** @param transport The connection to the console's socket; the console owns it from here on. */
  constructor(transport: ByteTransport) {
    this.#transport = transport;
    this.#reader = this.#read();
  }

  /** What the guest said: the last 1 Mi characters, as UTF-8, with its own line ends. */
  get transcript(): string {
    return this.#tail.text;
  }

  /** Resolves when the console is gone, which is when QEMU ends. */
  get closed(): Promise<void> {
    return this.#reader;
  }

  /**
   * Types into the console.
   *
   * @param data Text or bytes; nothing is added to them, so a command line wants its `\n`.
   */
  async write(data: string | Uint8Array): Promise<void> {
    if (this.#ended) throw new ConsoleClosedError("write to the console", this.#tail.text);
    await this.#transport.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  /**
   * Waits until the guest says something. What was said since the last match counts, so nothing is missed between two calls, and
   * nothing is matched twice.
   *
   * @param pattern A text, or a regular expression.
   * @param options Time limit (60 s unless told otherwise) and signal.
   * @returns The match, and what came before it.
   * @throws {ConsoleTimeoutError} When it was not said in time; the error shows what was said.
   * @throws {ConsoleClosedError} When QEMU ends first.
   */
  async expect(pattern: string | RegExp, options: ConsoleExpectOptions = {}): Promise<ConsoleMatch> {
    const { signal, timeoutMs = DEFAULT_EXPECT_MS } = options;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ConsoleMatch>();
    const waiter: Waiter = { pattern, resolve, reject };
    this.#waiters.push(waiter);
    const aborted = () => reject(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    const timer = setTimeout(
      () => reject(new ConsoleTimeoutError(pattern, timeoutMs, this.#tail.from(this.#cursor))),
      timeoutMs,
    );
    try {
      this.#serve();
      if (this.#ended) this.#refuse();
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      const at = this.#waiters.indexOf(waiter);
      if (at >= 0) this.#waiters.splice(at, 1);
    }
  }

  /**
   * The console's bytes from this call on, as they come.
   *
   * @returns A bounded stream, to be disposed of; it ends with the console.
   */
  output(): EventStream<Uint8Array> {
    const stream: EventStream<Uint8Array> = new EventStream<Uint8Array>({
      onDispose: () => this.#streams.delete(stream),
    });
    if (this.#ended) stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /** Closes the connection; the guest goes on, and `console.log` with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.close();
    await this.#reader;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (
        let count = await this.#transport.read(buffer);
        count !== null;
        count = await this.#transport.read(buffer)
      ) {
        const bytes = buffer.slice(0, count);
        this.#tail.push(bytes);
        for (const stream of this.#streams) stream.push(bytes);
        this.#serve();
      }
    } catch (error) {
      for (const stream of this.#streams) stream.end(error);
    }
    this.#ended = true;
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
    this.#refuse();
    await this.#transport.close();
  }

  /** Gives what was said to those who wait for it, in the order in which they asked. */
  #serve(): void {
    while (this.#waiters.length > 0) {
      const waiter = this.#waiters[0] as Waiter;
      const text = this.#tail.from(this.#cursor);
      const found = find(text, waiter.pattern);
      if (found === null) return;
      this.#cursor = this.#tail.length - text.length + found.end;
      this.#waiters.shift();
      waiter.resolve(found.match);
    }
  }

  #refuse(): void {
    const heard = this.#tail.from(this.#cursor);
    for (const { pattern, reject } of this.#waiters) {
      reject(new ConsoleClosedError(`wait for ${pattern}`, heard));
    }
  }
}

/** The first match in a text, and where it ends. */
function find(text: string, pattern: string | RegExp): { match: ConsoleMatch; end: number } | null {
  if (typeof pattern === "string") {
    const at = text.indexOf(pattern);
    if (at < 0) return null;
    return { match: { text: pattern, groups: [], before: text.slice(0, at) }, end: at + pattern.length };
  }
  // Without `g` and `y` the expression has no memory of its own, so it can be used again.
  const found = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).exec(text);
  if (found === null) return null;
  const [whole, ...groups] = found;
  return {
    match: { text: whole, groups, before: text.slice(0, found.index) },
    end: found.index + whole.length,
  };
}
