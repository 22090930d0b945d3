import * as v from "valibot";
import { clockSince, keepHistory, type KeptHistory, restoreHistory } from "./kept_history.ts";
import { DUMP_FORMATS } from "../vm/mod.ts";
import type { AfterStop, Begun, Pending, Phase, PolicyState, Wanted } from "./policy_state.ts";

/**
 * A `PolicyState` as it is kept in a file: plain JSON, every time in milliseconds of the wall clock, since the clock that decisions go by
 * begins anew with each process.
 */
export interface PersistedState {
  /** When it was written: how old each time is, a clock that was set back can't change. */
  savedAt: number;
  wanted: Wanted;
  phase: Phase;
  history: KeptHistory;
  upSince: number | null;
  pending: Pending;
  after: AfterStop;
  begun: Begun | null;
}

/**
 * A state as it is to be kept.
 *
 * @param state The state.
 * @param nowMono The time of the clock that it goes by, in milliseconds.
 * @param nowWall The same moment by the wall clock, in milliseconds.
 * @returns A plain value, for `JSON.stringify`.
 */
export function persistState(state: PolicyState, nowMono: number, nowWall: number): PersistedState {
  const wall = (mono: number) => nowWall + (mono - nowMono);
  const { wanted, phase, history, upSince, pending, after, begun } = state;
  return {
    savedAt: nowWall,
    wanted,
    phase,
    history: keepHistory(history, nowMono, nowWall),
    upSince: upSince === null ? null : wall(upSince),
    pending,
    after,
    begun,
  };
}

/**
 * The state that was kept, for a clock that begins anew.
 *
 * @param kept What was kept; see `parsePersistedState`.
 * @param nowMono The time of the clock that the state will go by, in milliseconds.
 * @param nowWall The same moment by the wall clock, in milliseconds.
 * @returns The state.
 */
export function restoreState(kept: PersistedState, nowMono: number, nowWall: number): PolicyState {
  const mono = clockSince(kept.savedAt, nowMono, nowWall);
  const { wanted, phase, history, upSince, pending, after, begun } = kept;
  return {
    wanted,
    phase,
    history: restoreHistory(history, mono),
    upSince: upSince === null ? null : mono(upSince),
    pending,
    after,
    begun,
  };
}

const finite = v.pipe(v.number(), v.finite());
const duration = v.pipe(finite, v.minValue(0));
const word = v.picklist(["restart", "reset", "resume", "preserve", "stop"]);

const stateSchema = v.object({
  savedAt: finite,
  wanted: v.picklist(["up", "down"]),
  phase: v.picklist([
    "down",
    "starting",
    "up",
    "unresponsive",
    "dumping",
    "held",
    "stopping",
    "backoff",
    "failed",
    "unverified",
  ]),
  history: v.object({
    times: v.array(finite),
    attempts: v.pipe(v.number(), v.integer(), v.minValue(0)),
    lastDelayMs: duration,
  }),
  upSince: v.nullable(finite),
  pending: v.picklist(["start", "reset", "resume", "answer"]),
  after: v.variant("kind", [
    v.object({ kind: v.literal("nothing") }),
    v.object({ kind: v.literal("start") }),
    v.object({ kind: v.literal("restart"), ranMs: duration }),
    v.object({ kind: v.literal("fail") }),
  ]),
  begun: v.nullable(v.variant("kind", [
    v.object({ kind: v.literal("reset") }),
    v.object({ kind: v.literal("resume") }),
    v.object({
      kind: v.literal("dump"),
      dump: v.object({
        dir: v.exactOptional(v.string()),
        format: v.exactOptional(v.picklist(DUMP_FORMATS)),
        keep: v.exactOptional(v.pipe(finite, v.minValue(1))),
      }),
      then: v.variant("kind", [
        v.object({ kind: v.literal("act"), action: word, ranMs: duration }),
        v.object({ kind: v.literal("start") }),
      ]),
    }),
  ])),
}) satisfies v.GenericSchema<unknown, PersistedState>;

/**
 * Checks what was read from a file.
 *
 * @param value What was read.
 * @returns The kept state; keys that are not known are left out.
 * @throws {TypeError} When it is none; it names the place and what is there.
 */
export function parsePersistedState(value: unknown): PersistedState {
  const result = v.safeParse(stateSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new TypeError(
    `Cannot take up the state of a guest as '${v.getDotPath(issue) ?? "it"}' must be ${
      issue.expected ?? "another value"
    }: found ${issue.received}`,
  );
}
