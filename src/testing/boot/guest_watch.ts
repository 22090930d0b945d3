import { abortable } from "@std/async/abortable";
import { delay } from "@std/async/delay";
import type { EventStream } from "../../qmp/mod.ts";
import type { Verdict, VerdictCause, Vm } from "../../vm/mod.ts";
import { inTime } from "../../vm/waiting.ts";
import { GuestFailedError } from "./guest_failed_error.ts";
import { lastWords } from "./failure_message.ts";
import { type EndMeaning, weighEnd } from "./weigh_end.ts";

/** How long a console has to be quiet until it is taken to have told all, in milliseconds: longer than a line takes. */
const QUIET_MS = 25;
/** The same where QEMU holds the guest, so that all there is left is on its way already. */
const HELD_QUIET_MS = 4;
/** How long it is listened to at most. */
const LISTEN_MS = 400;
/** How long an end may take to be known once a connection to QEMU has broken, in milliseconds. */
const VERDICT_MS = 5_000;
/** How long after a wanted end its words may still come from the console, in milliseconds. */
const AFTERWORDS_MS = 1_000;

/** Causes that the kernel announces on its console. */
const ANNOUNCED: readonly VerdictCause[] = ["guest-panic", "guest-reset", "watchdog"];

/** What is watched, and who is told. */
export interface GuestWatchParts {
  vm: Vm;
  /** Ends that are no failure. */
  allowed: readonly VerdictCause[];
  /** What the guest has said so far, as people may see it. */
  transcript(): string;
  /** Takes secrets out of a text. */
  redact(text: string): string;
  /** Names the folder for the evidence; null for none. */
  evidence(): Promise<string | null>;
  /** Called when the guest has failed, just before everybody who waits. */
  onFailure(error: GuestFailedError): void;
}

/** Somebody who waits for an end. */
export interface Expectation extends Disposable {
  /** The end that is waited for; rejects when the guest fails instead. */
  readonly end: Promise<Verdict>;
}

interface Waiter {
  causes: readonly VerdictCause[];
  resolve(verdict: Verdict): void;
}

/**
 * Watches one guest for what nobody wants: an end that was not asked for, or words on its console that mean one. The first of these is the
 * failure, and aborts the signal.
 */
export class GuestWatch {
  readonly #parts: GuestWatchParts;
  readonly #failed = new AbortController();
  readonly #ends: EventStream<Verdict>;
  readonly #waiters: Waiter[] = [];
  /** Ends that the test brings about without waiting for them. */
  readonly #asked = new Set<{ causes: readonly VerdictCause[]; times: "once" | "always" }>();
  readonly #watching: Promise<void>;
  /** Until when what the console says belongs to a wanted end. */
  #deafUntil = 0;
  #held: { cause: VerdictCause; meaning: EndMeaning["kind"] } | null = null;
  #ended: Verdict | null = null;
  #failure: GuestFailedError | null = null;
  #failing: Promise<GuestFailedError> | null = null;
  /** Resolves with the verdict on a failure whose words came first. */
  readonly #verdict: PromiseWithResolvers<Verdict> = Promise.withResolvers<Verdict>();

  /** @param parts What is watched, from now on. */
  constructor(parts: GuestWatchParts) {
    this.#parts = parts;
    this.#ends = parts.vm.ends();
    this.#watching = this.#watch();
  }

  /** Aborted with the failure, the moment there is one. */
  get signal(): AbortSignal {
    return this.#failed.signal;
  }

  /** The failure; null while there is none. */
  get failure(): GuestFailedError | null {
    return this.#failure;
  }

  /** The verdict on QEMU's own end, wanted or not; null while it runs. */
  get ended(): Verdict | null {
    return this.#ended;
  }

  /** Resolves when QEMU is gone and all was weighed. */
  get over(): Promise<void> {
    return this.#watching;
  }

