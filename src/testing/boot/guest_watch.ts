import { abortable } from "@std/async/abortable";
import type { EventStream } from "../../qmp/mod.ts";
import type { Verdict, VerdictCause, Vm } from "../../vm/mod.ts";
import { inTime } from "../../vm/waiting.ts";
import type { ConsoleFailure } from "../console/errors.ts";
import type { FailureName } from "../console/failures.ts";
import { lastWords } from "./failure_message.ts";
import { GuestFailedError } from "./guest_failed_error.ts";
import { type EndMeaning, weighEnd } from "./weigh_end.ts";

/** Once QEMU holds the guest, what is left of its words is on its way already: so long a silence is their end, in milliseconds. */
const HELD_QUIET_MS = 4;
/** How long they are listened to at most. */
const HELD_LISTEN_MS = 80;
/** How long after the console's words QEMU's own verdict may come, in milliseconds. */
const OWN_VERDICT_MS = 20;
/** How long after something broke it may take until QEMU, if it was that, is known to be going, in milliseconds. */
const GOING_MS = 200;
/** How long an end may take to be known once a connection to QEMU has broken, in milliseconds. */
const VERDICT_MS = 5_000;
/** What is watched, and who is told. */
export interface GuestWatchParts {
  vm: Vm;
  /** Ends that are no failure. */
  allowed: readonly VerdictCause[];
  /** What the guest has said so far. */
  transcript(): string;
  /** Waits until the console is quiet. */
  quiet(options: { forMs: number; withinMs: number }): Promise<void>;
  /** Takes secrets out of a text. */
  redact(text: string): string;
  /** Names the folder for the evidence; null for none. Never rejects. */
  evidence(): Promise<string | null>;
  /** Called when the guest has failed, just before everybody who waits. */
  onFailure(error: GuestFailedError): void;
  /** Called with each end of the guest, wanted or not. */
  onEnd(verdict: Verdict): void;
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
  #endCount = 0;
  #held: { cause: VerdictCause; meaning: EndMeaning["kind"] } | null = null;
  #ended: Verdict | null = null;
  #failure: GuestFailedError | null = null;
  #failing: Promise<GuestFailedError> | null = null;
  /** Resolves with the verdict on a failure whose words came first. */
  readonly #verdict: PromiseWithResolvers<Verdict> = Promise.withResolvers<Verdict>();
  /** Resolves when a failure is known, before all of it is. */
  readonly #begun: PromiseWithResolvers<void> = Promise.withResolvers<void>();

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

  /** How many ends there were, wanted or not. */
  get endCount(): number {
    return this.#endCount;
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

  /**
   * Takes the guest for failed, by what its console says. QEMU's own verdict, where there is one, goes with it.
   *
   * @param failure What it says.
   */
  suspect(failure: ConsoleFailure): void {
    this.#begin(() => this.#failByWords(failure));
  }

  /**
   * What is behind an error: a failure of the guest, where one is known or about to be.
   *
   * @param broken Whether something broke that breaks with QEMU, so that there must be a reason.
   * @returns The failure, or null where the guest is well.
   */
  async explain(broken: boolean): Promise<GuestFailedError | null> {
    const { qmp } = this.#parts.vm;
    if (this.#failing === null && (broken || !qmp.open)) {
      const known = Promise.race([this.#begun.promise, this.#watching]);
      // After a wanted end there is no failure: then the error stays what it is.
      if (!await inTime(known, GOING_MS) && !qmp.open) await inTime(known, VERDICT_MS);
    }
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
    this.#endCount++;
    if (asked?.times === "once" && meaning.kind === "wanted") this.#asked.delete(asked);
    if (verdict.process === "held") this.#held = { cause: verdict.cause, meaning: meaning.kind };
    if (meaning.kind === "expected") this.#waiters[meaning.by]?.resolve(verdict);
    if (meaning.kind === "failure") {
      this.#verdict.resolve(verdict);
      this.#begin(() => this.#failByVerdict(verdict));
    }
    this.#parts.onEnd(verdict);
  }

  #begin(fail: () => Promise<GuestFailedError>): void {
    this.#failing ??= fail();
    this.#begun.resolve();
  }

  async #failByVerdict(verdict: Verdict): Promise<GuestFailedError> {
    // The folder is made meanwhile: a disk may take its time.
    const folder = this.#parts.evidence();
    if (verdict.process !== "ended") {
      await this.#parts.quiet({ forMs: HELD_QUIET_MS, withinMs: HELD_LISTEN_MS });
    }
    const { text, classifier } = lastWords(this.#parts.transcript());
    return this.#fail(verdict, classifier, text, await folder);
  }

  async #failByWords({ name, text }: ConsoleFailure): Promise<GuestFailedError> {
    const folder = this.#parts.evidence();
    let verdict: Verdict | null = null;
    await inTime(this.#verdict.promise.then((found) => verdict = found), OWN_VERDICT_MS);
    return this.#fail(verdict, name, text, await folder);
  }

  #fail(
    verdict: Verdict | null,
    classifier: FailureName | null,
    text: string,
    folder: string | null,
  ): GuestFailedError {
    const { vm, redact, onFailure } = this.#parts;
    const failure = {
      vm: vm.name,
      verdict: verdict && {
        ...verdict,
        stderrTail: redact(verdict.stderrTail),
        consoleTail: redact(verdict.consoleTail),
      },
      classifier,
      consoleText: redact(text),
      expected: this.#waiters[0]?.causes ?? null,
    };
    const error = new GuestFailedError(failure, folder);
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
