import type { Verdict } from "../vm/mod.ts";
import { type ActionWord, wordOf } from "./action.ts";
import { nextRestart, NO_RESTARTS } from "./backoff.ts";
import { actionFor } from "./cause_table.ts";
import type { Circumstances, Decision } from "./policy_action.ts";
import type { AfterStop, PolicyState, Wanted } from "./policy_state.ts";

// What the cells of the tables in `policy.ts` and `after_death.ts` do: each is a function of values, and says nothing of when it is done.

/** Nothing begun, nothing to follow. */
export const AT_REST: Pick<PolicyState, "upSince" | "pending" | "after" | "begun"> = {
  upSince: null,
  pending: "start",
  after: { kind: "nothing" },
  begun: null,
};

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
export const end = (how: "stop" | "clear-away" | "put-down", wanted: Wanted, after: AfterStop) =>
(
  state: PolicyState,
): Decision => ({
  state: { ...state, ...AT_REST, wanted, phase: "stopping", after },
  actions: [{ kind: how }],
});
export const stopNow: Step = end("stop", "down", { kind: "nothing" });
export const stopAndStart: Step = end("stop", "up", { kind: "start" });
export const clearAwayAndStop: Step = end("clear-away", "down", { kind: "nothing" });
export const clearAwayAndStart: Step = end("clear-away", "up", { kind: "start" });
export const clearAwayAndFail: Step = end("clear-away", "up", { kind: "fail" });

export const clearAwayAndRestart = (state: PolicyState, { now }: Circumstances): Decision =>
  end("clear-away", "up", { kind: "restart", ranMs: ranMs(state, now) })(state);

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
export const hold = (state: PolicyState, why: "preserved" | "restart-limit"): Decision => ({
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
export const hasResumed = (state: PolicyState): Decision => nothing({ ...state, begun: null });

/** How long it has been up; 0 when it was not. */
export const ranMs = (state: PolicyState, now: number): number =>
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

export const afterEndWith = (
  state: PolicyState,
  action: ActionWord,
  lastRunMs: number,
  circumstances: Circumstances,
): Decision =>
  action === "stop" || action === "preserve"
    ? settle(state, "stopped")
    : again(state, "start", lastRunMs, circumstances);

/** One more life, now or after a wait, if the limit allows it. */
export const again = (
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

/** Does what was waited for. What is done in place has only begun until it shows. */
export const carryOut = (state: PolicyState, now: number): Decision => {
  switch (state.pending) {
    case "start":
    case "answer":
      return { state: { ...state, ...AT_REST, phase: "starting" }, actions: [{ kind: "start" }] };
    case "reset":
    case "resume":
      return inPlace({ ...state, upSince: now }, state.pending);
  }
};

/** Does something to the guest that QEMU holds. */
export const inPlace = (state: PolicyState, kind: "reset" | "resume"): Decision => ({
  state: { ...state, phase: "up", pending: "start", begun: { kind } },
  actions: [{ kind }],
});

/** Does late what was to be done earlier: it counts from now on, so that no two restarts come closer together than the limit has it. */
export const carryOutLate = (state: PolicyState, now: number): Decision => {
  const { times } = state.history;
  const last = times.at(-1);
  if (last === undefined || last >= now) return carryOut(state, now);
  return carryOut({ ...state, history: { ...state.history, times: [...times.slice(0, -1), now] } }, now);
};

/** Lets a guest make its first step. */
export const letGo = (state: PolicyState, now: number): Decision =>
  carryOut({ ...state, ...AT_REST, pending: "resume" }, now);

/** Ends it once more: whoever began to is no more. */
export const stopAgain = (state: PolicyState, found: "running" | "held" | "silent"): Decision => {
  const { after } = state;
  const inOrder = found === "running" && (after.kind === "nothing" || after.kind === "start");
  return { state, actions: [{ kind: found === "silent" ? "put-down" : inOrder ? "stop" : "clear-away" }] };
};

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
