import type { VmConfig } from "../../machine/mod.ts";
import type { RestartHistory } from "../backoff.ts";
import type { AfterStop, Phase, PolicyState, Wanted } from "../policy.ts";
import type { SupervisedVm } from "../spec.ts";
import { StateError } from "./errors.ts";
import type { JsonObject, JsonValue } from "./json_value.ts";

/** The version of the records that this program writes. */
export const RECORD_VERSION = 1;

/** All that has to outlive a supervisor about one guest. Times are those of the wall clock, in milliseconds, as no other survives. */
export interface VmRecord {
  version: typeof RECORD_VERSION;
  /** Grows with each write: an older record never overwrites a newer one. */
  generation: number;
  /** The guest's name. */
  name: string;
  spec: SupervisedVm;
  wanted: Wanted;
  phase: Phase;
  pending: PolicyState["pending"];
  after: AfterStop;
  /** Its `times` are wall-clock times. */
  history: RestartHistory;
  /** Since when it is up; null while it is not. */
  upSince: number | null;
  /** The number of the last report; the journal lacks it where the supervisor died in between. 0 when there was none. */
  seq: number;
  /** That report, so that it can be written to the journal after all. */
  lastReport: JsonValue | null;
  lastVerdict: JsonValue | null;
  /** The QEMU that it has, or last had; null when there is none to look for. */
  run: RunRecord | null;
}

/** One QEMU, by what it can be told from any other. */
export interface RunRecord {
  /** Names this run in the journal. */
  id: string;
  runDir: string;
  stderrFile: string;
  /** What `-uuid` says. */
  uuid: string;
  /** Null until it was started. */
  pid: number | null;
  /** When the process started, as `/proc` has it; null where that can't be read. */
  startTime: string | null;
  argv: string[];
  /** What it was started with, which may be older than the spec. */
  config: VmConfig;
  /** ISO 8601. */
  startedAt: string;
}

/** Makes a record of the next version from one of the version that it stands under. */
export type RecordUpgrades = Readonly<Record<number, (record: JsonObject) => JsonObject>>;

/** Every step from an older version to this one. There is no older version yet. */
export const RECORD_UPGRADES: RecordUpgrades = {};
