import { abortable } from "@std/async/abortable";
import { MAX_TIMER_MS } from "../qmp/alarm.ts";
import { type ByteTransport, EventStream } from "../qmp/mod.ts";
import { ConsoleClosedError, ConsoleTimeoutError, showPattern } from "./errors.ts";
import { TextTail } from "./text_tail.ts";

/** How much of the console's text is kept, in characters. All of it is in the run directory's `console.log`. */
const TRANSCRIPT_CHARS = 1024 * 1024;
/** How many pieces are known by the time at which they came. */
const ARRIVALS = 256;
/** How long `expect` waits unless it is told otherwise, in milliseconds. */
const DEFAULT_EXPECT_MS = 60_000;

/**
 * What `expect` takes beside the pattern.
 *
 * @example
 * ```ts
 * import { type ConsoleExpectOptions, ConsoleTimeoutError, launch } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg" }, { paused: true }); // so this guest says nothing
 * const options: ConsoleExpectOptions = { timeoutMs: 10 };
 * await assertRejects(async () => await vm.console?.expect("login:", options), ConsoleTimeoutError);
 * ```
 */
export interface ConsoleExpectOptions {
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Stops waiting after this many milliseconds, with a `ConsoleTimeoutError`; `Infinity` for no limit. Default 60000. */
  timeoutMs?: number;
}

/**
 * What `expect` found.
 *
 * @example
 * ```ts
 * import type { ConsoleMatch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * // What `expect(/(\w+) login: /)` finds in "Welcome\nweb login: ".
 * const match: ConsoleMatch = { text: "web login: ", groups: ["web"], before: "Welcome\n" };
 * assertEquals(match.groups[0], "web");
 * ```
 */
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
  /** Up to where a plain text has been looked for, counted in characters from the first one. */
  searched: number;
  resolve(match: ConsoleMatch): void;
  reject(error: unknown): void;
}

/**
 * The guest's serial console. It is read always, whether anybody listens or not, so that the guest never stalls; the last
 * 1 Mi characters are kept here, and QEMU writes all of it to `console.log` in the run directory. (There a byte may be found twice: QEMU
 * logs what it could not send at once again when it sends it. Here nothing is lost and nothing is twice.)
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const bios = await Deno.makeTempFile();
 * await Deno.writeFile(bios, rom(unirom.code));
 * await using vm = await launch({ accel: "tcg", memoryMiB: 16, firmware: { bios } });
 * await vm.console?.expect("READY\n");
 * await vm.console?.write("y=42."); // this guest echoes what is no command
 * assertEquals((await vm.console?.expect(/y=(\d+)\./))?.groups, ["42"]);
 * await Deno.remove(bios);
 * ```
 */
export class SerialConsole implements AsyncDisposable {
  readonly #transport: ByteTransport;
  readonly #tail = new TextTail(TRANSCRIPT_CHARS);
  readonly #streams = new Set<EventStream<Uint8Array>>();
  readonly #waiters: Waiter[] = [];
  /** When the last pieces came, by the wall clock, and where in the text each begins. */
  readonly #arrivals: { atMs: number; from: number }[] = [];
  /** Where the last match ended, counted in characters from the first one. */
  #cursor = 0;
  #ended = false;
  /** The write that is under way: the next one waits for it, so that two never mix. */
  #writing: Promise<void> = Promise.resolve();
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

  /**
   * What has come since a moment: what a guest has said since an event of QEMU's, should it have been read before the event was.
   *
   * @param atMs The moment, in milliseconds of the wall clock, as `timestamp` of an event counts it.
   * @returns The text, of the last 256 pieces that came at most. What the guest had said before, and was read late, is in it too.
   */
  saidSince(atMs: number): string {
    // Pieces know their millisecond only.
    const first = this.#arrivals.find((piece) => piece.atMs >= Math.floor(atMs));
    return first === undefined ? "" : this.#tail.from(first.from);
  }

  /** Resolves when the console is gone, which is when QEMU ends. */
  get closed(): Promise<void> {
    return this.#reader;
  }

