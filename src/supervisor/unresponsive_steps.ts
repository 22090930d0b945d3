import type { Verdict } from "../vm/mod.ts";
import { wordOf } from "./action.ts";
import { actionFor } from "./cause_table.ts";
import { afterLostDump, goOn, guestEnded } from "./guest_end_steps.ts";
import type { GuestNow } from "./incident.ts";
import type { Circumstances, Decision } from "./policy_action.ts";
import {
  afterEnd,
  AT_REST,
  end,
  endWaitAnd,
  hold,
  isUpAgain,
  letGo,
  nothing,
  ranMs,
} from "./policy_steps.ts";
import type { PolicyState } from "./policy_state.ts";

// What is done about a QEMU that is there and does not answer.

/** What a QEMU that does not answer is judged by. */
const UNRESPONSIVE = { cause: "unresponsive", tripleFault: null } as const;

export const putDownAndStop: (state: PolicyState) => Decision = end("put-down", "down", { kind: "nothing" });
export const putDownAndFail: (state: PolicyState) => Decision = end("put-down", "up", { kind: "fail" });
const putDownAndRestart = (state: PolicyState, { now }: Circumstances): Decision =>
  end("put-down", "up", { kind: "restart", ranMs: ranMs(state, now) })(state);

/** It has not answered for long enough. */
export const isStuck = (state: PolicyState, circumstances: Circumstances): Decision => {
  switch (circumstances.policy.onStuck.action) {
    case "report":
      return isFoundStuck(state);
    case "restart":
      return putDownAndRestart(state, circumstances);
    case "preserve":
      return hold(state, "preserved");
  }
};

/** The same of one that is waited for, or dumped: its report changes nothing. */
export const isStuckBusy = (state: PolicyState, circumstances: Circumstances): Decision => {
  if (circumstances.policy.onStuck.action === "report") return nothing(state);
  const decision = isStuck(state, circumstances);
  return state.phase === "backoff" ? endWaitAnd(decision) : decision;
};

/** It does not answer a new supervisor: for how long already, nobody knows. */
export const isFoundStuck = (state: PolicyState): Decision => nothing(unresponsive(state, "start"));

/** What was known of its life stays so, and what was begun. */
const unresponsive = (state: PolicyState, pending: "start" | "answer"): PolicyState => {
  const { upSince, begun } = state;
  return { ...state, ...AT_REST, phase: "unresponsive", upSince, begun, pending };
};

/** It answers again. */
export const answersAgain = (state: PolicyState, guest: GuestNow, now: number): Decision => {
  switch (guest) {
    case "running":
      return isUpAgain(state, now);
    case "held":
      // Its end comes next, and is decided about then.
      return isFoundStuck(state);
    case "prelaunch":
      return prelaunchUnseen(state, now);
  }
};

/** It was stuck and is no more, and its monitors were there all the time: an end that was told before is not told again. */
export const isUnstuck = (state: PolicyState, guest: GuestNow, now: number): Decision =>
  (guest === "held" ? goOn(state, now) : null) ?? answersAgain(state, guest, now);

/** It has not made a step. One that never came up, or was being reset, begins now; else somebody had paused it, and may want it so. */
export const prelaunchUnseen = (state: PolicyState, now: number): Decision =>
  state.upSince === null || state.begun !== null ? letGo(state, now) : isUpAgain(state, now);

/** It is held at its end: what was begun before that is done, and only else it is a new one. */
export const heldUnseen = (state: PolicyState, verdict: Verdict, circumstances: Circumstances): Decision =>
  (verdict.process === "held" ? goOn(state, circumstances.now) : null) ??
    guestEnded(state, verdict, circumstances);

/** It is gone. */
export const goneUnseen = (
  state: PolicyState,
  verdict: Pick<Verdict, "cause" | "tripleFault">,
  circumstances: Circumstances,
): Decision =>
  state.begun?.kind === "dump"
    ? afterLostDump(state, circumstances)
    : afterEnd(state, verdict, circumstances);

/** Something runs in its place that could not be proven to be it. */
export const leaveAlone = (state: PolicyState): Decision => ({
  state: { ...unresponsive(state, "start"), phase: "unverified" },
  actions: [{ kind: "give-up", why: "unverifiable" }],
});

/** Its monitors are lost: it is given time to end, or to be reached again. */
export const waitForAnswer = (state: PolicyState, circumstances: Circumstances): Decision => {
  const { graceMs } = circumstances.policy.onUnreachable;
  if (graceMs === 0) return giveItUp(state, circumstances);
  return {
    state: unresponsive(state, "answer"),
    actions: [{ kind: "wait", delayMs: graceMs }],
  };
};

/** It did not come back: it ends as `unresponsive`. It can be neither dumped, nor reset, nor resumed. */
export const giveItUp = (state: PolicyState, circumstances: Circumstances): Decision => {
  switch (wordOf(actionFor(circumstances.policy, UNRESPONSIVE))) {
    case "restart":
    case "reset":
    case "resume":
      return putDownAndRestart(state, circumstances);
    case "preserve":
      return hold(state, "preserved");
    case "stop":
      return putDownAndStop(state);
  }
};

/** Does this, and ends the wait for an answer if there is one and this is more than nothing. */
export const noLongerWaiting = (state: PolicyState, decision: Decision): Decision =>
  state.pending === "answer" && decision.state !== state ? endWaitAnd(decision) : decision;
