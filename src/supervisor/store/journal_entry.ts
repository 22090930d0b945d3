import type { JsonValue } from "./json_value.ts";

/** One report, as a line of the journal. */
export interface JournalEntry {
  /**
   * Its number: one more than that of the report before, whichever guest it is about. Those of different guests may stand in the journal a
   * little out of order.
   */
  seq: number;
  /** When it was known, ISO 8601. */
  at: string;
  /** The guest's name. */
  vm: string;
  /** The QEMU that it is about, by the id of its run; null when there was none. */
  run: string | null;
  /** The report. */
  report: JsonValue;
}

/** What stands where entries could not be written. */
export interface JournalGap {
  /** When writing worked again, ISO 8601. */
  at: string;
  gap: {
    /** How many entries are missing. */
    lost: number;
    /** The number of the first one. */
    firstSeq: number;
    /** The number of the last one. */
    lastSeq: number;
    /** What writing them failed with at last. */
    error: string;
  };
}

/** A line of a journal. */
export type JournalLine = JournalEntry | JournalGap;