  /**
   * Types into the console. A guest that does not read lets it wait.
   *
   * @param data Text or bytes; nothing is added to them, so a command line wants its `\n`.
   * @param options Signal: stops waiting; what was begun is written all the same.
   * @throws {ConsoleClosedError} When QEMU has ended.
   */
  async write(data: string | Uint8Array, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const written = this.#writing.then(() => this.#write(bytes));
    this.#writing = written.catch(() => {});
    await (signal ? abortable(written, signal) : written);
  }

  /**
   * Waits until the guest says something. What was said since the last match counts, so nothing is missed between two calls, and
   * nothing is matched twice. Several that wait are served in the order in which they asked.
   *
   * @param pattern A text, or a regular expression.
   * @param options Time limit (60 s unless told otherwise) and signal.
   * @returns The match, and what came before it.
   * @throws {ConsoleTimeoutError} When it was not said in time; the error shows what was said.
   * @throws {ConsoleClosedError} When QEMU ends first.
   * @throws {RangeError} When the time limit is negative or not a number.
   */
  async expect(pattern: string | RegExp, options: ConsoleExpectOptions = {}): Promise<ConsoleMatch> {
    const { signal, timeoutMs = DEFAULT_EXPECT_MS } = options;
    if (!(timeoutMs >= 0)) {
      throw new RangeError(`Cannot wait as 'timeoutMs' must not be negative: current value is ${timeoutMs}`);
    }
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ConsoleMatch>();
    const waiter: Waiter = { pattern, searched: 0, resolve, reject };
    const giveUp = (error: unknown) => {
      const at = this.#waiters.indexOf(waiter);
      if (at < 0) return;
      this.#waiters.splice(at, 1);
      reject(error);
      // Whoever stood behind it may have what it wants already.
      this.#serve();
    };
    const aborted = () => giveUp(signal?.reason);
    const timer = timeoutMs > MAX_TIMER_MS ? undefined : setTimeout(
      () => giveUp(new ConsoleTimeoutError(pattern, timeoutMs, this.#tail.from(this.#cursor))),
      timeoutMs,
    );
    signal?.addEventListener("abort", aborted, { once: true });
    this.#waiters.push(waiter);
    try {
      this.#serve();
      if (this.#ended) this.#refuse();
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
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
    await this.#writing;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      if (!this.#ended) return await this.#transport.write(bytes);
    } catch (error) {
      // The pipe breaks with QEMU; the reader sees the same end.
      throw this.#closedError("write to the console", { cause: error });
    }
    throw this.#closedError("write to the console");
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(4 * 1024);
    try {
      for (
        let count = await this.#transport.read(buffer);
        count !== null;
        count = await this.#transport.read(buffer)
      ) {
        const bytes = buffer.slice(0, count);
        this.#arrivals.push({ atMs: Date.now(), from: this.#tail.length });
        if (this.#arrivals.length > ARRIVALS) this.#arrivals.shift();
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
    for (let waiter = this.#waiters[0]; waiter !== undefined; waiter = this.#waiters[0]) {
      const found = this.#find(waiter);
      if (found === null) return;
      this.#waiters.shift();
      waiter.resolve(found);
    }
  }

  /** The first match after the last one; the cursor moves to its end. */
  #find(waiter: Waiter): ConsoleMatch | null {
    const { pattern } = waiter;
    if (typeof pattern === "string") {
      // Only what is new is looked at, and as much before it as may begin the text: a long wait must not cost its square.
      const fresh = Math.max(this.#cursor, waiter.searched - pattern.length + 1);
      waiter.searched = this.#tail.length;
      if (!this.#tail.from(fresh).includes(pattern)) return null;
    }
    const text = this.#tail.from(this.#cursor);
    const found = find(text, pattern);
    if (found === null) return null;
    this.#cursor = this.#tail.length - text.length + found.end;
    return found.match;
  }

  #refuse(): void {
    for (const { pattern, reject } of this.#waiters.splice(0)) {
      reject(this.#closedError(`wait for ${showPattern(pattern)}`));
    }
  }

  #closedError(attempt: string, options?: ErrorOptions): ConsoleClosedError {
    return new ConsoleClosedError(attempt, this.#tail.from(this.#cursor), options);
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
