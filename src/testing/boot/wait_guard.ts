import { abortable } from "@std/async/abortable";
import { ConsoleClosedError } from "../../vm/mod.ts";
import { QmpClosedError, QmpInterruptedError } from "../../qmp/mod.ts";
import { ConsoleFailureError } from "../console/errors.ts";
import { GuestEndedError, RunInterruptedError } from "../run/errors.ts";
import { GuestFailedError } from "./guest_failed_error.ts";
import type { GuestWatch } from "./guest_watch.ts";

/** Who is told of errors. */
export interface WaitGuardParts {
  watch: GuestWatch;
  /** The test's own signal; null where it has none. */
  test: AbortSignal | null;
  /** Takes secrets out of a text. */
  redact(text: string): string;
  /** Names the folder for the evidence; null for none. */
  evidence(): Promise<string | null>;
  /** Called with each error that the test gets. */
  onError(error: unknown): void;
}

/**
 * Goes with each call that a test makes to its VM: it ends at once when the guest fails, and what it throws tells of that, and where the
 * evidence is.
 */
export class WaitGuard {
  readonly #parts: WaitGuardParts;
  readonly #signal: AbortSignal;
  readonly #underWay = new Set<Promise<unknown>>();
  #told: "nothing" | "an error" | "the failure" = "nothing";

  /** @param parts The watch, and who is told. */
  constructor(parts: WaitGuardParts) {
    this.#parts = parts;
    const { watch, test } = parts;
    this.#signal = test === null ? watch.signal : AbortSignal.any([watch.signal, test]);
  }

  /** What the test has been told so far. */
  get told(): "nothing" | "an error" | "the failure" {
    return this.#told;
  }

  /**
   * Makes one call.
   *
   * @param own The caller's signal, if there is one.
   * @param act The call; its signal is the caller's, and that of the guest's failure.
   * @returns What the call returns.
   * @throws {GuestFailedError} When the guest has failed, or fails meanwhile; else what the call throws.
   */
  async run<T>(own: AbortSignal | undefined, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    own?.throwIfAborted();
    const { endCount } = this.#parts.watch;
    try {
      this.#signal.throwIfAborted();
      const signal = own === undefined ? this.#signal : AbortSignal.any([own, this.#signal]);
      return await abortable(this.#follow(act(signal)), signal);
    } catch (error) {
      if (own?.aborted === true && error === own.reason) throw error;
      throw await this.#explain(error, endCount);
    }
  }

  /** Resolves when no call is under way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  #follow<T>(acting: Promise<T>): Promise<T> {
    const done = () => this.#underWay.delete(acting);
    this.#underWay.add(acting);
    acting.then(done, done);
    return acting;
  }

  /** The error that the test gets, with the test's own line in its stack. */
  async #explain(error: unknown, endCount: number): Promise<unknown> {
    const { watch, test, redact, evidence, onError } = this.#parts;
    const broken = isBreak(error);
    const failure = await watch.explain(broken);
    if (failure !== null) {
      this.#told = "the failure";
      // What broke with QEMU says nothing that the failure does not.
      const same = broken || error instanceof GuestFailedError ||
        error instanceof ConsoleFailureError && error.failure !== null;
      const told = failure.again(same ? undefined : error);
      onError(told);
      return told;
    }
    // It broke over an end that was wanted: as a rule it has brought that about.
    if (broken && watch.endCount > endCount) return error;
    // The test names the evidence of all its VMs once it has ended.
    if (test?.aborted === true && error === test.reason) return late(error);
    if (this.#told === "nothing") this.#told = "an error";
    if (error instanceof Error) {
      // Errors of a time limit are made in a timer, of which no line of the test is part.
      Error.captureStackTrace(error);
      const folder = await evidence();
      const message = redact(error.message);
      error.message = folder === null ? message : `${message}\n  evidence: ${folder}`;
    }
    onError(error);
    return error;
  }
}

/** The same for each call that was under way, with its own line of the test. */
function late(reason: unknown): unknown {
  return reason instanceof Error ? new Error(reason.message) : reason;
}

/** Whether something broke that only breaks with QEMU. */
function isBreak(error: unknown): boolean {
  return error instanceof ConsoleClosedError || error instanceof QmpInterruptedError ||
    error instanceof QmpClosedError || error instanceof RunInterruptedError ||
    error instanceof GuestEndedError;
}
