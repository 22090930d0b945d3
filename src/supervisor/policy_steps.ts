import type { Verdict } from "../vm/mod.ts";
import { type ActionWord, type DumpAction, wordOf } from "./action.ts";
import { nextRestart, NO_RESTARTS } from "./backoff.ts";
import { actionFor } from "./cause_table.ts";
import type { Circumstances, Decision } from "./policy_action.ts";
import type { AfterStop, PolicyState, Wanted } from "./policy_state.ts";

// What the cells of the policy's table do. Each is a function of values; which one is done when, is the table's business.

/** Nothing begun, nothing to follow. */
const AT_REST = { upSince: null, pending: "start", after: { kind: "nothing" }, dumping: null } as const;

/** What a QEMU that does not answer is judged by. */
const UNRESPONSIVE = { cause: "unresponsive", tripleFault: null } as const;

type Step = (state: PolicyState) => Decision;

/** There is nothing to do. */
export const nothing = (state: PolicyState): Decision => ({ state, actions: [] });

/** Starts at once, as the operator asked: earlier failures are forgotten. */
export const startAfresh = (state: PolicyState): Decision => ({
  state: { ...state, ...AT_REST, wanted: "up", phase: "starting", history: NO_RESTARTS },
  actions: [{ kind: "start" }],
});

/** Forgets earlier restarts. */
export const forget = (state: PolicyState): Decision => nothing({ ...state, history: NO_RESTARTS });

/** Forgets that it failed. Only a person starts it again. */
export const forgetFailure = (state: PolicyState): Decision =>
  nothing({ ...state, wanted: "down", phase: "down", history: NO_RESTARTS });

/** Ends QEMU, with or without the guest's help. */
const end = (how: "stop" | "clear-away" | "put-down", wanted: Wanted, after: AfterStop) =>
(
  state: PolicyState,
): Decision => ({
  state: { ...state, ...AT_REST, wanted, phase: "stopping", after },
  actions: [{ kind: how }],
});
export const stopNow: Step = end("stop", "down", { kind: "nothing" });
export const stopAndStart: Step = end("stop", "up", { kind: "start" });
export const clearAwayAndStop: Step = end("clear-away", "down", { kind: "nothing" });
const clearAwayAndStart = end("clear-away", "up", { kind: "start" });
const clearAwayAndFail = end("clear-away", "up", { kind: "fail" });
const putDownAndStop = end("put-down", "down", { kind: "nothing" });

export const clearAwayAndRestart = (state: PolicyState, { now }: Circumstances): Decision =>
  end("clear-away", "up", { kind: "restart", ranMs: ranMs(state, now) })(state);
const putDownAndRestart = (state: PolicyState, { now }: Circumstances): Decision =>
  end("put-down", "up", { kind: "restart", ranMs: ranMs(state, now) })(state);

/** The operator changed his mind while QEMU is going. */
export const thenStart = (state: PolicyState): Decision =>
  nothing({ ...state, wanted: "up", after: { kind: "start" } });
export const thenNothing = (state: PolicyState): Decision =>
  nothing({ ...state, wanted: "down", after: { kind: "nothing" } });

/** Ends the wait, and then does this. */
export const endWaitAnd = ({ state, actions }: Decision): Decision => ({
  state,
  actions: [{ kind: "end-wait" }, ...actions],
});

/** There is no QEMU, and there will be none. */
export const settle = (state: PolicyState, why: "stopped" | "restart-limit"): Decision => ({
  state: {
    ...state,
    ...AT_REST,
    wanted: why === "stopped" ? "down" : state.wanted,
    phase: why === "stopped" ? "down" : "failed",
  },
  actions: [{ kind: "give-up", why }],
});

/** Leaves the guest as it is, held by QEMU, for a person. */
const hold = (state: PolicyState, why: "preserved" | "restart-limit"): Decision => ({
  state: { ...state, ...AT_REST, phase: "held" },
  actions: [{ kind: "give-up", why }],
});

/** A life begins. */
export const isUp = (state: PolicyState, now: number): Decision =>
  nothing({ ...state, ...AT_REST, phase: "up", upSince: now });

/** It was never away: the life goes on. */
export const isUpAgain = (state: PolicyState, now: number): Decision =>
  nothing({ ...state, ...AT_REST, phase: "up", upSince: state.upSince ?? now });

/** What was begun in place has shown. */
export const hasResumed = (state: PolicyState): Decision => nothing({ ...state, pending: "start" });

/** How long it has been up; 0 when it was not. */
const ranMs = (state: PolicyState, now: number): number =>
  state.upSince === null ? 0 : Math.max(0, now - state.upSince);

/** QEMU is gone: start it again, or leave it. */
export const afterEnd = (
  state: PolicyState,
  verdict: Pick<Verdict, "cause" | "tripleFault">,
  circumstances: Circumstances,
): Decision =>
  afterEndWith(
    state,
    wordOf(actionFor(circumstances.policy, verdict)),
    ranMs(state, circumstances.now),
    circumstances,
  );

const afterEndWith = (
  state: PolicyState,
  action: ActionWord,
  lastRunMs: number,
  circumstances: Circumstances,
): Decision =>
  action === "stop" || action === "preserve"
    ? settle(state, "stopped")
    : again(state, "start", lastRunMs, circumstances);

