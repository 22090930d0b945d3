import type { JsonObject, JsonValue } from "./json_value.ts";

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

/** What stands for entries that could not be written: the disk was full, or their supervisor died. */
export interface JournalGap {
  /** When it was written down, ISO 8601. */
  at: string;
  gap: {
    /** How many entries are missing. */
    lost: number;
    /** The lowest of their numbers. */
    firstSeq: number;
    /** The highest of their numbers. */
    lastSeq: number;
    /** Why: what writing them failed with at last. */
    error: string;
  };
}

/** A line of a journal. */
export type JournalLine = JournalEntry | JournalGap;

/**
 * An entry or a gap as text.
 *
 * @param line What to write.
 * @returns One line, with its end.
 */
export function encodeLine(line: JournalLine): string {
  if ("gap" in line) return `${JSON.stringify({ at: line.at, gap: line.gap })}\n`;
  const { seq, at, vm, run, report } = line;
  return `${JSON.stringify({ seq, at, vm, run, report })}\n`;
}

/**
 * An entry or a gap from its text.
 *
 * @param text A line, without its end.
 * @returns What it says; null when it is neither.
 */
export function decodeLine(text: string): JournalLine | null {
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  return entryIn(json) ?? gapIn(json);
}

/**
 * An entry from its JSON.
 *
 * @param json What may be one.
 * @returns The entry; null when it is none.
 */
export function entryIn(json: JsonValue): JournalEntry | null {
  if (!isObject(json)) return null;
  const { seq, at, vm, run, report } = json;
  if (typeof seq !== "number" || typeof at !== "string" || typeof vm !== "string") return null;
  if ((run !== null && typeof run !== "string") || run === undefined || report === undefined) return null;
  return { seq, at, vm, run, report };
}

function gapIn(json: JsonValue): JournalGap | null {
  if (!isObject(json)) return null;
  const { at, gap } = json;
  if (typeof at !== "string" || gap === undefined || !isObject(gap)) return null;
  const { lost, firstSeq, lastSeq, error } = gap;
  if (typeof lost !== "number" || typeof firstSeq !== "number" || typeof lastSeq !== "number") return null;
  return typeof error === "string" ? { at, gap: { lost, firstSeq, lastSeq, error } } : null;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
