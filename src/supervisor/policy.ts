import type { Verdict } from "../vm/mod.ts";
import { nextRestart, NO_RESTARTS, type RestartHistory } from "./backoff.ts";
import { actionFor } from "./cause_table.ts";
import type { Policy } from "./spec.ts";

/** What the operator, or a policy that is done with the guest, wants. */
export type Wanted = "up" | "down";

/**
 * Where a guest is: `down`; `starting`; `up`; `held`, preserved at its end; `stopping`; `backoff`, waiting for its next start;
 * `failed`, given up because of the restart limit.
 */
export type Phase = "down" | "starting" | "up" | "held" | "stopping" | "backoff" | "failed";

/** What follows once QEMU is gone. */
export type AfterStop = { kind: "nothing" } | { kind: "start" } | { kind: "decide"; verdict: Verdict };

/** What is known of one guest. A plain value: each step makes a new one. */
export interface PolicyState {
  wanted: Wanted;
  phase: Phase;
  history: RestartHistory;
  /** Since when it has been up, in milliseconds; null while it is not. */
  upSince: number | null;
  /** What the wait of `backoff` is for. */
  pending: "start" | "reset" | "resume";
  after: AfterStop;
}

/** A guest that was never started. */
export const INITIAL_STATE: PolicyState = {
  wanted: "down",
  phase: "down",
  history: NO_RESTARTS,
  upSince: null,
  pending: "start",
  after: { kind: "nothing" },
};

/** What happened. */
export type Incident =
  | { kind: "start-asked" }
  | { kind: "stop-asked" }
  | { kind: "restart-asked" }
  /** QEMU is ready and the guest runs. */
  | { kind: "started" }
  /** The guest ended, and QEMU is still there. */
  | { kind: "guest-ended"; verdict: Verdict }
  /** QEMU is gone, or never came to be. */
  | { kind: "ended"; verdict: Verdict }
  /** The wait of `backoff` is over. */
  | { kind: "wait-over" };

/** What to do about it. */
export type PolicyAction =
  | { kind: "start" }
  /** Stop in order, or give up a start that is under way. */
  | { kind: "stop" }
  /** Clear away a QEMU whose guest has ended already. */
  | { kind: "clear-away" }
  | { kind: "reset" }
  | { kind: "resume" }
  | { kind: "wait"; delayMs: number }
  | { kind: "end-wait" }
  /** Nothing more will be done by itself. */
  | { kind: "give-up"; why: "stopped" | "preserved" | "restart-limit" };

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

type Handler<K extends Incident["kind"]> = (
  state: PolicyState,
  incident: Extract<Incident, { kind: K }>,
  circumstances: Circumstances,
) => Decision;
type Row = { [K in Incident["kind"]]: Handler<K> };

/**
 * What to do now. Total: each phase has an answer to each incident, if only that there is nothing to do.
 *
 * @param state What is known.
 * @param incident What happened.
 * @param circumstances Policy, time and chance.
 * @returns The new state and the actions.
 */
export function decide(state: PolicyState, incident: Incident, circumstances: Circumstances): Decision {
  // The row's handler for this kind takes this kind; TypeScript can't follow that through the union.
  const handler = TABLE[state.phase][incident.kind] as Handler<Incident["kind"]>;
  return handler(state, incident, circumstances);
}

const nothing = (state: PolicyState): Decision => ({ state, actions: [] });
const want = (state: PolicyState, wanted: Wanted): Decision => nothing({ ...state, wanted });

/** Starts at once, as the operator asked: earlier failures are forgotten. */
const startAfresh = (state: PolicyState): Decision => ({
  state: {
    ...state,
    wanted: "up",
    phase: "starting",
    history: NO_RESTARTS,
    upSince: null,
    after: { kind: "nothing" },
  },
  actions: [{ kind: "start" }],
});

const stopFor = (wanted: Wanted, after: AfterStop): (state: PolicyState) => Decision => (state) => ({
  state: { ...state, wanted, phase: "stopping", after },
  actions: [{ kind: "stop" }],
});
const stopNow = stopFor("down", { kind: "nothing" });
const stopAndStart = stopFor("up", { kind: "start" });

const endWaitAnd = (next: (state: PolicyState) => Decision) => (state: PolicyState): Decision => {
  const { state: after, actions } = next(state);
  return { state: after, actions: [{ kind: "end-wait" }, ...actions] };
};

const settle = (state: PolicyState, why: "stopped" | "restart-limit"): Decision => ({
  state: {
    ...state,
    wanted: why === "stopped" ? "down" : state.wanted,
    phase: why === "stopped" ? "down" : "failed",
    upSince: null,
    after: { kind: "nothing" },
  },
  actions: [{ kind: "give-up", why }],
});

/** QEMU is gone: start it again, or leave it. */
const afterEnd = (state: PolicyState, verdict: Verdict, circumstances: Circumstances): Decision => {
  if (state.wanted === "down") return settle(state, "stopped");
  const action = actionFor(circumstances.policy, verdict);
  if (action === "stop" || action === "preserve") return settle(state, "stopped");
  return again(state, "start", circumstances);
};