/** One more life, now or after a wait, if the limit allows it. */
const again = (
  state: PolicyState,
  pending: "start" | "reset" | "resume",
  lastRunMs: number,
  circumstances: Circumstances,
): Decision => {
  const { policy, now, random } = circumstances;
  const decision = nextRestart(policy, state.history, lastRunMs, now, random);
  if (decision.kind === "give-up") {
    switch (pending) {
      case "start":
        return settle(state, "restart-limit");
      case "reset":
        return clearAwayAndFail(state);
      case "resume":
        // Its memory is whole, and may be all that is left of what its disk would not take.
        return hold(state, "restart-limit");
    }
  }
  const { delayMs, history } = decision;
  const next: PolicyState = { ...state, ...AT_REST, history, pending };
  return delayMs === 0 ? carryOut(next, now) : waitFor(next, delayMs);
};

/** Waits before what is pending. */
export const waitFor = (state: PolicyState, delayMs: number): Decision => ({
  state: { ...state, phase: "backoff" },
  actions: [{ kind: "wait", delayMs }],
});

/** Does what was waited for. What is done in place stays pending until it shows, in case its supervisor dies meanwhile. */
export const carryOut = (state: PolicyState, now: number): Decision => {
  switch (state.pending) {
    case "start":
    case "answer":
      return { state: { ...state, ...AT_REST, phase: "starting" }, actions: [{ kind: "start" }] };
    case "reset":
    case "resume":
      return { state: { ...state, phase: "up", upSince: now }, actions: [{ kind: state.pending }] };
  }
};

/** The guest ended, but QEMU is there. */
export const guestEnded = (state: PolicyState, verdict: Verdict, circumstances: Circumstances): Decision => {
  const { policy, now } = circumstances;
  if (verdict.process === "running") return wentOn(state, verdict, circumstances);
  if (isOperatorsReset(verdict)) {
    // It was only held because the guest's own resets are: it becomes the reset that it was meant to be, and the run goes on.
    return {
      state: { ...state, ...AT_REST, phase: "up", upSince: state.upSince ?? now, pending: "reset" },
      actions: [{ kind: "reset" }],
    };
  }
  const action = actionFor(policy, verdict);
  if (typeof action === "string") return act(state, action, ranMs(state, now), circumstances);
  return dumpFirst(state, action, ranMs(state, now));
};

/** QEMU has reset it already: a plain reboot, and only an action that was named for it asks for more. There is nothing left to dump. */
const wentOn = (state: PolicyState, { cause }: Verdict, circumstances: Circumstances): Decision => {
  const named = circumstances.policy.onCause[cause];
  switch (named && wordOf(named)) {
    case "restart":
      return clearAwayAndRestart(state, circumstances);
    case "stop":
      return clearAwayAndStop(state);
    default:
      return nothing(state);
  }
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
    dumping: { dump, then: { kind: "act", action: then, ranMs: lastRunMs } },
  },
  actions: [{ kind: "dump", dump }],
});

/** The operator wants it started: the dump is finished first, since a policy wanted to know. */
export const startAfterDump = (state: PolicyState): Decision =>
  nothing({
    ...state,
    wanted: "up",
    dumping: state.dumping && { ...state.dumping, then: { kind: "start" } },
  });

/** There is a dump, or there will be none. */
export const afterDump = (state: PolicyState, circumstances: Circumstances): Decision => {
  const then = state.dumping?.then;
  if (then === undefined || then.kind === "start") return clearAwayAndStart(state);
  return act(state, then.action, then.ranMs, circumstances);
};

/** QEMU is gone, and the guest's memory with it. */
export const afterLostDump = (state: PolicyState, circumstances: Circumstances): Decision => {
  const then = state.dumping?.then;
  if (then === undefined || then.kind === "start") return startAfresh(state);
  return afterEndWith(state, then.action, then.ranMs, circumstances);
};

/** It has not answered for long enough. */
export const isStuck = (state: PolicyState, circumstances: Circumstances): Decision => {
  switch (circumstances.policy.onStuck.action) {
    case "report":
      return nothing({ ...state, phase: "unresponsive", pending: "start" });
    case "restart":
      return putDownAndRestart(state, circumstances);
    case "preserve":
      return hold(state, "preserved");
  }
};

/** Its monitors are lost: it is given time to end, or to be reached again. */
export const waitForAnswer = (state: PolicyState, circumstances: Circumstances): Decision => {
  const { graceMs } = circumstances.policy.onUnreachable;
  if (graceMs === 0) return giveItUp(state, circumstances);
  return {
    state: { ...state, phase: "unresponsive", pending: "answer" },
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

/** Does this, and ends the wait for an answer if there is one. */
export const noLongerWaiting = (state: PolicyState, decision: Decision): Decision =>
  state.pending === "answer" ? endWaitAnd(decision) : decision;

/** QEMU is gone as it was told to: what was to follow? */
export const stopped = (state: PolicyState, circumstances: Circumstances): Decision => {
  const { after } = state;
  switch (after.kind) {
    case "nothing":
      return settle(state, "stopped");
    case "start":
      return startAfresh(state);
    case "restart":
      return again(state, "start", after.ranMs, circumstances);
    case "fail":
      return settle(state, "restart-limit");
  }
};

/** Something runs in its place that could not be proven to be it. */
export const leaveAlone = (state: PolicyState): Decision => ({
  state: { ...state, ...AT_REST, phase: "unverified" },
  actions: [{ kind: "give-up", why: "unverifiable" }],
});
