import type { Verdict } from "../vm/mod.ts";
import type { Circumstances, Decision } from "./policy_action.ts";
import type { Phase, PolicyState } from "./policy_state.ts";
import { afterLostDump, followDump, guestEnded } from "./guest_end_steps.ts";
import {
  afterEnd,
  carryOut,
  clearAwayAndFail,
  clearAwayAndStop,
  isUp,
  isUpAgain,
  leaveAlone,
  letGo,
  nothing,
  settle,
  stopAgain,
  stopNow,
  stopped,
  waitFor,
} from "./policy_steps.ts";
import { isFoundStuck, putDownAndFail, putDownAndStop, waitForAnswer } from "./unresponsive_steps.ts";

/** What is found of a guest whose supervisor died, once what QEMU recorded meanwhile was decided about (`resumed`). */
export type Found =
  /** It is there, and the guest runs, or was paused by somebody. */
  | { kind: "running" }
  /** It is there, and holds the guest at its end. */
  | { kind: "held"; verdict: Verdict }
  /** It is there, and the guest has not made a step since it was launched or reset (`prelaunch`). */
  | { kind: "prelaunch" }
  /** Its process is there and takes connections, and does not answer them: it is busy, or was stopped. */
  | { kind: "stuck" }
  /** Its process is there, and nobody listens for it any more. */
  | { kind: "silent" }
  /** It is not there; null where it never was. */
  | { kind: "gone"; verdict: Verdict | null }
  /** Something is there that could not be proven to be it. */
  | { kind: "unverifiable" };

type Handler<K extends Found["kind"]> = (
  state: PolicyState,
  found: Extract<Found, { kind: K }>,
  circumstances: Circumstances,
) => Decision;
type Row = { [K in Found["kind"]]: Handler<K> };

/**
 * What to do first about a guest whose supervisor died. Total, as `decide` is: each phase in which a guest can be left has an answer to
 * each way in which its QEMU can be found.
 *
 * What was begun before the death is done, not counted once more; what ended meanwhile is decided about as if it ended now.
 *
 * @param state What the supervisor that died had written down, for the clock of this one (`restoreState`).
 * @param found What there is.
 * @param circumstances Policy, time and chance.
 * @returns The new state and the actions.
 */
export function resumeAfterDeath(state: PolicyState, found: Found, circumstances: Circumstances): Decision {
  // As in decide().
  const handler = TABLE[state.phase][found.kind] as Handler<Found["kind"]>;
  return handler(state, found, circumstances);
}

/** What is known of an end that nobody saw. */
const LOST = { cause: "lost", tripleFault: null } as const;

const backUp: Handler<"running"> = (state, _found, { now }) => isUpAgain(state, now);
const endedMeanwhile: Handler<"held"> = (state, { verdict }, circumstances) =>
  guestEnded(state, { ...verdict, process: "held" }, circumstances);
const goneMeanwhile: Handler<"gone"> = (state, { verdict }, circumstances) =>
  afterEnd(state, verdict ?? LOST, circumstances);
const awaitAnswer: Handler<"silent"> = (state, _found, circumstances) => waitForAnswer(state, circumstances);
const leaveStuck: Handler<"stuck"> = (state) => isFoundStuck(state);
const wakeUp: Handler<"prelaunch"> = (state, _found, { now }) => letGo(state, now);

/** The rest of the wait, by the time at which the restart was to begin. */
const waitOn = (state: PolicyState, { now, policy }: Circumstances): Decision => {
  const restMs = Math.min((state.history.times.at(-1) ?? now) - now, policy.backoff.maxMs);
  return restMs > 0 ? waitFor(state, restMs) : carryOut(state, now);
};

const isBegunInPlace = ({ pending }: PolicyState): boolean => pending === "reset" || pending === "resume";

