import type { Verdict } from "../vm/mod.ts";
import { wordOf } from "./action.ts";
import { actionFor } from "./cause_table.ts";
import { afterLostDump, followDump } from "./guest_end_steps.ts";
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

/** It does not answer a new supervisor: for how long already, nobody knows. */
export const isFoundStuck = (state: PolicyState): Decision => nothing(unresponsive(state, "start"));

/** What was known of its life stays so, and a dump that was begun. */
const unresponsive = (state: PolicyState, pending: "start" | "answer"): PolicyState => {
  const { upSince, dumping } = state;
  return { ...state, ...AT_REST, phase: "unresponsive", upSince, dumping, pending };
};

/** It answers again. One that never came up, because its supervisor died before that, begins now. */
export const answersAgain = (
  state: PolicyState,
  guest: "running" | "held" | "prelaunch",
  now: number,
): Decision => {
  if (guest === "held" && state.dumping !== null) return followDump({ ...state, phase: "dumping" });
  return guest === "prelaunch" && state.upSince === null ? letGo(state, now) : isUpAgain(state, now);
};

/** It is gone. */
export const endedUnresponsive = (
  state: PolicyState,
  verdict: Verdict,
  circumstances: Circumstances,
): Decision =>
  state.dumping === null ? afterEnd(state, verdict, circumstances) : afterLostDump(state, circumstances);

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
