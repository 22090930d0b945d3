import type { AnyQmpEvent } from "../qmp/mod.ts";
import { isSameEvent } from "../vm/evidence.ts";
import type { Verdict } from "../vm/mod.ts";
import { eventsAfter } from "../vm/recording.ts";

/**
 * How far what a QEMU said was reported; null for nothing of it. An event and the end that it means are two reports: whoever dies between them has
 * told one of them. What comes after what is a matter of the order in which QEMU wrote it: its times are those of a clock that may be set back.
 */
export interface Told {
  /** The last event. */
  event: AnyQmpEvent | null;
  /** The last event of the last end of the guest that left the process alive. */
  end: AnyQmpEvent | null;
}

/** What of a recording was told, and what was not. */
export interface ToldOf {
  /** Up to the last end that was told. */
  settled: readonly AnyQmpEvent[];
  /** After that, the events that were told: whoever follows the run from that end on meets them once more. */
  again: readonly AnyQmpEvent[];
  /** What nobody has told. */
  untold: readonly AnyQmpEvent[];
}

/** Nothing was told yet. */
export const NOTHING_TOLD: Told = { event: null, end: null };

/** What was told, once this was as well. */
export function withEvent(told: Told, event: AnyQmpEvent): Told {
  return { ...told, event };
}

/** The same for an end. */
export function withEnd(told: Told, { events }: Pick<Verdict, "events">): Told {
  return { ...told, end: events.at(-1) ?? told.end };
}

/**
 * Divides a recording.
 *
 * @param recorded What QEMU wrote down, in order.
 * @param told How far that was told.
 * @returns Its parts.
 */
export function divide(recorded: readonly AnyQmpEvent[], told: Told): ToldOf {
  const untold = eventsAfter(recorded, told.event);
  if (told.end === null) return { settled: [], again: without(recorded, untold), untold };
  const later = eventsAfter(recorded, told.end);
  return { settled: without(recorded, later), again: without(later, untold), untold };
}

/**
 * Whether an end at which a guest is held was told.
 *
 * @param end The end.
 * @param settled What of the recording comes up to the last end that was told.
 */
export function isToldEnd({ events }: Pick<Verdict, "events">, settled: readonly AnyQmpEvent[]): boolean {
  const last = events.at(-1);
  return last === undefined || settled.some((event) => isSameEvent(event, last));
}

function without(events: readonly AnyQmpEvent[], others: readonly AnyQmpEvent[]): AnyQmpEvent[] {
  const left = new Set(others);
  return events.filter((event) => !left.has(event));
}
