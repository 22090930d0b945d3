import { abortable } from "@std/async/abortable";
import { MAX_TIMER_MS } from "../../qmp/alarm.ts";
import { EventStream } from "../../qmp/mod.ts";
import {
  ConsoleClosedError,
  type ConsoleMatch,
  ConsoleTimeoutError,
  type SerialConsole,
} from "../../vm/mod.ts";
import { cleanTranscript } from "./clean_transcript.ts";
import type {
  GuestConsoleOptions,
  GuestExpectOptions,
  TypedInput,
  TypeLineOptions,
} from "./console_options.ts";
import { ConsoleEchoError, type ConsoleFailure, ConsoleFailureError, showPattern } from "./errors.ts";
import { type ConsoleChannel, Expectations, type Wait, type WaitEnd } from "./expectations.ts";
import { FailureSettler } from "./failure_settler.ts";
import { FailureWatch } from "./failure_watch.ts";
import {
  type ClassifiedFailure,
  enabledClassifiers,
  FAILURE_CLASSIFIERS,
  type FailureName,
} from "./failures.ts";
import { type ConsolePiece, KernelLineFilter } from "./kernel_lines.ts";
import { PatternFinder } from "./pattern_finder.ts";
import { PlainText, plainText } from "./plain_text.ts";
import { Pulse } from "./pulse.ts";
import { RedactedOutput, Redactor } from "./redaction.ts";
import { TextWindow } from "./text_window.ts";
import { typeLine } from "./typist.ts";

/** How long `expect` waits unless it is told otherwise, in milliseconds. */
const DEFAULT_EXPECT_MS = 60_000;
/** How long `type` may take unless it is told otherwise, in milliseconds. */
const DEFAULT_TYPE_MS = 10_000;
/** The guest is taken to have said all when nothing has come for so long; and then it has been waited for long enough. In milliseconds. */
const QUIET_MS = 40;
const QUIET_WITHIN_MS = 400;
/** What may be the beginning of a kernel line is looked at as text when nothing has followed it for so long, in milliseconds. */
const HELD_QUIET_MS = 100;
/** How many things that were typed are remembered, and how much of each. */
const MAX_TYPED = 1000;
const MAX_TYPED_CHARS = 4096;
/** From this length on a transcript has lost its beginning. */
const TRANSCRIPT_CHARS = 1024 * 1024;
/** How much of the kernel's log is kept, in characters. */
const KERNEL_LOG_CHARS = 512 * 1024;

/** Whether there is more to come: the console goes on, is gone, or the guest has failed. */
type Life = { readonly kind: "open" } | { readonly kind: "ended" } | {
  readonly kind: "failed";
  readonly reason: unknown;
};

/**
 * A guest's serial console for tests. It knows the kernel's log lines from what programs write, even where one breaks into the other; it
 * knows what guests say when they fail, and then fails a wait at once; it types so that nothing gets lost; and it keeps secrets.
 *
 * It is read always, whether anybody waits or not, and takes nothing away from the {@linkcode SerialConsole} that it stands on. Colours
 * and cursor moves are not part of what is waited for, and every line ends with `\n`.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { GuestConsole, rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const bios = await Deno.makeTempFile();
 * await Deno.writeFile(bios, rom(unirom.code)); // a guest that echoes what is no command
 * await using vm = await launch({ accel: "tcg", memoryMiB: 16, firmware: { bios } });
 * if (vm.console === null) throw new Error("this guest has no serial console");
 * await using console = new GuestConsole(vm.console, { redact: ["hunter2"] });
 * await console.expect("READY\n", { failOn: [/error/] });
 * await console.type("user=ada pass=hunter2", { enter: "\n" });
 * await console.write("<4>[    4.200000] eth0: link is up\nbye\n");
 * assertEquals((await console.expect("bye\n")).before, "\n"); // what broke in is not in the way
 * assertEquals(console.kernelLog, "<4>[    4.200000] eth0: link is up\n");
 * assertEquals(console.transcript.split("\n")[1], "user=ada pass=[redacted]");
 * await Deno.remove(bios);
 * ```
 */
