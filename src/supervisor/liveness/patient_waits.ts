import { abortable } from "@std/async/abortable";
import { type AnswerClock, runAnswerClock } from "./answer_clock.ts";
import { NoAnswerError } from "./errors.ts";
import type { Liveness } from "./oracle.ts";
import type { PatientOptions } from "./watched.ts";

interface Wait {
  clock: AnswerClock;
  /** Up to when it has run, by the clock that is never set. */
  atMs: number;
  readonly sinceMs: number;
  readonly controller: AbortController;
}

/** The deadlines of one guest that stand while its QEMU is busy. They run at each look, and end by the look that finds them over. */
export class PatientWaits {
  readonly #name: string;
  readonly #waits = new Set<Wait>();

  /** @param name The guest's name, for errors. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Whether somebody waits. */
  get waiting(): boolean {
    return this.#waits.size > 0;
  }

  /** When the next look has to be at the latest; Infinity when nobody waits, or the look is overdue already. */
  dueAfter(nowMs: number): number {
    let dueMs = Infinity;
    for (const { clock, atMs } of this.#waits) {
      for (const leftMs of [clock.leftMs, clock.capLeftMs]) {
        if (atMs + leftMs > nowMs) dueMs = Math.min(dueMs, atMs + leftMs);
      }
    }
    return dueMs;
  }

  /** Does something while a deadline runs. */
  async run<T>(
    action: (signal: AbortSignal) => Promise<T>,
    options: PatientOptions,
    nowMs: number,
  ): Promise<T> {
    const { timeoutMs, capMs = 10 * timeoutMs, signal } = options;
    signal?.throwIfAborted();
    const controller = new AbortController();
    const follow = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", follow, { once: true });
    const clock = { leftMs: timeoutMs, capLeftMs: capMs };
    const wait: Wait = { clock, atMs: nowMs, sinceMs: nowMs, controller };
    this.#waits.add(wait);
    try {
      return await abortable(action(controller.signal), controller.signal);
    } finally {
      this.#waits.delete(wait);
      signal?.removeEventListener("abort", follow);
    }
  }

  /** Lets them run up to a look, and ends those that are over. */
  looked(before: Liveness, found: Liveness, nowMs: number): void {
    for (const wait of this.#waits) {
      wait.clock = runAnswerClock(wait.clock, nowMs - wait.atMs, before, found);
      wait.atMs = nowMs;
      if (wait.clock.leftMs <= 0) this.#giveUp(wait, found, nowMs);
    }
  }

  /** Ends those that have lasted too long whatever QEMU is. */
  capped(liveness: Liveness, nowMs: number): void {
    for (const wait of this.#waits) {
      if (wait.atMs + wait.clock.capLeftMs <= nowMs) this.#giveUp(wait, liveness, nowMs);
    }
  }

  /** Some time was nobody's. */
  setBack(ms: number, nowMs: number): void {
    for (const wait of this.#waits) wait.atMs = Math.min(nowMs, wait.atMs + ms);
  }

  /** Ends all of them. */
  end(liveness: Liveness, nowMs: number): void {
    for (const wait of this.#waits) this.#giveUp(wait, liveness, nowMs);
  }

  #giveUp(wait: Wait, liveness: Liveness, nowMs: number): void {
    this.#waits.delete(wait);
    wait.controller.abort(new NoAnswerError(this.#name, nowMs - wait.sinceMs, liveness));
  }
}
