import type { AnyQmpEvent } from "../qmp/mod.ts";
import type { Verdict } from "../vm/mod.ts";
import type { Circumstances, Decision } from "./policy_action.ts";
import type { Phase, PolicyState } from "./policy_state.ts";
import { decide } from "./policy.ts";
import { guestEnded } from "./guest_end_steps.ts";
import {
  carryOut,
  carryOutLate,
  clearAwayAndFail,
  clearAwayAndStop,
  isUp,
  isUpAgain,
  letGo,
  nothing,
  settle,
  stopAgain,
  stopNow,
  stopped,
  waitFor,
} from "./policy_steps.ts";
import {
  goneUnseen,
  heldUnseen,
  isFoundStuck,
  leaveAlone,
  prelaunchUnseen,
  putDownAndFail,
  putDownAndStop,
  waitForAnswer,
} from "./unresponsive_steps.ts";

/** What is found of a guest whose supervisor died. */
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
 * Catches up on what QEMU wrote down of a guest's life while nobody looked. Comes before `resumeAfterDeath`: a reset that has shown is not
 * done once more, and the next end is a new one.
 *
 * @param state What the supervisor that died had written down.
 * @param events The events since then, oldest first.
 * @param circumstances Policy, time and chance.
 * @returns The state with them.
 */
export function catchUp(
  state: PolicyState,
  events: readonly Pick<AnyQmpEvent, "event">[],
  circumstances: Circumstances,
): PolicyState {
  let caughtUp = state;
  for (const { event } of events) {
    // The wait that a person did not want to wait for is gone as well, so there is nothing to do.
    if (event === "RESUME") caughtUp = decide(caughtUp, { kind: "resumed" }, circumstances).state;
  }
  return caughtUp;
}

/**
 * What to do first about a guest whose supervisor died. Total, as `decide` is: each phase in which a guest can be left has an answer to
 * each way in which its QEMU can be found.
 *
 * What was begun before the death is done, not counted once more; what ended meanwhile is decided about as if it ended now.
 *
 * @param state What the supervisor that died had written down, for the clock of this one (`restoreState`), caught up (`catchUp`).
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
  goneUnseen(state, verdict ?? LOST, circumstances);
const goneOn: Handler<"held"> = (state, { verdict }, circumstances) =>
  heldUnseen(state, { ...verdict, process: "held" }, circumstances);
const begins: Handler<"prelaunch"> = (state, _found, { now }) => prelaunchUnseen(state, now);
const wakeUp: Handler<"prelaunch"> = (state, _found, { now }) => letGo(state, now);
const leaveStuck: Handler<"stuck"> = (state) => isFoundStuck(state);
const awaitAnswer: Handler<"silent"> = (state, _found, circumstances) => waitForAnswer(state, circumstances);

/** The rest of the wait, by the time at which the restart was to begin. */
const waitOn = (state: PolicyState, { now, policy }: Circumstances): Decision => {
  const restMs = Math.min((state.history.times.at(-1) ?? now) - now, policy.backoff.maxMs);
  return restMs > 0 ? waitFor(state, restMs) : carryOutLate(state, now);
};

/** One that is wanted and was being stopped for good was so because its supervisor closed: the next one starts it. */
const closed = (state: PolicyState): PolicyState =>
  state.wanted === "up" && state.after.kind === "nothing" ? { ...state, after: { kind: "start" } } : state;

/** Whether what is waited for is to be done to the guest that QEMU holds. */
const waitsInPlace = ({ pending }: PolicyState): boolean => pending === "reset" || pending === "resume";

const TABLE = {
  // Stop wins: there should be none. Where it is wanted all the same, it was only stopped because its supervisor closed.
  "down": {
    "running": (state, found, circumstances) =>
      state.wanted === "up" ? backUp(state, found, circumstances) : stopNow(state),
    "held": clearAwayAndStop,
    "prelaunch": clearAwayAndStop,
    "stuck": putDownAndStop,
    "silent": putDownAndStop,
    "gone": (state, _found, { now }) => state.wanted === "up" ? carryOut(state, now) : nothing(state),
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
        ? carryOutLate(state, circumstances.now)
        : goneMeanwhile(state, found, circumstances),
    "unverifiable": leaveAlone,
  },
  "up": {
    "running": backUp,
    "held": goneOn,
    "prelaunch": begins,
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    "gone": goneMeanwhile,
    "unverifiable": leaveAlone,
  },
  "unresponsive": {
    "running": backUp,
    "held": goneOn,
    "prelaunch": begins,
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    "gone": goneMeanwhile,
    "unverifiable": leaveAlone,
  },
  "dumping": {
    // By somebody, who did not want to wait.
    "running": (state, _found, { now }) => isUp(state, now),
    "held": goneOn,
    "prelaunch": wakeUp,
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    "gone": goneMeanwhile,
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
    "running": (state) => stopAgain(closed(state), "running"),
    "held": (state) => stopAgain(closed(state), "held"),
    "prelaunch": (state) => stopAgain(closed(state), "held"),
    "stuck": (state) => stopAgain(closed(state), "silent"),
    "silent": (state) => stopAgain(closed(state), "silent"),
    "gone": (state, _found, circumstances) => stopped(closed(state), circumstances),
    "unverifiable": leaveAlone,
  },
  "backoff": {
    "running": (state, _found, { now }) => isUp(state, now),
    "held": (state, found, circumstances) =>
      waitsInPlace(state) ? waitOn(state, circumstances) : endedMeanwhile(state, found, circumstances),
    "prelaunch": wakeUp,
    "stuck": leaveStuck,
    "silent": awaitAnswer,
    "gone": (state, found, circumstances) =>
      waitsInPlace(state) ? goneMeanwhile(state, found, circumstances) : waitOn(state, circumstances),
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
    "running": (state, found, circumstances) =>
      state.wanted === "up" ? backUp(state, found, circumstances) : stopNow(state),
    "held": (state, found, circumstances) =>
      state.wanted === "up" ? goneOn(state, found, circumstances) : clearAwayAndStop(state),
    "prelaunch": (state, found, circumstances) =>
      state.wanted === "up" ? begins(state, found, circumstances) : clearAwayAndStop(state),
    "stuck": (state) => state.wanted === "up" ? isFoundStuck(state) : putDownAndStop(state),
    "silent": (state, _found, circumstances) =>
      state.wanted === "up" ? waitForAnswer(state, circumstances) : putDownAndStop(state),
    "gone": (state, found, circumstances) =>
      state.wanted === "up" ? goneMeanwhile(state, found, circumstances) : settle(state, "stopped"),
    "unverifiable": nothing,
  },
} satisfies Record<Phase, Row>;
