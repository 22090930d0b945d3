import { assertEquals } from "@std/assert";
import type { JournalLine, JsonObject } from "../../../src/supervisor/store/mod.ts";
import { auditJournal, type Heard, heardReport } from "../../chaos/journal_audit.ts";

const report = (vm: string, at: number, more: JsonObject = { kind: "asked" }): JsonObject => ({
  at: `${at}`,
  vm,
  ...more,
});
const entry = (seq: number, vm: string = "g0", more: JsonObject = { kind: "asked" }): JournalLine => ({
  ...{ seq, at: "", vm, run: "run" },
  report: report(vm, seq, more),
});
const gap = (
  lost: number,
  firstSeq: number,
  lastSeq: number,
  error = "No space left on device",
): JournalLine => ({
  at: "",
  gap: { lost, firstSeq, lastSeq, error },
});
const DIED = "their supervisor died before it had written them";
const heard = (ending: Heard["ending"], ...at: number[]): Heard => ({
  reports: at.map((at) => heardReport(report("g0", at))),
  ending,
});
const RESET: JsonObject = {
  kind: "event",
  event: { event: "RESET", timestamp: { seconds: 1, microseconds: 2 } },
};

interface Case {
  lines: JournalLine[];
  heard?: Heard[];
  gaps?: "allowed";
  /** How its objection begins; null for none. */
  wrong: string | null;
}

const table: Record<string, Case> = {
  "a journal without a fault": {
    lines: [entry(1), entry(2), entry(3)],
    heard: [heard("killed", 1, 2), heard("in order", 3)],
    wrong: null,
  },
  "reports of two guests a little out of order": { lines: [entry(2, "g1"), entry(1)], wrong: null },
  "reports of one guest out of order": { lines: [entry(2), entry(1)], wrong: "report 1 of g0 comes after 2" },
  "a number that is there twice": {
    lines: [entry(1), entry(1, "g1")],
    wrong: "report 1 (g1) is in the journal twice",
  },
  "a number that is missing": { lines: [entry(1), entry(3)], wrong: "numbers are missing: 2" },
  "a gap that owns up to what is missing": {
    lines: [entry(1), gap(1, 2, 2), entry(3)],
    gaps: "allowed",
    wrong: null,
  },
  "a gap though the disk was never full": {
    lines: [entry(1), gap(1, 2, 2), entry(3)],
    wrong: "a gap for want of room",
  },
  "a gap of a supervisor that died": {
    lines: [entry(1), entry(3), gap(1, 2, 2, DIED)],
    heard: [heard("killed", 1, 2, 3)],
    wrong: null,
  },
  "such a gap where none has died": {
    lines: [entry(1), entry(3), gap(1, 2, 2, DIED)],
    heard: [heard("in order", 1, 2, 3)],
    wrong: "more gaps of supervisors that died than 0",
  },
  "a gap that has more than is missing": {
    lines: [entry(1), gap(2, 2, 3), entry(3)],
    gaps: "allowed",
    wrong: "the gap from 2 to 3 has 2, and 1 are missing there",
  },
  "an event that is told twice": {
    lines: [entry(1, "g0", RESET), entry(2, "g0", RESET)],
    wrong: "g0: reports 1 and 2 are of one event",
  },
  "a report that was said and is not written": {
    lines: [entry(1), entry(2)],
    heard: [heard("in order", 1, 5, 2)],
    wrong: "1 reports were said and are not in the journal",
  },
  "one of those that came before a death, and others were written after it": {
    lines: [entry(1), entry(2)],
    heard: [heard("killed", 1, 5, 2)],
    wrong: "1 reports were said and are not in the journal",
  },
  "last words that were not written, before a death": {
    lines: [entry(1)],
    heard: [heard("killed", 1, 5)],
    wrong: null,
  },
  "last words that were not written, of a supervisor that ended in order": {
    lines: [entry(1)],
    heard: [heard("in order", 1, 5)],
    wrong: "1 reports were said and are not in the journal",
  },
  "a report that is written twice": {
    lines: [entry(1), { ...entry(2), report: report("g0", 1) } as JournalLine],
    heard: [heard("open", 1)],
    wrong: "g0: asked of 1 is in the journal 2 times",
  },
  "two reports of one moment, both written": {
    lines: [entry(1), { ...entry(2), report: report("g0", 1) } as JournalLine],
    heard: [heard("open", 1, 1)],
    wrong: null,
  },
  "a report that was said and fell into a gap": {
    lines: [entry(1), gap(1, 2, 2), entry(3)],
    heard: [heard("in order", 1, 2, 3)],
    gaps: "allowed",
    wrong: null,
  },
};

for (const [name, { lines, heard = [], gaps = "none", wrong }] of Object.entries(table)) {
  Deno.test(`auditJournal() ${wrong === null ? "has nothing to say of" : "objects to"} ${name}`, () => {
    const found = auditJournal(lines, heard, gaps);
    if (wrong === null) assertEquals(found, []);
    else assertEquals(found.map((what) => what.slice(0, wrong.length)), [wrong]);
  });
}
