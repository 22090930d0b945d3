import type { RunState, ShutdownCause } from "../qapi/mod.ts";
import type { AnyQmpEvent } from "../qmp/mod.ts";
import { HELD_STATES, type VerdictCause, watchdogAction } from "./verdict.ts";

/** How many events are kept as evidence. */
const EVIDENCE_EVENTS = 32;

/** What is remembered between two events. A plain value: each step makes a new one. */
export interface EndState {
  /** The last events, oldest first. */
  events: readonly AnyQmpEvent[];
  /** The last reset, and whether the firmware has repeated it yet. */
  lastReset: { atMs: number; repeated: "not-yet" | "yes" } | null;
}

/**
 * What the firmware does after a reset. SeaBIOS resets the machine once more before it boots (26 to 33 ms later, measured on
 * 7.2; sometimes twice within 1 ms), so that one reset gives two RESET events; other firmware leaves it at one.
 */
export type ResetHabit = "repeats" | "once";

/** A repetition comes before the guest can do anything; this bound is only for firmware that was taken for SeaBIOS wrongly. */
const REPEAT_WITHIN_MS = 2_000;
/** A second repetition follows the first one at once (0.2 ms); no guest boots in so short a time. */
const REPEAT_AGAIN_WITHIN_MS = 20;

/** What to do about an event. */
export type EndStep =
  | { kind: "none" }
  /** The CPUs have stopped: only `query-status` says why, since an event may have been rate-limited away. */
  | { kind: "ask-run-state" }
  /** The machine was reset and goes on; `end` is null where that was no end of the guest's own. */
  | { kind: "reset"; end: InProcessEnd | null };

/** An end of the guest that leaves the process alive. */
export interface InProcessEnd {
  cause: VerdictCause;
  detail: string;
  reason: ShutdownCause | null;
  process: "held" | "running";
}

/** Nothing has happened yet. */
export const NOTHING_ENDED: EndState = { events: [], lastReset: null };

/**
 * Takes note of one event.
 *
 * @param state What is remembered.
 * @param event The next event of the watch monitor.
 * @param habit What the firmware does after a reset.
 * @returns The new state, and what to do.
 */
export function trackEnd(
  state: EndState,
  event: AnyQmpEvent,
  habit: ResetHabit,
): { state: EndState; step: EndStep } {
  const events = [...state.events.slice(-(EVIDENCE_EVENTS - 1)), event];
  switch (event.event) {
    case "STOP":
      return { state: { ...state, events }, step: { kind: "ask-run-state" } };
    case "RESET": {
      const atMs = event.timestamp.seconds * 1000 + event.timestamp.microseconds / 1000;
      const byGuest = event.data?.reason === "guest-reset";
      const repeated = byGuest && isRepetition(state.lastReset, atMs, habit);
      return {
        state: { events, lastReset: { atMs, repeated: repeated ? "yes" : "not-yet" } },
        step: { kind: "reset", end: byGuest && !repeated ? resetEnd(state.events) : null },
      };
    }
    default:
      return { state: { ...state, events }, step: { kind: "none" } };
  }
}

/** Is this the firmware's repetition of a reset that was seen already? */
function isRepetition(last: EndState["lastReset"], atMs: number, habit: ResetHabit): boolean {
  if (habit === "once" || last === null) return false;
  return atMs - last.atMs < (last.repeated === "not-yet" ? REPEAT_WITHIN_MS : REPEAT_AGAIN_WITHIN_MS);
}

function resetEnd(before: readonly AnyQmpEvent[]): InProcessEnd {
  return watchdogAction(before) === "reset"
    ? {
      cause: "watchdog",
      detail: "The guest's watchdog fired and reset it",
      reason: "guest-reset",
      process: "running",
    }
    : { cause: "guest-reset", detail: "The guest reset itself", reason: "guest-reset", process: "running" };
}

/**
 * What a stopped guest's run state means.
 *
 * @param status The run state that `query-status` answered after a STOP.
 * @param events The last events, oldest first.
 * @returns The end, or null when the guest was only paused.
 */
export function heldEnd(status: RunState, events: readonly AnyQmpEvent[]): InProcessEnd | null {
  const held = HELD_STATES[status];
  if (held === undefined) return null;
  if (status !== "shutdown") return { ...held, reason: null, process: "held" };
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
