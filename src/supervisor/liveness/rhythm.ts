import type { Patience } from "./oracle.ts";

/** When a QEMU is asked how it is. */
export interface Rhythm extends Patience {
  /** How far apart the rounds are while all is well, in milliseconds. */
  roundMs: number;
  /** How far apart the looks are while it is not, or somebody waits for something. */
  closeMs: number;
}

/** An idle QEMU answers within a millisecond, and out of band within 21 ms when its main loop is blocked: a second is for busy hosts. */
export const RHYTHM: Rhythm = { roundMs: 10_000, closeMs: 1_000, inBandMs: 1_000, outOfBandMs: 1_000 };

/** What the golden ratio leaves of a round: steps of it fall into the largest gap that earlier ones left, however many there are. */
const GOLDEN_STEP = (Math.sqrt(5) - 1) / 2;

/**
 * When a guest is asked first: spread over the round, so that many guests are not all asked at one moment; but together with those whose
 * moment is nearly the same, since waking up costs more than asking (with 100 guests, four times as much).
 *
 * @param count How many guests had their first round before.
 * @param nowMs The time now.
 * @param rhythm The rhythm; the moments are `closeMs` apart.
 * @returns When.
 */
export function firstRound(count: number, nowMs: number, rhythm: Rhythm): number {
  const { roundMs, closeMs } = rhythm;
  const placeMs = (((count + 1) * GOLDEN_STEP) % 1) * roundMs;
  return nextRound(Math.ceil(placeMs / closeMs) * closeMs, nowMs, rhythm);
}

/**
 * When a guest is asked next. It keeps its place in the round; rounds that were missed are not caught up with.
 *
 * @param placeMs When any round of it was, or will be.
 * @param nowMs The time now.
 * @param rhythm The rhythm.
 * @returns When: after now.
 */
export function nextRound(placeMs: number, nowMs: number, rhythm: Rhythm): number {
  const missed = Math.floor((nowMs - placeMs) / rhythm.roundMs);
  return placeMs + (missed + 1) * rhythm.roundMs;
}