/** One more life, now or after a wait, if the limit allows it. */
const again = (
  state: PolicyState,
  pending: PolicyState["pending"],
  circumstances: Circumstances,
): Decision => {
  const { policy, now, random } = circumstances;
  const ranMs = state.upSince === null ? 0 : now - state.upSince;
  const decision = nextRestart(policy, state.history, ranMs, now, random);
  if (decision.kind === "give-up") {
    if (pending === "start") return settle(state, "restart-limit");
    // The guest is still held: clear it away first, then give up.
    const { state: failed, actions } = settle(state, "restart-limit");
    return { state: failed, actions: [{ kind: "clear-away" }, ...actions] };
  }
  const next: PolicyState = { ...state, history: decision.history, pending, after: { kind: "nothing" } };
  if (decision.delayMs > 0) {
    return {
      state: { ...next, phase: "backoff", upSince: null },
      actions: [{ kind: "wait", delayMs: decision.delayMs }],
    };
  }
  return carryOut({ ...next, upSince: null }, now);
};

/** Does what was waited for. */
const carryOut = (state: PolicyState, now: number): Decision =>
  state.pending === "start"
    ? { state: { ...state, phase: "starting", upSince: null }, actions: [{ kind: "start" }] }
    : { state: { ...state, phase: "up", upSince: now }, actions: [{ kind: state.pending }] };

/** The guest ended, but QEMU is there. */
const guestEnded: Handler<"guest-ended"> = (state, { verdict }, circumstances) => {
  const { policy } = circumstances;
  if (verdict.process === "running") {
    // QEMU has reset it already: a plain reboot, and only an action that was named for it asks for more.
    const named = policy.onCause[verdict.cause];
    if (named === "restart") return clearAway(state, { kind: "decide", verdict });
    return named === "stop" ? clearAway({ ...state, wanted: "down" }, { kind: "nothing" }) : nothing(state);
  }
  const action = actionFor(policy, verdict);
  switch (action) {
    case "restart":
      return clearAway(state, { kind: "decide", verdict });
    case "reset":
    case "resume":
      return again(state, action, circumstances);
    case "preserve":
      return {
        state: { ...state, phase: "held", upSince: null },
        actions: [{ kind: "give-up", why: "preserved" }],
      };
    case "stop":
      return clearAway({ ...state, wanted: "down" }, { kind: "nothing" });
  }
};

const clearAway = (state: PolicyState, after: AfterStop): Decision => ({
  state: { ...state, phase: "stopping", after },
  actions: [{ kind: "clear-away" }],
});

/** QEMU is gone as it was told to: what was to follow? */
const stopped: Handler<"ended"> = (state, _incident, circumstances) => {
  const { after } = state;
  if (after.kind === "decide" && state.wanted === "up") return again(state, "start", circumstances);
  if (after.kind === "start" || (after.kind === "nothing" && state.wanted === "up")) {
    return startAfresh(state);
  }
  return settle(state, "stopped");
};

/** Every phase and every incident. Stop wins wherever it comes; nothing that the supervisor itself does counts as a failure. */
const TABLE = {
  "down": {
    "start-asked": startAfresh,
    "stop-asked": (state) => want(state, "down"),
    "restart-asked": startAfresh,
    "started": nothing,
    "guest-ended": nothing,
    "ended": nothing,
    "wait-over": nothing,
  },
  "starting": {
    "start-asked": (state) => want(state, "up"),
    "stop-asked": stopNow,
    "restart-asked": (state) => want(state, "up"),
    "started": (state, _incident, { now }) => nothing({ ...state, phase: "up", upSince: now }),
    "guest-ended": guestEnded,
    "ended": (state, { verdict }, circumstances) => afterEnd(state, verdict, circumstances),
    "wait-over": nothing,
  },
  "up": {
    "start-asked": (state) => want(state, "up"),
    "stop-asked": stopNow,
    "restart-asked": stopAndStart,
    "started": nothing,
    "guest-ended": guestEnded,
    "ended": (state, { verdict }, circumstances) => afterEnd(state, verdict, circumstances),
    "wait-over": nothing,
  },
  "held": {
    "start-asked": stopAndStart,
    "stop-asked": stopNow,
    "restart-asked": stopAndStart,
    "started": nothing,
    "guest-ended": nothing,
    "ended": (state) => settle(state, "stopped"),
    "wait-over": nothing,
  },
  "stopping": {
    "start-asked": (state) => nothing({ ...state, wanted: "up", after: { kind: "start" } }),
    "stop-asked": (state) => nothing({ ...state, wanted: "down", after: { kind: "nothing" } }),
    "restart-asked": (state) => nothing({ ...state, wanted: "up", after: { kind: "start" } }),
    // The launch was quicker than its cancellation.
    "started": (state) => ({ state, actions: [{ kind: "stop" }] }),
    "guest-ended": nothing,
    "ended": stopped,
    "wait-over": nothing,
  },
  "backoff": {
    "start-asked": (state) => state.pending === "start" ? endWaitAnd(startAfresh)(state) : want(state, "up"),
    "stop-asked": (state) =>
      state.pending === "start"
        ? endWaitAnd((now) => settle({ ...now, wanted: "down" }, "stopped"))(state)
        : endWaitAnd(stopNow)(state),
    "restart-asked": (state) => endWaitAnd(state.pending === "start" ? startAfresh : stopAndStart)(state),
    "started": nothing,
    "guest-ended": nothing,
    // Only where a held guest was waiting for its reset: its QEMU is gone now, so it becomes a start.
    "ended": (state, { verdict }, circumstances) =>
      endWaitAnd((now) => afterEnd(now, verdict, circumstances))(state),
    "wait-over": (state, _incident, { now }) => carryOut(state, now),
  },
  "failed": {
    "start-asked": startAfresh,
    "stop-asked": (state) => nothing({ ...state, wanted: "down", phase: "down" }),
    "restart-asked": startAfresh,
    "started": nothing,
    "guest-ended": nothing,
    "ended": nothing,
    "wait-over": nothing,
  },
} satisfies Record<Phase, Row>;
