import type { Verdict } from "../vm/mod.ts";
import { nextRestart, NO_RESTARTS, type RestartHistory } from "./backoff.ts";
import { actionFor } from "./cause_table.ts";
import type { Policy } from "./spec.ts";

/**
 * What is wanted, by the operator or by a policy that is done with the guest.
 *
 * @example
 * ```ts
 * import { Supervisor, type Wanted } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open();
 * await supervisor.add({ config: { name: "web", machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } });
 * const stopped = supervisor.stop("web");
 * const wanted: Wanted | undefined = supervisor.get("web")?.wanted;
 * assertEquals([wanted, supervisor.get("web")?.phase], ["down", "stopping"]);
 * assertEquals((await stopped).phase, "down");
 * ```
 */
export type Wanted = "up" | "down";

/**
 * Where a guest is: `down`; `starting`; `up`; `held`, preserved at its end; `stopping`; `backoff`, waiting for its next life;
 * `failed`, given up because of the restart limit. In `down` and `failed` there is no QEMU.
 *
 * @example
 * ```ts
 * import { type Phase, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open();
 * const limit = { restarts: 0, withinMs: 60_000 };
 * const { phase, lastVerdict } = await supervisor.add({ config: { machine: "no-such-board", accel: "tcg" }, limit });
 * const trouble: Phase[] = ["held", "failed"];
 * assertEquals([trouble.includes(phase), lastVerdict?.cause], [true, "launch-failed"]);
 * ```
 */
export type Phase = "down" | "starting" | "up" | "held" | "stopping" | "backoff" | "failed";

/** What follows once QEMU is gone. */
export type AfterStop =
  /** It stays stopped. */
  | { kind: "nothing" }
  /** The operator wants it started. */
  | { kind: "start" }
  /** The policy wants it started, if the limit allows it; it had run for so long. */
  | { kind: "restart"; ranMs: number }
  /** The limit is reached. */
  | { kind: "fail" };