const TABLE = {
  // Stop wins: there should be none.
  "down": {
    "running": stopNow,
    "held": clearAwayAndStop,
    "prelaunch": clearAwayAndStop,
    "stuck": putDownAndStop,
    "silent": putDownAndStop,
    "gone": nothing,
    "unverifiable": leaveAlone,
  },
  "starting": {
    "running": (state, _found, { now }) => isUp(state, now),
    "held": endedMeanwhile,
    "prelaunch": wakeUp,
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    // A start that never happened is not one that failed.
    "gone": (state, found, circumstances) =>
      found.verdict === null
        ? carryOut(state, circumstances.now)
        : goneMeanwhile(state, found, circumstances),
    "unverifiable": leaveAlone,
  },
  "up": {
    "running": backUp,
    "held": (state, found, circumstances) =>
      isBegunInPlace(state)
        ? carryOut(state, circumstances.now)
        : endedMeanwhile(state, found, circumstances),
    // Half of a reset; else it was reset by somebody who had paused it, and may want it so.
    "prelaunch": (state, _found, { now }) =>
      isBegunInPlace(state) ? letGo(state, now) : isUpAgain(state, now),
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    "gone": goneMeanwhile,
    "unverifiable": leaveAlone,
  },
  "unresponsive": {
    "running": backUp,
    "held": (state, found, circumstances) =>
      state.dumping === null
        ? endedMeanwhile(state, found, circumstances)
        : followDump({ ...state, phase: "dumping" }),
    "prelaunch": (state, _found, { now }) =>
      state.upSince === null ? letGo(state, now) : isUpAgain(state, now),
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    "gone": (state, found, circumstances) =>
      state.dumping === null
        ? goneMeanwhile(state, found, circumstances)
        : afterLostDump(state, circumstances),
    "unverifiable": leaveAlone,
  },
  "dumping": {
    // By somebody, who did not want to wait.
    "running": (state, _found, { now }) => isUp(state, now),
    "held": followDump,
    "prelaunch": wakeUp,
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    "gone": (state, _found, circumstances) => afterLostDump(state, circumstances),
    "unverifiable": leaveAlone,
  },
  "held": {
    "running": (state, _found, { now }) => isUp(state, now),
    "held": nothing,
    "prelaunch": nothing,
    "stuck": nothing,
    "silent": nothing,
    "gone": (state) => settle(state, "stopped"),
    "unverifiable": leaveAlone,
  },
  "stopping": {
    "running": (state) => stopAgain(state, "running"),
    "held": (state) => stopAgain(state, "held"),
    "prelaunch": (state) => stopAgain(state, "held"),
    "stuck": (state) => stopAgain(state, "silent"),
    "silent": (state) => stopAgain(state, "silent"),
    "gone": (state, _found, circumstances) => stopped(state, circumstances),
    "unverifiable": leaveAlone,
  },
  "backoff": {
    "running": (state, _found, { now }) => isUp(state, now),
    "held": (state, found, circumstances) =>
      isBegunInPlace(state) ? waitOn(state, circumstances) : endedMeanwhile(state, found, circumstances),
    "prelaunch": wakeUp,
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    "gone": (state, found, circumstances) =>
      isBegunInPlace(state) ? goneMeanwhile(state, found, circumstances) : waitOn(state, circumstances),
    "unverifiable": leaveAlone,
  },
  "failed": {
    // Somebody has started it after all.
    "running": backUp,
    "held": clearAwayAndFail,
    "prelaunch": clearAwayAndFail,
    "stuck": putDownAndFail,
    "silent": putDownAndFail,
    "gone": nothing,
    "unverifiable": leaveAlone,
  },
  "unverified": {
    "running": (state, _found, { now }) => state.wanted === "up" ? isUpAgain(state, now) : stopNow(state),
    "held": (state, found, circumstances) =>
      state.wanted === "up" ? endedMeanwhile(state, found, circumstances) : clearAwayAndStop(state),
    "prelaunch": (state, _found, { now }) =>
      state.wanted === "up" ? isUpAgain(state, now) : clearAwayAndStop(state),
    "stuck": (state) => state.wanted === "up" ? isFoundStuck(state) : putDownAndStop(state),
    "silent": (state, _found, circumstances) =>
      state.wanted === "up" ? waitForAnswer(state, circumstances) : putDownAndStop(state),
    "gone": (state, found, circumstances) =>
      state.wanted === "up" ? goneMeanwhile(state, found, circumstances) : settle(state, "stopped"),
    "unverifiable": nothing,
  },
} satisfies Record<Phase, Row>;
