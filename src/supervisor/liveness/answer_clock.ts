import type { Liveness } from "./oracle.ts";

/** What is left of a deadline, in milliseconds: of the time in which QEMU can answer, and in all. */
export interface AnswerClock {
  leftMs: number;
  capLeftMs: number;
}

/**
 * Lets a deadline's clock run: it stands while QEMU is busy, which only a look afterwards can tell; it does not while QEMU is stopped.
 *
 * @param clock What was left at the look before.
 * @param elapsedMs How long ago that was.
 * @param before What that look found.
 * @param found What was found now.
 * @returns What is left.
 */
export function runAnswerClock(
  clock: AnswerClock,
  elapsedMs: number,
  before: Liveness,
  found: Liveness,
): AnswerClock {
  return {
    leftMs: clock.leftMs - (elapsedMs - busyMs(elapsedMs, before, found)),
    capLeftMs: clock.capLeftMs - elapsedMs,
  };
}

/** How much of the time since the last look QEMU was busy. */
function busyMs(elapsedMs: number, before: Liveness, found: Liveness): number {
  if (found.kind === "busy") return Math.min(elapsedMs, found.forMs);
  // It was until now: its answer is what told that it is no more.
  return before.kind === "busy" ? elapsedMs : 0;
}
