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

/**
 * What came of a question to QEMU: an answer; none yet, for so long; or it can't be asked, without a connection or where its monitor has no
 * out-of-band commands.
 */
export type Ping = { kind: "answered" } | { kind: "waiting"; forMs: number } | { kind: "impossible" };

/** What the host says of a process. `unknown`: it can't be asked, or was not. */
export type ProcessState = "runs" | "stopped" | "frozen" | "ended" | "missing" | "unknown";

/** What is known of one QEMU at one moment. */
export interface Observation {
  /** An ordinary command, which the main loop answers. */
  inBand: Ping;
  /** An out-of-band one, which the monitor's own thread answers. */
  outOfBand: Ping;
  process: ProcessState;
  /** How long nothing in band was answered, in milliseconds: also when nothing can be asked any more. */
  unansweredMs: number;
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
 * @param before The word before.
 * @returns The word; null when there is nothing to go by: it was only just asked, or can't be.
 */
export function judgeLiveness(
  observation: Observation,
  patience: Patience,
  before: Liveness,
): Liveness | null {
  const { inBand, outOfBand, process, unansweredMs: forMs } = observation;
  switch (process) {
    case "ended":
      return { kind: "gone" };
    case "missing":
      // The kernel closes the connections of a process that is gone; one that still has its own is only hidden from us.
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
  if (inBand.kind === "impossible") {
    // All that can be said is what it is no more.
    const wasStopped = before.kind === "stopped" && process === "runs";
    return wasStopped ? { kind: "busy", forMs, proof: "presumed" } : null;
  }
  if (inBand.forMs < patience.inBandMs) return null;
  switch (outOfBand.kind) {
    case "answered":
      return { kind: "busy", forMs, proof: "answers-out-of-band" };
    case "impossible":
      return { kind: "busy", forMs, proof: "presumed" };
    case "waiting":
      return outOfBand.forMs < patience.outOfBandMs ? null : { kind: "stopped", forMs, by: "unknown" };
  }
}
