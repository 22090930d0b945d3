import type { Verdict, VerdictCause } from "../../../src/vm/mod.ts";
import { policyOf } from "../../../src/supervisor/policy_of.ts";
import type { Policy, SupervisedVm } from "../../../src/supervisor/spec.ts";

/** A verdict of this cause; what else it says is of no account for the policy. */
export function verdict(cause: VerdictCause, more: Partial<Verdict> = {}): Verdict {
  return {
    cause,
    detail: cause,
    at: new Date(0),
    process: "ended",
    exit: null,
    reason: null,
    tripleFault: null,
    intent: "none",
    rung: null,
    stderrTail: "",
    oomKill: null,
    consoleTail: "",
    events: [],
    ...more,
  };
}

/** A policy without chance in it, so that waits can be written down. */
export function policy(spec: Omit<SupervisedVm, "config"> = {}): Policy {
  return policyOf({ ...spec, backoff: { jitter: 0, ...spec.backoff } });
}
