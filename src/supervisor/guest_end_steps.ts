import type { Verdict } from "../vm/mod.ts";
import { type ActionWord, type DumpAction, wordOf } from "./action.ts";
import { countRestart } from "./backoff.ts";
import { actionFor } from "./cause_table.ts";
import type { Circumstances, Decision } from "./policy_action.ts";
import {
  afterEndWith,
  again,
  AT_REST,
  carryOutLate,
  clearAwayAndFail,
  clearAwayAndRestart,
  clearAwayAndStart,
  clearAwayAndStop,
  end,
  hold,
  inPlace,
  nothing,
  ranMs,
  startAfresh,
} from "./policy_steps.ts";
import type { AfterDump, PolicyState } from "./policy_state.ts";

// What is done about a guest that ended in its QEMU: the dump of its memory, and what follows.

/** The guest ended, but QEMU is there. */
export const guestEnded = (state: PolicyState, verdict: Verdict, circumstances: Circumstances): Decision => {
  const { policy, now } = circumstances;
  if (verdict.process === "running") return wentOn(state, verdict, circumstances);
  if (isOperatorsReset(verdict)) {
    // It was only held because the guest's own resets are: it becomes the reset that it was meant to be, and the run goes on.
    return inPlace({ ...state, ...AT_REST, upSince: state.upSince ?? now }, "reset");
  }
  const action = actionFor(policy, verdict);
  if (typeof action === "string") return act(state, action, ranMs(state, now), circumstances);
  return dumpFirst(state, action, ranMs(state, now));
};

/** QEMU has reset it already: a plain reboot, and only an action that was named for it asks for more. There is nothing left to dump. */
const wentOn = (state: PolicyState, verdict: Verdict, circumstances: Circumstances): Decision => {
  const named = circumstances.policy.onCause[verdict.cause];
  switch (named && wordOf(named)) {
    case "restart":
      return clearAwayAndRestart(state, circumstances);
    case "stop":
      return clearAwayAndStop(state);
    case undefined:
      return verdict.tripleFault === true ? wasReset(state, verdict, circumstances) : nothing(state);
    default:
      return nothing(state);
  }
};

/** After a triple fault that is the restart which the policy would have decided on, and counts as one: else a guest could fault for ever. */
const wasReset = (state: PolicyState, verdict: Verdict, { policy, now }: Circumstances): Decision => {
  if (actionFor(policy, verdict) !== "restart") return nothing(state);
  const history = countRestart(policy.limit, state.history, now);
  return history === null ? clearAwayAndFail(state) : nothing({ ...state, history });
};

const isOperatorsReset = ({ cause, reason }: Verdict): boolean =>
  cause === "guest-reset" && reason === "host-qmp-system-reset";

/** Does what the policy says about a guest that QEMU holds. */
const act = (
  state: PolicyState,
  action: ActionWord,
  lastRunMs: number,
  circumstances: Circumstances,
): Decision => {
  switch (action) {
    case "restart":
      return end("clear-away", "up", { kind: "restart", ranMs: lastRunMs })(state);
    case "reset":
    case "resume":
      return again(state, action, lastRunMs, circumstances);
    case "preserve":
      return hold(state, "preserved");
    case "stop":
      return clearAwayAndStop(state);
  }
};

const dumpFirst = (state: PolicyState, { dump, then }: DumpAction, lastRunMs: number): Decision => ({
  state: {
    ...state,
    ...AT_REST,
    phase: "dumping",
    begun: { kind: "dump", dump, then: { kind: "act", action: then, ranMs: lastRunMs } },
  },
  actions: [{ kind: "dump", dump }],
});

/** What follows the dump; null where there is none. */
const thenOf = ({ begun }: PolicyState): AfterDump | null => begun?.kind === "dump" ? begun.then : null;

/** The operator wants it started: the dump is finished first, since a policy wanted to know. */
export const startAfterDump = (state: PolicyState): Decision => {
  const { begun } = state;
  const then: AfterDump = { kind: "start" };
  return nothing({ ...state, wanted: "up", begun: begun?.kind === "dump" ? { ...begun, then } : begun });
};

/** There is a dump, or there will be none. */
export const afterDump = (state: PolicyState, circumstances: Circumstances): Decision => {
  const then = thenOf(state);
  if (then === null || then.kind === "start") return clearAwayAndStart(state);
  return act(state, then.action, then.ranMs, circumstances);
};

/** QEMU is gone, and the guest's memory with it. */
export const afterLostDump = (state: PolicyState, circumstances: Circumstances): Decision => {
  const then = thenOf(state);
  if (then === null || then.kind === "start") return startAfresh(state);
  return afterEndWith(state, then.action, then.ranMs, circumstances);
};

/**
 * Goes on with what an earlier supervisor began: it sees to the dump, or does once more what has not shown.
 *
 * @returns The decision; null where nothing was begun.
 */
export const goOn = (state: PolicyState, now: number): Decision | null => {
  const { begun } = state;
  switch (begun?.kind) {
    case undefined:
      return null;
    case "reset":
    case "resume":
      return carryOutLate({ ...state, ...AT_REST, pending: begun.kind }, now);
    case "dump":
      return {
        state: { ...state, ...AT_REST, phase: "dumping", begun },
        actions: [{ kind: "follow-dump", dump: begun.dump }],
      };
  }
};
