import type { NewConfigIssue } from "../machine/mod.ts";
import { Place } from "../machine/place.ts";
import {
  integer,
  list,
  literal,
  nullable,
  number,
  object,
  oneOf,
  optional,
  type Schema,
  string,
  variant,
} from "../machine/schema_words.ts";
import { DUMP_FORMATS } from "../vm/mod.ts";
import type { DumpOptions } from "./action.ts";
import { clockSince, keepHistory, type KeptHistory, restoreHistory } from "./kept_history.ts";
import type { AfterDump, AfterStop, Begun, Pending, Phase, PolicyState, Wanted } from "./policy_state.ts";

type Kind<T, K> = Extract<T, { kind: K }>;

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

/** What a newer version wrote besides is left out. */
function kept<T extends object>(keys: Parameters<typeof object<T>>[0]): Schema<T> {
  return object(keys, "left-out");
}

const finite = number(-Infinity, Infinity, "a number");
const duration = number(0, Infinity, "a number from 0");

const dumpSchema = kept<DumpOptions>({
  dir: optional(string("a directory")),
  format: optional(oneOf(DUMP_FORMATS)),
  keep: optional(number(1, Infinity, "a number from 1")),
});

const thenSchema = variant<AfterDump>("kind", {
  act: kept<Kind<AfterDump, "act">>({
    kind: literal("act"),
    action: oneOf(["restart", "reset", "resume", "preserve", "stop"]),
    ranMs: duration,
  }),
  start: kept<Kind<AfterDump, "start">>({ kind: literal("start") }),
});

const begunSchema = variant<Begun>("kind", {
  reset: kept<Kind<Begun, "reset">>({ kind: literal("reset") }),
  resume: kept<Kind<Begun, "resume">>({ kind: literal("resume") }),
  dump: kept<Kind<Begun, "dump">>({
    kind: literal("dump"),
    // A policy may say `dump: []`, and mean nothing by it.
    dump: (value, place) => dumpSchema(Array.isArray(value) ? {} : value, place),
    then: thenSchema,
  }),
});

const afterSchema = variant<AfterStop>("kind", {
  nothing: kept<Kind<AfterStop, "nothing">>({ kind: literal("nothing") }),
  start: kept<Kind<AfterStop, "start">>({ kind: literal("start") }),
  restart: kept<Kind<AfterStop, "restart">>({ kind: literal("restart"), ranMs: duration }),
  fail: kept<Kind<AfterStop, "fail">>({ kind: literal("fail") }),
});

const stateSchema = kept<PersistedState>({
  savedAt: finite,
  wanted: oneOf(["up", "down"]),
  phase: oneOf([
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
  history: kept<KeptHistory>({
    times: list(finite, "numbers"),
    attempts: integer(0, Infinity, "an integer from 0"),
    lastDelayMs: duration,
  }),
  upSince: nullable(finite),
  pending: oneOf(["start", "reset", "resume", "answer"]),
  after: afterSchema,
  begun: nullable(begunSchema),
});

/**
 * Checks what was read from a file.
 *
 * @param value What was read.
 * @returns The kept state; keys that are not known are left out.
 * @throws {TypeError} When it is none; it names the place and what is there.
 */
export function parsePersistedState(value: unknown): PersistedState {
  const issues: NewConfigIssue[] = [];
  const state = stateSchema(value, new Place(issues));
  const [issue] = issues;
  if (issue === undefined && state !== undefined) return state;
  throw new TypeError(
    `Cannot take up the state of a guest as '${
      issue?.path || "it"
    }' must be ${issue?.expected}: found ${issue?.found}`,
  );
}