export class GuestConsole implements AsyncDisposable {
  readonly #serial: SerialConsole;
  readonly #redactor: Redactor;
  readonly #failed: AbortSignal | undefined;
  readonly #onFailure: ((failure: ConsoleFailure) => void) | undefined;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #filter = new KernelLineFilter();
  readonly #plain = new PlainText();
  readonly #watch: FailureWatch;
  readonly #settler: FailureSettler;
  readonly #expectations = new Expectations();
  readonly #kernelLog = new TextWindow(KERNEL_LOG_CHARS);
  readonly #pulse = new Pulse();
  readonly #source: EventStream<Uint8Array>;
  readonly #outputs = new Map<EventStream<string>, RedactedOutput>();
  readonly #typed: TypedInput[] = [];
  readonly #failures: ConsoleFailure[] = [];
  readonly #reader: Promise<void>;
  /** Runs while something is held back that may become a kernel line. */
  #heldTimer: ReturnType<typeof setTimeout> | undefined;
  #held: "fresh" | "old" = "fresh";
  #life: Life = { kind: "open" };
  /** The line that is being typed: the next one waits for it. */
  #typing: Promise<void> = Promise.resolve();

  /**
   * @param serial The console of a `Vm`; it stays the VM's. Made right after `launch()`, nothing is missed: what was said before counts.
   * @param options Secrets, and what to do about failures.
   * @throws {TypeError} When a secret is empty.
   */
  constructor(serial: SerialConsole, options: GuestConsoleOptions = {}) {
    this.#serial = serial;
    this.#redactor = new Redactor(options.redact ?? []);
    this.#watch = new FailureWatch(enabledClassifiers(options.classifiers));
    this.#settler = new FailureSettler({
      watch: this.#watch,
      expectations: this.#expectations,
      report: (found) => this.#report(found),
      serve: () => this.#serve(),
    });
    this.#onFailure = options.onFailure;
    this.#failed = options.failed;
    this.#source = serial.output();
    this.#reader = this.#read(serial.transcript);
    this.#failed?.addEventListener("abort", this.#guestFailed, { once: true });
    if (this.#failed?.aborted) this.#guestFailed();
  }

  /** What the guest said as one reads it (see `cleanTranscript`), without secrets: the last 1 Mi characters. */
  get transcript(): string {
    return this.#redactor.redact(cleanTranscript(this.rawTranscript));
  }

  /** What the guest said, with escape sequences and its own line ends, without secrets: the last 1 Mi characters. */
  get rawTranscript(): string {
    const raw = this.#serial.transcript;
    if (this.#redactor.idle || raw.length < TRANSCRIPT_CHARS) return this.#redactor.redactConsole(raw);
    // The first line may be the end of one, with half a secret in it.
    return this.#redactor.redactConsole(raw.slice(raw.indexOf("\n") + 1));
  }

  /** The lines of the kernel's log, without what broke into them and without secrets: the last 512 Ki characters. */
  get kernelLog(): string {
    return this.#redactor.redact(this.#kernelLog.from(0));
  }

  /** What was typed and when, without secrets: the last 1000 times. */
  get typed(): readonly TypedInput[] {
    return this.#typed.map((input) => ({ ...input, text: this.#redactor.redactConsole(input.text) }));
  }

  /** The first failure that the guest has told of and that was not allowed; null when there is none. */
  get failure(): ConsoleFailure | null {
    return this.#failures[0] ?? null;
  }

  /** All failures that the guest has told of, in order: an oops may be followed by a panic. */
  get failures(): readonly ConsoleFailure[] {
    return this.#failures;
  }

  /** Resolves when the console is gone, which is when QEMU ends, and everything in it has been looked at. */
  get closed(): Promise<void> {
    return this.#reader;
  }

  /**
   * Waits until the guest says something. What was said since the last match counts, so nothing is missed between two calls, and nothing is
   * matched twice. Several that wait are served in the order in which they asked; those who wait for the kernel's lines apart from the
   * others. Whatever the guest says first decides: the pattern, one of `failOn`, or a known failure. To wait for the words of a
   * known failure is to want it: then it is none.
   *
   * @param pattern A text, or a regular expression.
   * @param options What fails the wait, where to look, time limit (60 s unless told otherwise) and signal.
   * @returns The match, and what came before it since the last one.
   * @throws {ConsoleFailureError} When the guest fails, or says something of `failOn`, first.
   * @throws {ConsoleTimeoutError} When it was not said in time; the error shows what was said.
   * @throws {ConsoleClosedError} When QEMU ends first.
   * @throws {RangeError} When the time limit is negative or not a number.
   */
  async expect(pattern: string | RegExp, options: GuestExpectOptions = {}): Promise<ConsoleMatch> {
    const { failOn = [], in: channel = "text", timeoutMs = DEFAULT_EXPECT_MS, signal } = options;
    if (!(timeoutMs >= 0)) {
      throw new RangeError(`Cannot wait as 'timeoutMs' must not be negative: current value is ${timeoutMs}`);
    }
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ConsoleMatch>();
    const attempt = `wait for ${showPattern(this.#shown(pattern))}`;
    const end = (end: WaitEnd) => {
      if (end.kind === "match") return resolve(end.match);
      const [text, heard] = [this.#redactor.redact(end.text), this.#redactor.redact(end.heard)];
      const reason = { ...end, pattern: this.#shown(end.pattern), text, heard };
      reject(new ConsoleFailureError(attempt, reason));
    };
    const wait: Wait = {
      channel,
      success: new PatternFinder(pattern),
      failOn: failOn.map((one) => ({ text: new PatternFinder(one), kernel: new PatternFinder(one) })),
      end,
      refuse: reject,
      attempt,
    };
    const giveUp = (error: unknown) => {
      if (!this.#expectations.remove(wait)) return;
      reject(error);
      // Whoever stood behind it may have what it wants already.
      this.#serve();
    };
    const aborted = () => giveUp(signal?.reason);
    const timer = timeoutMs > MAX_TIMER_MS ? undefined : setTimeout(
      () => giveUp(new ConsoleTimeoutError(this.#shown(pattern), timeoutMs, this.#heard(channel))),
      timeoutMs,
    );
    signal?.addEventListener("abort", aborted, { once: true });
    this.#expectations.add(wait);
    try {
      this.#serve();
      const over = this.#over(attempt);
      if (over !== null && this.#expectations.remove(wait)) reject(over.error);
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    }
  }

  /**
   * Types into the console what it is given, and nothing else.
   *
   * @param data Text or bytes.
   * @param options Signal: stops waiting; what was begun is written all the same.
   * @throws {ConsoleClosedError} When QEMU has ended.
   */
  async write(data: string | Uint8Array, options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#remember("write", typeof data === "string" ? data : new TextDecoder().decode(data));
    await this.#serial.write(data, options);
  }

  /**
   * Types a line and presses Enter. Unless it is told otherwise, Enter is only pressed when the guest has echoed the line as it was meant;
   * what got lost is typed again. What was said before, and the echo, are passed over: the next `expect` looks at what comes after.
   *
   * @param line The line, without its end.
   * @param options Whether there is an echo, what Enter is, and how long it may take.
   * @throws {ConsoleEchoError} When the echo does not come; the error says what came instead.
   * @throws {ConsoleFailureError} When the guest fails meanwhile.
   * @throws {ConsoleClosedError} When QEMU has ended.
   * @throws {TypeError} When the line has control characters, which have no echo of their own: `write()` sends them.
   */
  async type(line: string, options: TypeLineOptions = {}): Promise<void> {
    const { echo = "check", secret = false, signal } = options;
    // deno-lint-ignore no-control-regex -- a control character in a line is what is refused
    if (echo === "check" && /[\x00-\x1f\x7f]/.test(line)) {
      throw new TypeError(
        `Cannot type ${
          JSON.stringify(this.#redactor.redact(line))
        } and check its echo: it has control characters; send them with write()`,
      );
    }
    signal?.throwIfAborted();
    if (secret && line !== "") this.#redactor.add(line);
    const typed = this.#typing.then(() => this.#type(line, options));
    this.#typing = typed.catch(() => {});
    await (signal ? abortable(typed, signal) : typed);
  }

  /**
   * Lets the guest fail in a way that a test wants, for as long as this is not disposed of.
   *
   * @param names The failures that are none.
   * @returns What ends it.
   */
  allow(...names: readonly FailureName[]): Disposable {
    return this.#settler.allow(names);
  }

  /**
   * What the guest says from this call on, as it comes, with its escape sequences and without secrets. Where there are secrets a line comes
   * when it is whole, since one may be in it.
   *
   * @returns A bounded stream, to be disposed of; it ends with the console.
   */
  output(): EventStream<string> {
    const stream: EventStream<string> = new EventStream<string>({
      onDispose: () => this.#outputs.delete(stream),
    });
    if (this.#life.kind === "ended") stream.end();
    else this.#outputs.set(stream, new RedactedOutput(this.#redactor));
    return stream;
  }

  /**
   * Waits until the guest says nothing for a while, so that what it is just saying is there whole.
   *
   * @param options For how long nothing (40 ms), within how long (400 ms), and a signal.
   */
  async quiet(options: { forMs?: number; withinMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    const { forMs = QUIET_MS, withinMs = QUIET_WITHIN_MS, signal } = options;
    const until = performance.now() + withinMs;
    for (let left = withinMs; left > 0 && this.#life.kind !== "ended"; left = until - performance.now()) {
      if (!await this.#pulse.next(Math.min(forMs, left), signal)) return;
    }
  }

  /** Stops listening: what waits is told that the console is closed. The serial console stays the VM's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#source[Symbol.dispose]();
    await this.#reader;
    await this.#typing;
  }

  async #read(before: string): Promise<void> {
    // Nobody is called from the constructor.
    await Promise.resolve();
    this.#take(before);
    try {
      for await (const bytes of this.#source) this.#take(this.#decoder.decode(bytes, { stream: true }));
    } catch {
      // The connection broke, which is an end like any other.
    }
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#heldTimer);
    for (const piece of this.#filter.end()) this.#piece(piece);
    this.#text(this.#plain.end().map(({ text }) => text).join(""));
    this.#serve();
    this.#settler.settle();
    if (this.#life.kind === "open") this.#life = { kind: "ended" };
    for (const [stream, redacted] of this.#outputs) {
      const rest = redacted.end();
      if (rest !== "") stream.push(rest);
      stream.end();
    }
    this.#outputs.clear();
    this.#refuseAll();
    this.#failed?.removeEventListener("abort", this.#guestFailed);
  }

  readonly #guestFailed = (): void => {
    // What it has said so far of its failure is all that it will be asked for.
    this.#settler.settle();
    this.#life = { kind: "failed", reason: this.#failed?.reason };
    this.#refuseAll();
  };

  #take(text: string): void {
    if (text === "") return;
    for (const [stream, redacted] of this.#outputs) {
      const shown = redacted.push(text);
      if (shown !== "") stream.push(shown);
    }
    for (const piece of this.#filter.push(text)) this.#piece(piece);
    this.#holdBack();
    this.#serve();
    this.#pulse.beat();
  }

  #piece(piece: ConsolePiece): void {
    if (piece.kind === "text") {
      return this.#text(this.#plain.push(piece.text).map(({ text }) => text).join(""));
    }
    this.#serve();
    const from = this.#expectations.place.kernel;
    this.#expectations.pushKernel(piece.line);
    this.#kernelLog.push(`${piece.line}\n`);
    const told = this.#watch.kernelLine(piece);
    this.#serve();
    if (told === "failure") {
      // All that the kernel says from here on may be part of it.
      this.#settler.start({ channel: "kernel", from, to: Infinity });
    } else if (told === "last") this.#settler.settle();
    else this.#settler.more("kernel");
  }

  #text(text: string): void {
    for (let rest = text; rest !== "";) {
      const { taken, failure } = this.#watch.text(rest);
      this.#expectations.pushText(rest.slice(0, taken));
      rest = rest.slice(taken);
      if (failure) {
        this.#serve();
        const to = this.#expectations.place.text;
        this.#settler.start({ channel: "text", from: to - (this.#watch.gathered?.line.length ?? 0), to });
      } else this.#settler.more("text");
    }
  }

  #serve(): void {
    this.#expectations.serve(this.#held === "old" ? this.#plain.held + plainText(this.#filter.held) : "");
  }

  /** What is not certain yet is taken for text when nothing has followed it for a while; it may still turn out to be the kernel's. */
  #holdBack(): void {
    clearTimeout(this.#heldTimer);
    this.#held = "fresh";
    if (this.#filter.held === "" && this.#plain.held === "") return;
    this.#heldTimer = setTimeout(() => {
      this.#held = "old";
      this.#serve();
      this.#pulse.beat();
    }, HELD_QUIET_MS);
  }

  /** The guest has failed in a way that nobody wanted. */
  #report(found: ClassifiedFailure): void {
    const failure: ConsoleFailure = {
      name: found.name,
      title: FAILURE_CLASSIFIERS.find(({ name }) => name === found.name)?.title ?? "The guest failed",
      line: this.#redactor.redact(found.line),
      text: this.#redactor.redact(found.text),
      at: new Date(),
    };
    this.#failures.push(failure);
    try {
      this.#onFailure?.(failure);
    } catch (error) {
      reportError(error);
    }
    this.#refuseAll();
  }

  /** Tells all that wait that it is over, if it is. */
  #refuseAll(): void {
    this.#serve();
    if (this.#over("") !== null) {
      for (const { refuse, attempt } of this.#expectations.removeAll()) refuse(this.#over(attempt)?.error);
    }
    this.#pulse.beat();
  }

  /** Why nothing more can be waited for; null while it can. */
  #over(attempt: string): { readonly error: unknown } | null {
    if (this.#life.kind === "failed") return { error: this.#life.reason };
    const [failure] = this.#failures;
    if (failure !== undefined) {
      return { error: new ConsoleFailureError(attempt, { kind: "failure", failure }) };
    }
    if (this.#life.kind === "ended") {
      return { error: new ConsoleClosedError(attempt, this.#heard("text")) };
    }
    return null;
  }

  async #type(line: string, options: TypeLineOptions): Promise<void> {
    const { echo = "check", enter = "\r", erase = "\x15", timeoutMs = DEFAULT_TYPE_MS, signal } = options;
    const attempt = `type ${JSON.stringify(this.#redactor.redact(line))}`;
    const check = () => {
      signal?.throwIfAborted();
      const over = this.#over(attempt);
      if (over !== null) throw over.error;
    };
    const write = (text: string) => this.#serial.write(text, signal ? { signal } : {});
    check();
    this.#remember("type", line);
    if (echo === "none") {
      this.#expectations.passOver();
      return await write(line + enter);
    }
    const expectations = this.#expectations;
    await typeLine(
      {
        write,
        get place() {
          return expectations.place.text;
        },
        from: (place) =>
          expectations.textFrom(place) + (this.#held === "old" ? plainText(this.#filter.held) : ""),
        change: async (ms) => {
          const changed = await this.#pulse.next(ms, signal);
          check();
          return changed;
        },
        now: () => performance.now(),
      },
      line,
      { erase, timeoutMs },
    ).catch((error) => {
      throw error instanceof ConsoleEchoError ? this.#redactedEcho(error) : error;
    });
    expectations.passOver();
    await write(enter);
  }

  #redactedEcho({ line, heard, attempts, elapsedMs }: ConsoleEchoError): ConsoleEchoError {
    const shown = this.#redactor.redact(line);
    // Half of a secret is none that could be found: so nothing is said of what came instead of one.
    return new ConsoleEchoError(shown, {
      heard: shown === line ? this.#redactor.redact(heard) : heard === "" ? "" : "[redacted]",
      attempts,
      elapsedMs,
    });
  }

  #remember(how: TypedInput["how"], text: string): void {
    this.#typed.push({ at: new Date(), how, text: text.slice(0, MAX_TYPED_CHARS) });
    if (this.#typed.length > MAX_TYPED) this.#typed.shift();
  }

  /** What was said since the last match, for an error. */
  #heard(channel: ConsoleChannel): string {
    return this.#redactor.redact(this.#expectations.heard(channel));
  }

  /** A pattern as an error may show it. */
  #shown(pattern: string | RegExp): string | RegExp {
    const shown = this.#redactor.redact(typeof pattern === "string" ? pattern : pattern.source);
    if (typeof pattern === "string") return shown;
    return shown === pattern.source ? pattern : `/${shown}/${pattern.flags}`;
  }
}
