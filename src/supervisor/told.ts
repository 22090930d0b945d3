import type { AnyQmpEvent } from "../qmp/mod.ts";
import type { Verdict } from "../vm/mod.ts";

/**
 * How far what a QEMU said was reported, by the times that it wrote, in microseconds; -1 for nothing of it. An event and the end that it means
 * are two reports: whoever dies between them has told one of them.
 */
export interface Told {
  /** Events. */
  eventsUpTo: number;
  /** Ends of the guest that left the process alive, by their last events. */
  endsUpTo: number;
}

/** Nothing was told yet. */
export const NOTHING_TOLD: Told = { eventsUpTo: -1, endsUpTo: -1 };

/** When QEMU wrote an event, in microseconds. */
export function timeOf({ timestamp }: AnyQmpEvent): number {
  return Number(timestamp.seconds) * 1e6 + Number(timestamp.microseconds);
}

/** When QEMU wrote the event that was a guest's end, in microseconds; -1 where there is none. */
export function timeOfEnd({ events }: Pick<Verdict, "events">): number {
  const last = events.at(-1);
  return last === undefined ? -1 : timeOf(last);
}

/** What was told, once this was as well. */
export function withEvent(told: Told, event: AnyQmpEvent): Told {
  return { ...told, eventsUpTo: Math.max(told.eventsUpTo, timeOf(event)) };
}

/** The same for an end. */
export function withEnd(told: Told, verdict: Pick<Verdict, "events">): Told {
  return { ...told, endsUpTo: Math.max(told.endsUpTo, timeOfEnd(verdict)) };
}
