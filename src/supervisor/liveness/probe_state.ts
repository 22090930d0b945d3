import type { Open, RunState } from "../../qmp/mod.ts";
import type { Liveness } from "./oracle.ts";
import type { ProbeResult, Readiness, WholeProbe } from "./probe.ts";

/** What is known from one probe. */
export interface ProbeState {
  /** `waiting` until it has passed or failed. */
  phase: "waiting" | "passing" | "failing";
  /** How many in a row were not passed. */
  missed: number;
  /** How much is left of the time in which that does not count. */
  graceLeftMs: number;
}

/** How one probe went. `void`: nothing follows from it, since the guest could not pass it. */
export type ProbeOutcome = { kind: "passed" } | { kind: "missed"; why: string } | { kind: "void" };

/** Whether a guest can be expected to pass a probe. */
export type Gate = "open" | "shut";

/** The run states in which a guest's processors run. In every other one somebody holds it, and has reasons. */
const GATES: Readonly<Record<RunState, Gate>> = {
  "running": "open",
  "colo": "shut",
  "debug": "shut",
  "finish-migrate": "shut",
  "guest-panicked": "shut",
  "inmigrate": "shut",
  "internal-error": "shut",
  "io-error": "shut",
  "paused": "shut",
  "postmigrate": "shut",
  "prelaunch": "shut",
  "restore-vm": "shut",
  "save-vm": "shut",
  "shutdown": "shut",
  "suspended": "shut",
  "watchdog": "shut",
};

/**
 * Decides whether a guest can be expected to do anything.
 *
 * @param liveness How its QEMU is.
 * @param runState What QEMU says of the guest; null when it has not said anything.
 * @returns `open` if it can.
 */
export function probeGate(liveness: Liveness, runState: Open<RunState> | null): Gate {
  if (liveness.kind !== "healthy" || runState === null) return "shut";
  return (GATES as Readonly<Partial<Record<string, Gate>>>)[runState] ?? "shut";
}

/** A probe at the beginning of a guest's life. */
export function newProbeState(probe: WholeProbe): ProbeState {
  return { phase: "waiting", missed: 0, graceLeftMs: probe.graceMs };
}

/**
 * Lets the time of grace pass. It stands while the guest is held or QEMU is busy, and passes while QEMU is stopped.
 *
 * @param state The probe.
 * @param elapsedMs How much time passed.
 * @param gate Whether the guest could do anything in it.
 * @param liveness How its QEMU is.
 * @returns The probe.
 */
export function passGrace(state: ProbeState, elapsedMs: number, gate: Gate, liveness: Liveness): ProbeState {
  if (state.graceLeftMs === 0 || (gate === "shut" && liveness.kind !== "stopped")) return state;
  return { ...state, graceLeftMs: Math.max(0, state.graceLeftMs - elapsedMs) };
}

/**
 * Takes the outcome of a probe.
 *
 * @param probe The probe.
 * @param state What was known from it.
 * @param outcome How it went.
 * @returns What is known now, and what it says from now on if that is something else than before.
 */
export function noteProbe(
  probe: WholeProbe,
  state: ProbeState,
  outcome: ProbeOutcome,
): { state: ProbeState; change: ProbeResult | null } {
  switch (outcome.kind) {
    case "void":
      return { state, change: null };
    case "passed":
      return {
        state: { ...state, phase: "passing", missed: 0 },
        change: state.phase === "passing" ? null : { kind: "passing" },
      };
    case "missed": {
      if (state.phase === "waiting" && state.graceLeftMs > 0) return { state, change: null };
      const missed = state.missed + 1;
      if (state.phase === "failing" || missed < probe.failures) {
        return { state: { ...state, missed }, change: null };
      }
      return { state: { ...state, phase: "failing", missed }, change: { kind: "failing", why: outcome.why } };
    }
  }
}

/**
 * Whether a guest is ready.
 *
 * @param states Its readiness probes.
 * @returns `ready` when all of them pass, also when there are none.
 */
export function readinessOf(states: readonly ProbeState[]): Readiness {
  if (states.some(({ phase }) => phase === "failing")) return "not-ready";
  return states.every(({ phase }) => phase === "passing") ? "ready" : "unknown";
}
