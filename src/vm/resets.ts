import type { AnyQmpEvent } from "../qmp/mod.ts";
import type { InProcessEnd } from "./end_tracker.ts";
import type { TripleFault } from "./verdict_types.ts";

/**
 * What the firmware does after a reset. On pc and q35 SeaBIOS resets the machine once more before it boots, 26 to 130 ms later, and then up
 * to three times more (measured on 7.2, two busy cores): one reset gives two to five RESET events. On microvm and isapc it
 * leaves it at one, as other firmware does.
 */
export type ResetHabit = "repeats" | "once";

/** Where the CPU was when the machine was reset. */
export type ResetOrigin = "firmware" | "elsewhere" | "unknown";

/** What the log of CPU resets has about one reset. */
export interface ResetEntry {
  tripleFault: TripleFault;
  origin: ResetOrigin;
}

/** What the events have about one reset. */
export interface ResetSeen {
  /** The event's time stamp. */
  atMs: number;
  by: "guest" | "host";
  /** A watchdog that fired is what did it. */
  watchdog: boolean;
}

/** What is remembered between two resets; null before the first. */
export type ResetHistory = {
  atMs: number;
  /** How long after the reset the firmware first repeated it; null while it has not. */
  firstGapMs: number | null;
} | null;

/**
 * What is to be remembered of the resets that were seen before.
 *
 * @param events Events, oldest first.
 * @returns The last one.
 */
export function lastReset(events: readonly AnyQmpEvent[]): ResetHistory {
  const reset = events.findLast(({ event }) => event === "RESET");
  if (reset === undefined) return null;
  const { seconds, microseconds } = reset.timestamp;
  return { atMs: seconds * 1000 + microseconds / 1000, firstGapMs: null };
}

/** A repetition comes before the guest can do anything; on a host under load that can take its time (456 ms was the longest seen). */
const REPEAT_WITHIN_MS = 2_000;
/**
 * Where nothing else tells: further repetitions follow sooner than the first did, which takes this long at least and at most, as far
 * as it counts. A guest that boots takes 2.6 times as long as the first one (88 ms was the shortest seen).
 */
const FIRST_GAP_MS = { least: 10, most: 60 } as const;

/** The log when there is none. */
export const NO_ENTRY: ResetEntry = { tripleFault: "unknown", origin: "unknown" };

/**
 * Decides whether a reset is an end of the guest's own, or the firmware's repetition of one.
 *
 * @param history What is remembered.
 * @param reset The reset.
 * @param entry What the log has about it.
 * @param habit What the firmware does after a reset.
 * @returns What to remember, and the end; null where it was none of the guest's own.
 */
export function trackReset(
  history: ResetHistory,
  reset: ResetSeen,
  entry: ResetEntry,
  habit: ResetHabit,
): { history: ResetHistory; end: InProcessEnd | null } {
  const { atMs } = reset;
  if (history !== null && habit === "repeats" && isRepetition(history, reset, entry)) {
    return { history: { atMs, firstGapMs: history.firstGapMs ?? atMs - history.atMs }, end: null };
  }
  return { history: { atMs, firstGapMs: null }, end: reset.by === "host" ? null : resetEnd(reset) };
}

function isRepetition(history: NonNullable<ResetHistory>, reset: ResetSeen, entry: ResetEntry): boolean {
  if (reset.by === "host" || reset.watchdog) return false;
  const gapMs = reset.atMs - history.atMs;
  if (gapMs >= REPEAT_WITHIN_MS) return false;
  switch (entry.origin) {
    case "firmware":
      return true;
    case "elsewhere":
      return false;
    case "unknown":
      return history.firstGapMs === null ||
        gapMs < Math.min(Math.max(FIRST_GAP_MS.least, history.firstGapMs), FIRST_GAP_MS.most);
  }
}

function resetEnd({ watchdog }: ResetSeen): InProcessEnd {
  return {
    cause: watchdog ? "watchdog" : "guest-reset",
    detail: watchdog ? "The guest's watchdog fired and reset it" : "The guest reset itself",
    reason: "guest-reset",
    process: "running",
  };
}

/** Comes before the reset that it causes. */
const TRIPLE_FAULT = "Triple fault";
/** Begins the entry of each reset of the whole machine. (Other CPUs are also reset one by one, when the guest starts them.) */
const MACHINE_RESET = "CPU Reset (CPU 0)";
/** Begins the entry of any CPU. */
const CPU_RESET = "CPU Reset (CPU ";

/**
 * Whether the next entry is there as a whole: another one follows it.
 *
 * @param text The log, from where the last entry was taken.
 * @returns Whether it is.
 */
export function hasWholeEntry(text: string): boolean {
  const at = text.indexOf(MACHINE_RESET);
  return at >= 0 && text.indexOf(CPU_RESET, at + MACHINE_RESET.length) >= 0;
}

/**
 * Takes the next entry from the log of CPU resets (`-d cpu_reset`).
 *
 * @param text The log, from where the last entry was taken.
 * @returns The entry, or null when there is none; and what follows it.
 */
export function takeResetEntry(text: string): { entry: ResetEntry | null; rest: string } {
  const at = text.indexOf(MACHINE_RESET);
  if (at < 0) return { entry: null, rest: text };
  const rest = text.slice(at + MACHINE_RESET.length);
  const next = rest.indexOf(CPU_RESET);
  const registers = next < 0 ? rest : rest.slice(0, next);
  return { entry: { tripleFault: hasTripleFault(text.slice(0, at)), origin: originOf(registers) }, rest };
}

/**
 * The end of the log of CPU resets.
 *
 * @param text The log.
 * @param count How many entries.
 * @returns The last entries, and what follows them; all of it where it has no more.
 */
export function lastResetEntries(text: string, count: number): string {
  let at = text.length;
  for (let left = count; left >= 0; left--) {
    at = at === 0 ? -1 : text.lastIndexOf(MACHINE_RESET, at - 1);
    if (at < 0) return text;
  }
  // What led to an entry comes before it, and after the one before.
  return text.slice(at + MACHINE_RESET.length);
}

/**
 * Whether a piece of the log tells of a triple fault.
 *
 * @param text The piece.
 * @returns Whether it does.
 */
export function hasTripleFault(text: string): boolean {
  return text.includes(TRIPLE_FAULT);
}

/** SeaBIOS repeats a reset from its own code below 1 MiB, or before the CPU has left the reset vector. */
function originOf(registers: string): ResetOrigin {
  const pointer = /\b[ER]IP=([0-9a-f]+)/.exec(registers)?.[1];
  const base = /^CS =[0-9a-f]+ ([0-9a-f]+)/m.exec(registers)?.[1];
  if (pointer === undefined || base === undefined) return "unknown";
  const address = parseInt(base, 16) + parseInt(pointer, 16);
  const firmware = (address >= 0xc0000 && address < 0x100000) ||
    (address >= 0xfff00000 && address < 0x100000000);
  return firmware ? "firmware" : "elsewhere";
}
