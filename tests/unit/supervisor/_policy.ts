import type { RestartHistory } from "../../../src/supervisor/backoff.ts";
import type { Verdict, VerdictCause } from "../../../src/vm/mod.ts";
import {
  type Circumstances,
  decide,
  type Decision,
  type Incident,
  INITIAL_STATE,
  type Phase,
  type PolicyState,
} from "../../../src/supervisor/policy.ts";
import type { Begun } from "../../../src/supervisor/policy_state.ts";
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

export const NOW: number = 1_000_000;
export const USED: RestartHistory = { times: [NOW - 500], attempts: 1, lastDelayMs: 0 };

/** What follows the dump of a guest in `dumping`. */
export const THEN_RESTART: Extract<Begun, { kind: "dump" }> = {
  kind: "dump",
  dump: { keep: 1 },
  then: { kind: "act", action: "restart", ranMs: 100 },
};

export function at(phase: Phase, more: Partial<PolicyState> = {}): PolicyState {
  const wanted = phase === "down" || phase === "stopping" ? "down" : "up";
  const upSince = phase === "up" || phase === "unresponsive" ? NOW - 100 : null;
  const begun = phase === "dumping" ? THEN_RESTART : null;
  return { ...INITIAL_STATE, phase, wanted, upSince, begun, ...more };
}

export function under(spec: Parameters<typeof policy>[0] = {}): Circumstances {
  return { policy: policy(spec), now: NOW, random: 0.5 };
}

/** A decision in one line: the phase, what is wanted, the actions. */
export function decided(
  state: PolicyState,
  incident: Incident,
  circumstances: Circumstances = under(),
): string {
  return line(decide(state, incident, circumstances));
}

/** The same of a decision that there is already. */
export function line({ state: next, actions }: Decision): string {
  const words = actions.map((action) => {
    if (action.kind === "wait") return `wait ${action.delayMs}`;
    return action.kind === "give-up" ? `give up: ${action.why}` : action.kind;
  });
  return `${next.phase}, wanted ${next.wanted}: ${words.join(", ") || "nothing"}`;
}
