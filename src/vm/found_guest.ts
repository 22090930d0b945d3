import type { AnyQmpEvent, Open, RunState } from "../qmp/mod.ts";
import { heldEnd } from "./end_tracker.ts";
import type { FoundGuest } from "./guest_ends.ts";
import type { TripleFault } from "./verdict_types.ts";

/** How many events are kept as evidence. */
const EVIDENCE_EVENTS = 32;

/** What is known of a guest that an earlier process started. */
export interface GuestEvidence {
  /** Its run state, asked for before the recording was read. */
  status: Open<RunState>;
  /** The events that were seen before, oldest first. */
  known: readonly AnyQmpEvent[];
  /** Those that nobody has seen yet. */
  unseen: readonly AnyQmpEvent[];
  /** Whether a triple fault was the last thing in the log of CPU resets. */
  tripleFault: TripleFault;
}

/**
 * Decides what a guest is found at: its end, if QEMU holds it there, with the events that led to it.
 *
 * @param evidence What is known.
 * @returns What was seen of it before, and its end. An end that it has left again, as the events tell, is none.
 */
export function findGuest({ status, known, unseen, tripleFault }: GuestEvidence): FoundGuest {
  const before = known.slice(-EVIDENCE_EVENTS);
  const isTurn = ({ event }: AnyQmpEvent) => event === "STOP" || event === "RESUME" || event === "RESET";
  const at = unseen.findLastIndex(isTurn);
  const stop = unseen[at] ?? null;
  if (stop !== null && stop.event !== "STOP") return { events: before, held: null };
  const events = [...before, ...unseen.slice(0, at + 1)].slice(-EVIDENCE_EVENTS);
  const end = heldEnd(status, events);
  if (end === null) return { events: before, held: null };
  const asked = end.cause === "guest-reset" && end.reason === "guest-reset";
  return {
    events: before,
    held: { end, tripleFault: asked ? tripleFault : null, events, stop, tell: "yes" },
  };
}