/** What is known of one guest. A plain value: each step makes a new one. */
export interface PolicyState {
  wanted: Wanted;
  phase: Phase;
  history: RestartHistory;
  /** Since when it has been up, in milliseconds; null while it is not. */
  upSince: number | null;
  /** What the wait of `backoff` is for; for `reset` and `resume` QEMU is there and holds the guest. */
  pending: "start" | "reset" | "resume";
  /** What the end of `stopping` leads to. */
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
  /** The guest's CPUs run again, whoever did it. */
  | { kind: "resumed" }
  /** The guest ended, and QEMU is still there. */
  | { kind: "guest-ended"; verdict: Verdict }
  /** QEMU is gone, or never came to be. */
  | { kind: "ended"; verdict: Verdict }
  /** The wait of `backoff` is over. */
  | { kind: "wait-over" }
  /** QEMU is there, but does not do what it was told. */
  | { kind: "action-failed" };

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
  /** Stop in order, or give up a start that is under way. */
  | { kind: "stop" }
  /** Clear away a QEMU whose guest has ended already. */
  | { kind: "clear-away" }
  /** Start the guest's next life in the QEMU that holds it. */
  | { kind: "reset" }
  /** Let the guest run on where QEMU holds it. */
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

/** Starts at once, as the operator asked: earlier failures are forgotten. */
const startAfresh = (state: PolicyState): Decision => ({
  state: {
    ...state,
    wanted: "up",
    phase: "starting",
    history: NO_RESTARTS,
    upSince: null,
    pending: "start",
    after: { kind: "nothing" },
  },
  actions: [{ kind: "start" }],
});

/** Ends QEMU, with or without the guest's help. */
const end = (how: "stop" | "clear-away", wanted: Wanted, after: AfterStop) =>
(
  state: PolicyState,
): Decision => ({
  state: { ...state, wanted, phase: "stopping", upSince: null, pending: "start", after },
  actions: [{ kind: how }],
});
const stopNow = end("stop", "down", { kind: "nothing" });
const stopAndStart = end("stop", "up", { kind: "start" });
const clearAwayAndStop = end("clear-away", "down", { kind: "nothing" });
const clearAwayAndFail = end("clear-away", "up", { kind: "fail" });
const clearAwayAndRestart = (state: PolicyState, now: number): Decision =>
  end("clear-away", "up", { kind: "restart", ranMs: ranMs(state, now) })(state);

/** The operator changed his mind while QEMU is going. */
const thenStart = (state: PolicyState): Decision =>
  nothing({ ...state, wanted: "up", after: { kind: "start" } });
const thenNothing = (state: PolicyState): Decision =>
  nothing({ ...state, wanted: "down", after: { kind: "nothing" } });

const endWaitAnd = ({ state, actions }: Decision): Decision => ({
  state,
  actions: [{ kind: "end-wait" }, ...actions],
});

const settle = (state: PolicyState, why: "stopped" | "restart-limit"): Decision => ({
  state: {
    ...state,
    wanted: why === "stopped" ? "down" : state.wanted,
    phase: why === "stopped" ? "down" : "failed",
    upSince: null,
    pending: "start",
    after: { kind: "nothing" },
  },
  actions: [{ kind: "give-up", why }],
});

/** Leaves the guest as it is, held by QEMU, for a person. */
const hold = (state: PolicyState, why: "preserved" | "restart-limit"): Decision => ({
  state: { ...state, phase: "held", upSince: null, pending: "start" },
  actions: [{ kind: "give-up", why }],
});

const isUp = (state: PolicyState, now: number): Decision =>
  nothing({ ...state, phase: "up", upSince: now, pending: "start" });

/** How long it has been up; 0 when it was not. */
const ranMs = (state: PolicyState, now: number): number => state.upSince === null ? 0 : now - state.upSince;

/** QEMU is gone: start it again, or leave it. */
const afterEnd: Handler<"ended"> = (state, { verdict }, circumstances) => {
  const action = actionFor(circumstances.policy, verdict);
  if (action === "stop" || action === "preserve") return settle(state, "stopped");
  return again(state, "start", ranMs(state, circumstances.now), circumstances);
};

/** One more life, now or after a wait, if the limit allows it. */
const again = (
  state: PolicyState,
  pending: PolicyState["pending"],
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
  const next: PolicyState = { ...state, history, pending, upSince: null, after: { kind: "nothing" } };
  if (delayMs === 0) return carryOut(next, now);
  return { state: { ...next, phase: "backoff" }, actions: [{ kind: "wait", delayMs }] };
};

/** Does what was waited for. */
const carryOut = (state: PolicyState, now: number): Decision => {
  const { pending } = state;
  const next: PolicyState = pending === "start"
    ? { ...state, phase: "starting", upSince: null }
    : { ...state, phase: "up", upSince: now, pending: "start" };
  return { state: next, actions: [{ kind: pending }] };
};

/** The guest ended, but QEMU is there. */
const guestEnded: Handler<"guest-ended"> = (state, { verdict }, circumstances) => {
  const { policy, now } = circumstances;
  if (verdict.process === "running") {
    // QEMU has reset it already: a plain reboot, and only an action that was named for it asks for more.
    const named = policy.onCause[verdict.cause];
    if (named === "restart") return clearAwayAndRestart(state, now);
    return named === "stop" ? clearAwayAndStop(state) : nothing(state);
  }
  const action = actionFor(policy, verdict);
  switch (action) {
    case "restart":
      return clearAwayAndRestart(state, now);
    case "reset":
    case "resume":
      return again(state, action, ranMs(state, now), circumstances);
    case "preserve":
      return hold(state, "preserved");
    case "stop":
      return clearAwayAndStop(state);
  }
};

/** QEMU is gone as it was told to: what was to follow? */
const stopped: Handler<"ended"> = (state, _incident, circumstances) => {
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

/** Every phase and every incident. Stop wins wherever it comes; nothing that the supervisor itself does counts as a failure. */
const TABLE = {
  "down": {
    "start-asked": startAfresh,
    "stop-asked": nothing,
    "restart-asked": startAfresh,
    "started": nothing,
    "resumed": nothing,
    "guest-ended": nothing,
    "ended": nothing,
    "wait-over": nothing,
    "action-failed": nothing,
  },
  "starting": {
    "start-asked": nothing,
    "stop-asked": stopNow,
    "restart-asked": nothing,
    "started": (state, _incident, { now }) => isUp(state, now),
    "resumed": nothing,
    // One QEMU at a time: what is being started can't have ended a life yet.
    "guest-ended": nothing,
    "ended": afterEnd,
    "wait-over": nothing,
    "action-failed": nothing,
  },
  "up": {
    "start-asked": nothing,
    "stop-asked": stopNow,
    "restart-asked": stopAndStart,
    "started": nothing,
    "resumed": nothing,
    "guest-ended": guestEnded,
    "ended": afterEnd,
    "wait-over": nothing,
    // It can be neither reset nor resumed: so it becomes a restart.
    "action-failed": (state, _incident, { now }) => clearAwayAndRestart(state, now),
  },
  "held": {
    "start-asked": stopAndStart,
    "stop-asked": stopNow,
    "restart-asked": stopAndStart,
    "started": nothing,
    // By a person, who has seen to it.
    "resumed": (state, _incident, { now }) => isUp(state, now),
    "guest-ended": nothing,
    "ended": (state) => settle(state, "stopped"),
    "wait-over": nothing,
    "action-failed": nothing,
  },
  "stopping": {
    "start-asked": thenStart,
    "stop-asked": thenNothing,
    "restart-asked": thenStart,
    // The launch was quicker than its cancellation.
    "started": (state) => ({ state, actions: [{ kind: "stop" }] }),
    "resumed": nothing,
    "guest-ended": nothing,
    "ended": stopped,
    "wait-over": nothing,
    "action-failed": nothing,
  },
  "backoff": {
    "start-asked": (state, _incident, { now }) =>
      endWaitAnd(carryOut({ ...state, wanted: "up", history: NO_RESTARTS }, now)),
    "stop-asked": (state) =>
      endWaitAnd(state.pending === "start" ? settle(state, "stopped") : stopNow(state)),
    "restart-asked": (state) =>
      endWaitAnd(state.pending === "start" ? startAfresh(state) : stopAndStart(state)),
    "started": nothing,
    // By a person, who did not want to wait.
    "resumed": (state, _incident, { now }) =>
      state.pending === "start" ? nothing(state) : endWaitAnd(isUp(state, now)),
    "guest-ended": nothing,
    // Only where a held guest was waiting for its reset: its QEMU is gone now, so it becomes a start.
    "ended": (state, incident, circumstances) =>
      state.pending === "start" ? nothing(state) : endWaitAnd(afterEnd(state, incident, circumstances)),
    "wait-over": (state, _incident, { now }) => carryOut(state, now),
    "action-failed": nothing,
  },
  "failed": {
    "start-asked": startAfresh,
    "stop-asked": (state) => nothing({ ...state, wanted: "down", phase: "down" }),
    "restart-asked": startAfresh,
    "started": nothing,
    "resumed": nothing,
    "guest-ended": nothing,
    "ended": nothing,
    "wait-over": nothing,
    "action-failed": nothing,
  },
} satisfies Record<Phase, Row>;
