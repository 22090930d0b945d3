import type { VmConfig } from "../../machine/mod.ts";
import type { PersistedState } from "../persist_state.ts";
import type { RunPlace } from "../run_place.ts";
import type { SupervisedVm } from "../spec.ts";
import type { JournalEntry } from "./journal_entry.ts";
import type { JsonValue } from "./json_value.ts";

/** The version of the records that this program writes. */
export const RECORD_VERSION = 2;

/** All that has to outlive a supervisor about one guest. */
export interface VmRecord {
  version: typeof RECORD_VERSION;
  /** Grows with each write: an older record never overwrites a newer one. */
  generation: number;
  /** The guest's name. */
  name: string;
  spec: SupervisedVm;
  /** Its times are those of the wall clock. */
  state: PersistedState;
  /** The number of the last report; the journal lacks it where the supervisor died in between. 0 when there was none. */
  seq: number;
  /** That report, so that it can be written to the journal after all. */
  lastReport: JsonValue | null;
  /** The reports before it that were written down with it, in order: the journal may lack them as well. */
  earlier: readonly JournalEntry[];
  lastVerdict: JsonValue | null;
  /** The QEMU that it has, or is about to have; null when there is none to look for. */
  run: RunRecord | null;
  /** Where earlier QEMUs ran, as far as that is not known to be removed. */
  litter: RunPlace[];
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
