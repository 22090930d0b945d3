import type { Incident } from "./incident.ts";
import type { Circumstances, Decision } from "./policy_action.ts";
import type { Phase, PolicyState } from "./policy_state.ts";
import { afterDump, afterLostDump, guestEnded, startAfterDump } from "./guest_end_steps.ts";
import {
  afterEnd,
  carryOut,
  carryOutLate,
  clearAwayAndRestart,
  endWaitAnd,
  forget,
  forgetFailure,
  hasResumed,
  isUp,
  nothing,
  settle,
  startAfresh,
  stopAndStart,
  stopNow,
  stopped,
  thenNothing,
  thenStart,
} from "./policy_steps.ts";
import {
  answersAgain,
  giveItUp,
  goneUnseen,
  heldUnseen,
  isStuck,
  isStuckBusy,
  isUnstuck,
  noLongerWaiting,
  waitForAnswer,
} from "./unresponsive_steps.ts";

export type { Incident } from "./incident.ts";
export type { Circumstances, Decision, PolicyAction } from "./policy_action.ts";
export { INITIAL_STATE } from "./policy_state.ts";
export type { AfterDump, AfterStop, Pending, Phase, PolicyState, Wanted } from "./policy_state.ts";

type Handler<K extends Incident["kind"]> = (
  state: PolicyState,
  incident: Extract<Incident, { kind: K }>,
  circumstances: Circumstances,
) => Decision;
type Row = { [K in Incident["kind"]]: Handler<K> };

