import type { RestartHistory } from "./backoff.ts";

/** A restart history as it is kept in a file: its times are in milliseconds of the wall clock. */
export interface KeptHistory {
  times: number[];
  attempts: number;
  lastDelayMs: number;
}

/**
 * A history as it is to be kept.
 *
 * @param history The history.
 * @param nowMono The time of the clock that it goes by, in milliseconds.
 * @param nowWall The same moment by the wall clock, in milliseconds.
 * @returns A plain value, for `JSON.stringify`.
 */
export function keepHistory(history: RestartHistory, nowMono: number, nowWall: number): KeptHistory {
  return { ...history, times: history.times.map((at) => nowWall + (at - nowMono)) };
}

/**
 * Translates a time that was kept for a clock that begins anew. A wall clock that was set back meanwhile makes nothing younger than it was
 * when it was written, and nothing older either: no restart is forgotten too early, and none is remembered for longer than the limit's
 * period. (One that was set forward can't be told from time that has passed.)
 *
 * @param savedAt When it was written, in milliseconds of the wall clock.
 * @param nowMono The time of the clock that it will go by, in milliseconds.
 * @param nowWall The same moment by the wall clock, in milliseconds.
 * @returns What a time of the wall clock is by the other one.
 */
export function clockSince(savedAt: number, nowMono: number, nowWall: number): (wall: number) => number {
  const passedMs = Math.max(0, nowWall - savedAt);
  return (wall) => nowMono - passedMs + (wall - savedAt);
}

/**
 * The history that was kept.
 *
 * @param kept What was kept.
 * @param mono See `clockSince`.
 * @returns The history.
 */
export function restoreHistory(kept: KeptHistory, mono: (wall: number) => number): RestartHistory {
  return { ...kept, times: kept.times.map(mono) };
}
