import type { OnStuck } from "./spec.ts";

/** What the liveness oracle says of one QEMU. */
export type LivenessNote =
  | { kind: "healthy" }
  | { kind: "busy" | "stopped"; forMs: number }
  | { kind: "gone" };

/** Whether the policy was told that this QEMU is stuck. `no` when its life begins. */
export type StuckTold = "no" | "yes";

/**
 * Decides when the policy is told that a QEMU is stuck, and that it is no more: once for each time, however often it is looked at.
 *
 * @param told Whether it was told.
 * @param liveness What was seen now.
 * @param onStuck The policy's part.
 * @returns Whether it is told now, and the incident to decide about; null when there is none.
 */
export function noteLiveness(
  told: StuckTold,
  liveness: LivenessNote,
  onStuck: Required<OnStuck>,
): { told: StuckTold; incident: "stuck" | "unstuck" | null } {
  switch (liveness.kind) {
    case "healthy":
      return { told: "no", incident: told === "yes" ? "unstuck" : null };
    case "busy":
    case "stopped":
      if (told === "yes" || liveness.forMs < onStuck.afterMs) return { told, incident: null };
      return { told: "yes", incident: "stuck" };
    case "gone":
      // Its end is an incident of its own.
      return { told: "no", incident: null };
  }
}
