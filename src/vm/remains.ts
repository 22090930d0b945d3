import type { AnyQmpEvent } from "../qmp/mod.ts";
import { heldEnd, type InProcessEnd } from "./end_tracker.ts";
import { judge } from "./verdict.ts";
import type { Intent, TripleFault, Verdict } from "./verdict_types.ts";

/** How many events are kept as evidence. */
const EVIDENCE_EVENTS = 32;

/** What was known of a run, and what it recorded itself. */
export interface WatchedRun {
  /** Its recording. */
  events: readonly AnyQmpEvent[];
  /** What was asked for when it was last seen. */
  intent: Intent;
  /** Its command line. */
  argv?: readonly string[];
}

/** What is left of a dead run beside its recording. */
export interface Remains {
  at: Date;
  stderrTail: string;
  consoleTail: string;
  tripleFault: TripleFault;
  oomKill: boolean | "unknown";
}

/**
 * Decides why a QEMU ended, from its recording and what else is left of it.
 *
 * @param run The run.
 * @param remains What is left.
 * @returns The verdict.
 */
export function judgeRemains(
  { events, intent, argv = [] }: WatchedRun,
  remains: Remains,
): Verdict {
  const last = events.slice(-EVIDENCE_EVENTS);
  const end = lastHeld(events);
  const common = { ...remains, intent, rung: null, exit: null, events: last };
  const asked = end?.cause === "guest-reset" && end.reason === "guest-reset";
  return judge({
    ...common,
    seen: "process",
    debugExit: argv.some((arg) => arg.startsWith("isa-debug-exit")),
    held: end && { ...common, ...end, oomKill: null, tripleFault: asked ? remains.tripleFault : null },
  });
}

/** The end at which QEMU held the guest when it went, as far as the events tell. */
function lastHeld(events: readonly AnyQmpEvent[]): InProcessEnd | null {
  const at = events.findLastIndex(({ event }) => event === "STOP" || event === "RESUME" || event === "RESET");
  return events[at]?.event === "STOP" ? heldEnd(null, events.slice(0, at + 1)) : null;
}
