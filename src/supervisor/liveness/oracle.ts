/**
 * How well a QEMU answers. `forMs` is how long its commands have gone without an answer, at least: nobody can know what was before the
 * first one that was not answered.
 *
 * - `healthy`: it answers commands. What its guest does is another question: a paused one is healthy.
 * - `busy`: its process goes on, and its main loop is held up by something. `presumed`: nothing tells it from a stopped one, since its
 *   monitor has no out-of-band commands.
 * - `stopped`: nothing of it goes on. By a signal (SIGSTOP, or a debugger), by the freezer of its control group, or by what can't be seen
 *   from here.
 * - `gone`: there is no such process any more.
 *
 * @example
 * ```ts
 * import type { Liveness } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const inWords = (liveness: Liveness) =>
 *   "forMs" in liveness ? `${liveness.kind} for ${liveness.forMs / 1000} s` : liveness.kind;
 *
 * assertEquals(inWords({ kind: "stopped", forMs: 5_000, by: "signal" }), "stopped for 5 s");
 * assertEquals(inWords({ kind: "healthy" }), "healthy");
 * ```
 */
export type Liveness =
  | { kind: "healthy" }
  | { kind: "busy"; forMs: number; proof: "answers-out-of-band" | "presumed" }
  | { kind: "stopped"; forMs: number; by: "signal" | "freezer" | "unknown" }
  | { kind: "gone" };

/** What came of a question to QEMU: nothing yet, for so long; or it can't be asked. */
export type Ping = { kind: "answered" } | { kind: "waiting"; forMs: number } | { kind: "impossible" };

/** What the host says of a process. `unknown`: it may not be asked, or was not. */
export type ProcessState = "runs" | "stopped" | "frozen" | "ended" | "missing" | "unknown";

/** What is known of one QEMU at one moment. */
export interface Observation {
  /** An ordinary command, which the main loop answers. `impossible` without a connection. */
  inBand: Ping;
  /** An out-of-band one, which the monitor's own thread answers. `impossible` without a connection, or where its monitor has none. */
  outOfBand: Ping;
  process: ProcessState;
}

/** How long a question may go without an answer before that means anything, in milliseconds. */
export interface Patience {
  inBandMs: number;
  outOfBandMs: number;
}

/**
 * Decides how well a QEMU answers.
 *
 * @param observation What is known.
 * @param patience How long an answer may take.
 * @returns The word; null when there is nothing to go by: it was only just asked, or can't be.
 */
export function judgeLiveness(observation: Observation, patience: Patience): Liveness | null {
  const { inBand, outOfBand, process } = observation;
  const forMs = inBand.kind === "waiting" ? inBand.forMs : 0;
  switch (process) {
    case "ended":
      return { kind: "gone" };
    case "missing":
      // Nobody keeps the connection of a process that is gone; it may only be hidden from us.
      if (inBand.kind === "impossible") return { kind: "gone" };
      break;
    case "stopped":
      return { kind: "stopped", forMs, by: "signal" };
    case "frozen":
      return { kind: "stopped", forMs, by: "freezer" };
    case "runs":
    case "unknown":
      break;
  }
  if (inBand.kind === "answered") return { kind: "healthy" };
  if (inBand.kind === "impossible" || forMs < patience.inBandMs) return null;
  switch (outOfBand.kind) {
    case "answered":
      return { kind: "busy", forMs, proof: "answers-out-of-band" };
    case "impossible":
      return { kind: "busy", forMs, proof: "presumed" };
    case "waiting":
      return outOfBand.forMs < patience.outOfBandMs ? null : { kind: "stopped", forMs, by: "unknown" };
  }
}