/**
 * What to do now. Total: each phase has an answer to each incident, if only that there is nothing to do. A new phase is a new row, a new
 * incident a new line in each; what a cell does is in `policy_steps.ts`.
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

/** Every phase and every incident. Stop wins wherever it comes; nothing that the supervisor itself does counts as a failure. */
const TABLE = {
  "down": {
    "start-asked": startAfresh,
    "stop-asked": nothing,
    "restart-asked": startAfresh,
    "clear-asked": forget,
    "started": nothing,
    "resumed": nothing,
    "guest-ended": nothing,
    "ended": nothing,
    "wait-over": nothing,
    "action-failed": nothing,
    "dumped": nothing,
    "dump-failed": nothing,
    "stuck": nothing,
    "unstuck": nothing,
    "unreachable": nothing,
    "reachable": nothing,
  },
  "starting": {
    "start-asked": nothing,
    "stop-asked": stopNow,
    "restart-asked": nothing,
    "clear-asked": forget,
    "started": (state, _incident, { now }) => isUp(state, now),
    "resumed": nothing,
    // One QEMU at a time: what is being started can't have ended a life yet.
    "guest-ended": nothing,
    "ended": (state, { verdict }, circumstances) => afterEnd(state, verdict, circumstances),
    "wait-over": nothing,
    "action-failed": nothing,
    "dumped": nothing,
    "dump-failed": nothing,
    // A launch has a time limit of its own.
    "stuck": nothing,
    "unstuck": nothing,
    "unreachable": nothing,
    "reachable": nothing,
  },
  "up": {
    "start-asked": nothing,
    "stop-asked": stopNow,
    "restart-asked": stopAndStart,
    "clear-asked": forget,
    "started": nothing,
    "resumed": hasResumed,
    "guest-ended": (state, { verdict }, circumstances) => guestEnded(state, verdict, circumstances),
    "ended": (state, { verdict }, circumstances) => afterEnd(state, verdict, circumstances),
    "wait-over": nothing,
    // It can be neither reset nor resumed: so it becomes a restart.
    "action-failed": (state, _incident, circumstances) => clearAwayAndRestart(state, circumstances),
    "dumped": nothing,
    "dump-failed": nothing,
    "stuck": (state, _incident, circumstances) => isStuck(state, circumstances),
    "unstuck": nothing,
    "unreachable": (state, _incident, circumstances) => waitForAnswer(state, circumstances),
    "reachable": nothing,
  },
  "unresponsive": {
    "start-asked": nothing,
    "stop-asked": (state) => noLongerWaiting(state, stopNow(state)),
    "restart-asked": (state) => noLongerWaiting(state, stopAndStart(state)),
    "clear-asked": forget,
    "started": nothing,
    // It says so itself.
    "resumed": (state, _incident, { now }) => noLongerWaiting(state, answersAgain(state, "running", now)),
    "guest-ended": (state, { verdict }, circumstances) =>
      noLongerWaiting(state, heldUnseen(state, verdict, circumstances)),
    "ended": (state, { verdict }, circumstances) =>
      noLongerWaiting(state, goneUnseen(state, verdict, circumstances)),
    "wait-over": (state, _incident, circumstances) =>
      state.pending === "answer" ? giveItUp(state, circumstances) : nothing(state),
    "action-failed": (state, _incident, circumstances) =>
      noLongerWaiting(state, clearAwayAndRestart(state, circumstances)),
    "dumped": nothing,
    "dump-failed": nothing,
    // Known to be for long enough only now, where its supervisor died.
    "stuck": (state, _incident, circumstances) =>
      state.pending === "answer" ? nothing(state) : isStuck(state, circumstances),
    // Without a monitor nobody can say so.
    "unstuck": (state, { guest }, { now }) =>
      state.pending === "answer" ? nothing(state) : isUnstuck(state, guest, now),
    "unreachable": (state, _incident, circumstances) =>
      state.pending === "answer" ? nothing(state) : waitForAnswer(state, circumstances),
    "reachable": (state, { guest }, { now }) => noLongerWaiting(state, answersAgain(state, guest, now)),
  },
  "dumping": {
    "start-asked": startAfterDump,
    "stop-asked": stopNow,
    "restart-asked": startAfterDump,
    "clear-asked": forget,
    "started": nothing,
    // By a person, after the dump: QEMU refuses it before.
    "resumed": (state, _incident, { now }) => isUp(state, now),
    "guest-ended": nothing,
    "ended": (state, _incident, circumstances) => afterLostDump(state, circumstances),
    "wait-over": nothing,
    "action-failed": nothing,
    "dumped": (state, _incident, circumstances) => afterDump(state, circumstances),
    "dump-failed": (state, _incident, circumstances) => afterDump(state, circumstances),
    // A dump that makes no progress fails by itself.
    "stuck": (state, _incident, circumstances) => isStuckBusy(state, circumstances),
    "unstuck": nothing,
    "unreachable": nothing,
    "reachable": nothing,
  },
  "held": {
    "start-asked": stopAndStart,
    "stop-asked": stopNow,
    "restart-asked": stopAndStart,
    "clear-asked": forget,
    "started": nothing,
    // By a person, who has seen to it.
    "resumed": (state, _incident, { now }) => isUp(state, now),
    "guest-ended": nothing,
    "ended": (state) => settle(state, "stopped"),
    "wait-over": nothing,
    "action-failed": nothing,
    "dumped": nothing,
    "dump-failed": nothing,
    "stuck": nothing,
    // One that was preserved because it did not answer runs on.
    "unstuck": (state, { guest }, { now }) => guest === "running" ? isUp(state, now) : nothing(state),
    "unreachable": nothing,
    "reachable": (state, { guest }, { now }) => guest === "running" ? isUp(state, now) : nothing(state),
  },
  "stopping": {
    "start-asked": thenStart,
    "stop-asked": thenNothing,
    "restart-asked": thenStart,
    "clear-asked": forget,
    // The launch was quicker than its cancellation.
    "started": (state) => ({ state, actions: [{ kind: "stop" }] }),
    "resumed": nothing,
    "guest-ended": nothing,
    "ended": (state, _incident, circumstances) => stopped(state, circumstances),
    "wait-over": nothing,
    "action-failed": nothing,
    "dumped": nothing,
    "dump-failed": nothing,
    "stuck": nothing,
    "unstuck": nothing,
    "unreachable": nothing,
    "reachable": nothing,
  },
  "backoff": {
    "start-asked": (state, _incident, { now }) =>
      endWaitAnd(carryOut({ ...forget(state).state, wanted: "up" }, now)),
    "stop-asked": (state) =>
      endWaitAnd(state.pending === "start" ? settle(state, "stopped") : stopNow(state)),
    "restart-asked": (state) =>
      endWaitAnd(state.pending === "start" ? startAfresh(state) : stopAndStart(state)),
    "clear-asked": forget,
    "started": nothing,
    // By a person, who did not want to wait.
    "resumed": (state, _incident, { now }) =>
      state.pending === "start" ? nothing(state) : endWaitAnd(isUp(state, now)),
    "guest-ended": nothing,
    // Only where a held guest was waiting for its reset: its QEMU is gone now, so it becomes a start.
    "ended": (state, { verdict }, circumstances) =>
      state.pending === "start" ? nothing(state) : endWaitAnd(afterEnd(state, verdict, circumstances)),
    "wait-over": (state, _incident, { now }) => carryOutLate(state, now),
    "action-failed": nothing,
    "dumped": nothing,
    "dump-failed": nothing,
    "stuck": (state, _incident, circumstances) =>
      state.pending === "start" ? nothing(state) : isStuckBusy(state, circumstances),
    "unstuck": nothing,
    // What is done about it when the wait is over will fail, and become a restart.
    "unreachable": nothing,
    "reachable": nothing,
  },
  "failed": {
    "start-asked": startAfresh,
    "stop-asked": (state) => nothing({ ...state, wanted: "down", phase: "down" }),
    "restart-asked": startAfresh,
    "clear-asked": forgetFailure,
    "started": nothing,
    "resumed": nothing,
    "guest-ended": nothing,
    "ended": nothing,
    "wait-over": nothing,
    "action-failed": nothing,
    "dumped": nothing,
    "dump-failed": nothing,
    "stuck": nothing,
    "unstuck": nothing,
    "unreachable": nothing,
    "reachable": nothing,
  },
  // Nothing is done to it. When it is known to be gone, what is wanted is.
  "unverified": {
    "start-asked": (state) => nothing({ ...state, wanted: "up" }),
    "stop-asked": (state) => nothing({ ...state, wanted: "down" }),
    "restart-asked": (state) => nothing({ ...state, wanted: "up" }),
    "clear-asked": forget,
    "started": nothing,
    // Found written down by QEMU, once it is known whose word that is.
    "resumed": hasResumed,
    "guest-ended": nothing,
    "ended": (state, { verdict }, circumstances) =>
      state.wanted === "up" ? goneUnseen(state, verdict, circumstances) : settle(state, "stopped"),
    "wait-over": nothing,
    "action-failed": nothing,
    "dumped": nothing,
    "dump-failed": nothing,
    "stuck": nothing,
    "unstuck": nothing,
    "unreachable": nothing,
    "reachable": nothing,
  },
} satisfies Record<Phase, Row>;
