import type { AnyQmpEvent, Open, RunState, ShutdownCause } from "../qmp/mod.ts";
import { HELD_STATES, watchdogAction } from "./evidence.ts";
import type { ResetSeen } from "./resets.ts";
import type { VerdictCause } from "./verdict_types.ts";

/** How many events are kept as evidence. */
const EVIDENCE_EVENTS = 32;

/** What to do about an event. */
export type EndStep =
  | { kind: "none" }
  /** The CPUs have stopped: only `query-status` says why, since an event may have been rate-limited away. */
  | { kind: "ask-run-state" }
  /** The machine was reset and goes on: its log says by whom. */
  | { kind: "reset"; reset: ResetSeen };

/** An end of the guest that leaves the process alive. */
export interface InProcessEnd {
  cause: VerdictCause;
  detail: string;
  reason: Open<ShutdownCause> | null;
  process: "held" | "running";
}

/**
 * Takes note of one event.
 *
 * @param before The last events before it, oldest first.
 * @param event The next event of the watch monitor.
 * @returns The last events with it, and what to do.
 */
export function trackEnd(
  before: readonly AnyQmpEvent[],
  event: AnyQmpEvent,
): { events: readonly AnyQmpEvent[]; step: EndStep } {
  const events = [...before.slice(-(EVIDENCE_EVENTS - 1)), event];
  switch (event.event) {
    case "STOP":
      return { events, step: { kind: "ask-run-state" } };
    case "RESET": {
      const { seconds, microseconds } = event.timestamp;
      const reset: ResetSeen = {
        atMs: seconds * 1000 + microseconds / 1000,
        by: event.data?.reason === "guest-reset" ? "guest" : "host",
        watchdog: watchdogAction(before) === "reset",
      };
      return { events, step: { kind: "reset", reset } };
    }
    default:
      return { events, step: { kind: "none" } };
  }
}

/**
 * What a stopped guest's run state means.
 *
 * @param status The run state that `query-status` answered after a STOP; null when nobody could be asked, so that only the
 * events tell.
 * @param events The last events, oldest first, up to the STOP.
 * @returns The end, or null when the guest was only paused.
 */
export function heldEnd(status: Open<RunState> | null, events: readonly AnyQmpEvent[]): InProcessEnd | null {
  const state = status ?? heldState(events);
  const held = state === null ? undefined : HELD_STATES[state];
  if (held === undefined) return null;
  if (state !== "shutdown") return { ...held, reason: null, process: "held" };
  const shutdown = events.findLast((event) => event.event === "SHUTDOWN");
  const reason = typeof shutdown?.data?.reason === "string" ? shutdown.data.reason : null;
  const watchdog = watchdogAction(events);
  if (
    (watchdog === "reset" && reason === "guest-reset") ||
    (watchdog === "shutdown" && reason === "guest-shutdown")
  ) {
    return {
      cause: "watchdog",
      detail: "The guest's watchdog fired",
      reason,
      process: "held",
    };
  }
  if (reason === "guest-reset" || reason === "host-qmp-system-reset") {
    const who = reason === "guest-reset" ? "The guest reset itself" : "The guest was reset from a monitor";
    return { cause: "guest-reset", detail: who, reason, process: "held" };
  }
  if (reason === "guest-panic") {
    return {
      cause: "guest-panic",
      detail: "The guest's kernel panicked",
      reason,
      process: "held",
    };
  }
  return { ...held, reason, process: "held" };
}

/**
 * The state in which QEMU holds a guest, as far as the events tell: what came before the STOP, since the guest last went on. Less
 * certain than `query-status`, since some events are rate-limited.
 */
function heldState(events: readonly AnyQmpEvent[]): Open<RunState> | null {
  for (const { event, data } of events.slice(0, -1).toReversed()) {
    if (event === "STOP" || event === "RESUME" || event === "RESET") return null;
    if (event === "SHUTDOWN") return "shutdown";
    if (event === "GUEST_PANICKED" && data?.action === "pause") return "guest-panicked";
    if (event === "WATCHDOG" && data?.action === "pause") return "watchdog";
    if (event === "BLOCK_IO_ERROR" && data?.action === "stop") return "io-error";
  }
  return null;
}
