import type { AnyQmpEvent, Open, ShutdownCause } from "../qmp/mod.ts";
import type { VerdictCause } from "./verdict_types.ts";

/** After the SHUTDOWN that ends QEMU none of these comes: they mean that the process, or the guest, went on. */
const NOT_AFTER_THE_END: ReadonlySet<string> = new Set(["STOP", "RESUME", "RESET"]);

/** The reason of the SHUTDOWN that ended the process. One that was held (STOP follows), and one from before a reset, did not. */
export function finalShutdown(events: readonly AnyQmpEvent[]): Open<ShutdownCause> | null {
  const last = events.findLast(({ event }) => NOT_AFTER_THE_END.has(event) || event === "SHUTDOWN");
  const reason = last?.event === "SHUTDOWN" ? last.data?.reason : undefined;
  return typeof reason === "string" ? reason : null;
}

/** The action of a watchdog that fired after everything else that could have ended this life. */
export function watchdogAction(events: readonly AnyQmpEvent[]): string | null {
  const at = events.findLastIndex((event) => event.event === "WATCHDOG");
  if (at < 0) return null;
  // A reset or a resume in between means that the guest went on after it.
  const later = events.slice(at + 1);
  if (later.some((event) => event.event === "RESUME" || event.event === "RESET")) return null;
  const action = events[at]?.data?.action;
  return typeof action === "string" ? action : null;
}

/** The run states in which QEMU holds a guest after its end, and what each means. */
export const HELD_STATES: Readonly<Partial<Record<string, { cause: VerdictCause; detail: string }>>> = {
  "shutdown": { cause: "guest-shutdown", detail: "The guest powered itself off" },
  "guest-panicked": { cause: "guest-panic", detail: "The guest's kernel panicked" },
  "watchdog": { cause: "watchdog", detail: "The guest's watchdog fired" },
  "io-error": { cause: "io-error", detail: "A disk failed and QEMU holds the guest" },
  "internal-error": {
    cause: "internal-error",
    detail: "The accelerator met an error and QEMU holds the guest",
  },
};

/** Whether two events are one, seen on two monitors: those all have the same, with the same time stamps. */
export function isSameEvent(a: AnyQmpEvent, b: AnyQmpEvent): boolean {
  return a.event === b.event && a.timestamp.seconds === b.timestamp.seconds &&
    a.timestamp.microseconds === b.timestamp.microseconds && textOf(a.data) === textOf(b.data);
}

/** Whether an event is later than another, by the host's clock, which may have been set back in between. */
export function isLaterEvent(a: AnyQmpEvent, b: AnyQmpEvent): boolean {
  const seconds = a.timestamp.seconds - b.timestamp.seconds;
  return seconds > 0 || (seconds === 0 && a.timestamp.microseconds > b.timestamp.microseconds);
}

/** Both come from the same text, so their members have the same order. */
function textOf(data: AnyQmpEvent["data"]): string {
  return JSON.stringify(data ?? null, (_key, value) => typeof value === "bigint" ? `${value}n` : value);
}