  /**
   * Begins to wait for an end, which thereby is no failure.
   *
   * @param causes Which ends.
   * @returns The wait; dispose of it.
   */
  expect(causes: readonly VerdictCause[]): Expectation {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const waiter: Waiter = { causes, resolve };
    this.#waiters.push(waiter);
    const end = abortable(promise, this.signal);
    end.catch(() => {});
    return { end, [Symbol.dispose]: () => this.#drop(waiter) };
  }

  /**
   * Makes ends wanted that the test brings about without waiting for them.
   *
   * @param causes Which ends.
   * @param times Only the next one, or each.
   * @returns Disposing of it takes that back.
   */
  ask(causes: readonly VerdictCause[], times: "once" | "always"): Disposable {
    const asked = { causes, times };
    this.#asked.add(asked);
    return { [Symbol.dispose]: () => this.#asked.delete(asked) };
  }

  /** Whether what a console says of a failure is news: not where just that end is waited for. */
  get alert(): boolean {
    if (performance.now() < this.#deafUntil) return false;
    const wanted = [...this.#waiters, ...this.#asked].map(({ causes }) => causes);
    return ![...wanted, this.#parts.allowed].some((causes) =>
      causes.some((cause) => ANNOUNCED.includes(cause))
    );
  }

  /**
   * Takes the guest for failed, by what its console says. QEMU's own verdict, which comes a moment later where there is one, goes with it.
   *
   * @param classifier What it was taken for.
   * @param cause What found it out.
   */
  suspect(classifier: string, cause?: unknown): void {
    if (!this.alert || this.#parts.vm.qmp.open === false) return;
    this.#failing ??= this.#failByWords(classifier, cause);
  }

  /**
   * What is behind an error: a failure of the guest, where one is known or about to be.
   *
   * @param broken Whether the error was that a connection to QEMU broke, so that there must be a reason.
   * @returns The failure, or null where the guest is well.
   */
  async explain(broken: boolean): Promise<GuestFailedError | null> {
    if (this.#failing !== null) return await this.#failing;
    if (!broken && this.#parts.vm.qmp.open) return null;
    // After a wanted end there is no failure: then the error stays what it is.
    await inTime(this.#watching, VERDICT_MS);
    return this.#failing === null ? null : await this.#failing;
  }

  async #watch(): Promise<void> {
    for await (const verdict of this.#ends) this.#weigh(verdict);
    const verdict = await this.#parts.vm.stopped;
    this.#ended = verdict;
    if (verdict.process === "ended") this.#weigh(verdict);
    if (this.#failing !== null) await this.#failing;
  }

  #weigh(verdict: Verdict): void {
    const asked = [...this.#asked].find(({ causes }) => causes.includes(verdict.cause));
    const wanted = {
      expected: this.#waiters.map(({ causes }) => causes),
      allowed: [...this.#parts.allowed, ...asked?.causes ?? []],
    };
    const meaning = weighEnd(verdict, wanted, this.#held);
    if (asked?.times === "once" && meaning.kind === "wanted") this.#asked.delete(asked);
    if (verdict.process === "held") this.#held = { cause: verdict.cause, meaning: meaning.kind };
    if (meaning.kind === "expected") this.#waiters[meaning.by]?.resolve(verdict);
    if (meaning.kind !== "failure") {
      if (ANNOUNCED.includes(verdict.cause)) this.#deafUntil = performance.now() + AFTERWORDS_MS;
      return;
    }
    this.#verdict.resolve(verdict);
    this.#failing ??= this.#failByVerdict(verdict);
  }

  async #failByVerdict(verdict: Verdict): Promise<GuestFailedError> {
    if (verdict.process !== "ended") await this.#listen(HELD_QUIET_MS, null);
    return await this.#fail(verdict, null);
  }

  async #failByWords(classifier: string, cause: unknown): Promise<GuestFailedError> {
    const verdict = await this.#listen(QUIET_MS, this.#verdict.promise);
    return await this.#fail(verdict, classifier, cause);
  }

  /** Waits until the console is quiet, or something is known. */
  async #listen(quietMs: number, known: Promise<Verdict> | null): Promise<Verdict | null> {
    const { transcript } = this.#parts;
    const until = performance.now() + LISTEN_MS;
    let verdict: Verdict | null = null;
    known?.then((found) => verdict = found);
    for (let heard = -1; verdict === null && performance.now() < until;) {
      const length = transcript().length;
      if (length === heard) break;
      heard = length;
      await (known === null ? delay(quietMs) : inTime(known, quietMs));
    }
    return verdict;
  }

  async #fail(
    verdict: Verdict | null,
    classifier: string | null,
    cause?: unknown,
  ): Promise<GuestFailedError> {
    const { vm, transcript, redact, evidence, onFailure } = this.#parts;
    const failure = {
      vm: vm.name,
      verdict: verdict && {
        ...verdict,
        stderrTail: redact(verdict.stderrTail),
        consoleTail: redact(verdict.consoleTail),
      },
      classifier,
      consoleText: redact(lastWords(transcript())),
      expected: this.#waiters[0]?.causes ?? null,
    };
    const error = new GuestFailedError(
      failure,
      await evidence(),
      cause === undefined ? undefined : { cause },
    );
    this.#failure = error;
    onFailure(error);
    this.#failed.abort(error);
    return error;
  }

  #drop(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) this.#waiters.splice(at, 1);
  }
}
