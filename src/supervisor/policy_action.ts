import type { DumpOptions } from "./action.ts";
import type { PolicyState } from "./policy_state.ts";
import type { Policy } from "./spec.ts";

/**
 * What to do about an incident. A decision has several of them at times, in order.
 *
 * @example
 * ```ts
 * import type { PolicyAction } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * // How long until something is done about it.
 * const delayMs = (actions: readonly PolicyAction[]) =>
 *   actions.map((action) => action.kind === "wait" ? action.delayMs : 0).reduce((sum, ms) => sum + ms, 0);
 *
 * assertEquals(delayMs([{ kind: "wait", delayMs: 100 }]), 100);
 * assertEquals(delayMs([{ kind: "end-wait" }, { kind: "start" }]), 0);
 * ```
 */
export type PolicyAction =
  | { kind: "start" }
  /** Stop in order, or give up a start that is under way. A dump that is under way ends with it. */
  | { kind: "stop" }
  /** Clear away a QEMU whose guest has ended already. */
  | { kind: "clear-away" }
  /** End a QEMU that does not answer: whatever ends it, the cause is `unresponsive`. */
  | { kind: "put-down" }
  /** Start the guest's next life in the QEMU that holds it. */
  | { kind: "reset" }
  /** Let the guest run on where QEMU holds it. */
  | { kind: "resume" }
  /** Write the memory of the guest that QEMU holds to a file. */
  | { kind: "dump"; dump: DumpOptions }
  /** See to the end of a dump that an earlier supervisor began; begin it again where it did not come to one. */
  | { kind: "follow-dump"; dump: DumpOptions }
  | { kind: "wait"; delayMs: number }
  | { kind: "end-wait" }
  /** Nothing more will be done by itself. */
  | { kind: "give-up"; why: "stopped" | "preserved" | "restart-limit" | "unverifiable" };

/** A decision: the new state and what to do, in order. */
export interface Decision {
  state: PolicyState;
  actions: readonly PolicyAction[];
}

/** What a decision depends on beside state and incident. */
export interface Circumstances {
  policy: Policy;
  /** The time in milliseconds. */
  now: number;
  /** A number from 0 up to 1. */
  random: number;
}
