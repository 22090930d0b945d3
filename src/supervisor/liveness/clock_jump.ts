/** What the clocks of a machine said at one moment, in milliseconds. */
export interface ClockReading {
  /** The time of day, which can be set, and goes on while the machine is suspended. */
  wallMs: number;
  /** A clock that is never set, and stands while the machine is suspended. */
  monoMs: number;
}

/** What passes for a jump, in milliseconds. Time synchronisation slews a clock by 5 ms in 10 s at most. */
const JUMP_MS = 1_000;

/**
 * Decides whether the time of day jumped: the machine was suspended, or somebody set its clock.
 *
 * @param before An earlier reading, minutes ago at most.
 * @param now The reading now.
 * @returns By how much it jumped, in milliseconds: less than zero for a clock that was set back; null when it did not.
 */
export function clockJump(before: ClockReading, now: ClockReading): number | null {
  const byMs = Math.round((now.wallMs - before.wallMs) - (now.monoMs - before.monoMs));
  return Math.abs(byMs) >= JUMP_MS ? byMs : null;
}

/** How late a timer may be on a busy host, in milliseconds. */
const USUALLY_LATE_MS = 250;

/**
 * Decides how much of the time was not ours: this process was stopped, or had no processor. In that time it heard no answers, so nobody
 * can be blamed for not having answered.
 *
 * @param dueMs When a timer was to go off.
 * @param nowMs When it did.
 * @returns How much of the time does not count, in milliseconds.
 */
export function lostTime(dueMs: number, nowMs: number): number {
  const late = nowMs - dueMs;
  return late > USUALLY_LATE_MS ? late : 0;
}
