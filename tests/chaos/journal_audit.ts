import type {
  JournalEntry,
  JournalGap,
  JournalLine,
  JsonObject,
  JsonValue,
} from "../../src/supervisor/store/mod.ts";

/** A report as a supervisor said it. */
export interface HeardReport {
  readonly vm: string;
  readonly kind: string;
  readonly at: string;
  /** Of the QEMU that it is about, where it says so. */
  readonly pid: number | null;
  /** All of it, as JSON. */
  readonly text: string;
}

/** @param report A report, as its JSON. */
export function heardReport(report: JsonObject): HeardReport {
  const { vm, kind, at, pid } = report;
  const process = typeof pid === "number" ? pid : null;
  return { vm: `${vm}`, kind: `${kind}`, at: `${at}`, pid: process, text: JSON.stringify(report) };
}

/** What one supervisor said on its stream, and whether it could say its last words. */
export interface Heard {
  readonly reports: readonly HeardReport[];
  /** `killed`: what was said last of each guest may have died with it before it was written. `open`: it may be on the way. */
  readonly ending: "in order" | "killed" | "open";
}

/** How a gap says that nobody was there to write what is missing, rather than no room. */
const DIED = /supervisor died/;

/**
 * Compares a journal with what its supervisors said: nothing may be lost and nothing doubled, but for what the disk did not take, and what a
 * supervisor died with before it was written, while others were quicker. A gap has to own up to both.
 *
 * @param lines The journal.
 * @param heard The supervisors, in order.
 * @param gaps Whether the disk was ever full.
 * @returns What is wrong with it.
 */
export function auditJournal(
  lines: readonly JournalLine[],
  heard: readonly Heard[],
  gaps: "allowed" | "none",
): string[] {
  const entries = lines.filter((line): line is JournalEntry => !("gap" in line));
  const missing = lines.filter((line): line is JournalGap => "gap" in line).map(({ gap }) => gap);
  const lost = missing.reduce((sum, gap) => sum + gap.lost, 0);
  const noRoom = missing.filter(({ error }) => !DIED.test(error)).length;
  const deaths = heard.filter(({ ending }) => ending === "killed").length;
  return [
    ...(gaps === "none" && noRoom > 0 ? [`a gap for want of room, and the disk was never full`] : []),
    ...(missing.length - noRoom > deaths ? [`more gaps of supervisors that died than ${deaths}`] : []),
    ...auditNumbers(entries, missing),
    ...auditEvents(entries),
    ...auditReports(entries, heard, lost),
  ];
}

/** Each number once, each one from the first to the last there or in a gap, those of one guest in order. */
function auditNumbers(entries: readonly JournalEntry[], gaps: readonly JournalGap["gap"][]): string[] {
  const wrong: string[] = [];
  const seen = new Set<number>();
  const last = new Map<string, number>();
  for (const { seq, vm } of entries) {
    if (seen.has(seq)) wrong.push(`report ${seq} (${vm}) is in the journal twice`);
    if (seq < (last.get(vm) ?? 0)) wrong.push(`report ${seq} of ${vm} comes after ${last.get(vm)}`);
    seen.add(seq);
    last.set(vm, seq);
  }
  const highest = Math.max(0, ...last.values(), ...gaps.map(({ lastSeq }) => lastSeq));
  const absent = Array.from({ length: highest }, (_, index) => index + 1).filter((seq) => !seen.has(seq));
  for (const { lost, firstSeq, lastSeq } of gaps) {
    const within = absent.filter((seq) => seq >= firstSeq && seq <= lastSeq);
    if (within.length !== lost) {
      wrong.push(
        `the gap from ${firstSeq} to ${lastSeq} has ${lost}, and ${within.length} are missing there`,
      );
    }
  }
  const unexplained = absent.filter((seq) =>
    !gaps.some(({ firstSeq, lastSeq }) => seq >= firstSeq && seq <= lastSeq)
  );
  if (unexplained.length > 0) wrong.push(`numbers are missing: ${unexplained.slice(0, 10).join(", ")}`);
  return wrong;
}

/** What QEMU said once is told once, also where it was told from its recording. */
function auditEvents(entries: readonly JournalEntry[]): string[] {
  const seen = new Map<string, number>();
  const wrong: string[] = [];
  for (const { seq, vm, run, report } of entries) {
    if (!isObject(report) || report["kind"] !== "event") continue;
    const key = `${run} ${JSON.stringify(report["event"])}`;
    const before = seen.get(key);
    if (before !== undefined) wrong.push(`${vm}: reports ${before} and ${seq} are of one event: ${key}`);
    seen.set(key, seq);
  }
  return wrong;
}

/**
 * What was said is written, once; only what came last before a death may not be. Reports of one moment may be the same to the letter: then
 * it is how many there are that counts.
 */
function auditReports(entries: readonly JournalEntry[], heard: readonly Heard[], lost: number): string[] {
  const written = new Map<string, number>();
  for (const { report } of entries) {
    const text = JSON.stringify(report);
    written.set(text, (written.get(text) ?? 0) + 1);
  }
  const left = new Map(written);
  const notWritten: string[] = [];
  for (const [index, { reports, ending }] of heard.entries()) {
    for (const guest of new Set(reports.map(({ vm }) => vm))) {
      const own = reports.filter(({ vm }) => vm === guest).map((report) => {
        const copies = left.get(report.text) ?? 0;
        if (copies > 0) left.set(report.text, copies - 1);
        return { report, isWritten: copies > 0 };
      });
      const whole = ending === "in order" ? own.length - 1 : own.findLastIndex(({ isWritten }) => isWritten);
      for (const { report, isWritten } of own.slice(0, whole + 1)) {
        if (!isWritten) notWritten.push(`${inShort(report)} (supervisor ${index + 1})`);
      }
    }
  }
  const said = new Map(heard.flatMap(({ reports }) => reports).map((report) => [report.text, report]));
  const doubled = [...left].flatMap(([text, copies]) => {
    const report = said.get(text);
    return copies > 0 && report ? [`${inShort(report)} is in the journal ${written.get(text)} times`] : [];
  });
  if (notWritten.length <= lost) return doubled;
  const examples = notWritten.slice(0, 5).join("; ");
  return [
    ...doubled,
    `${notWritten.length} reports were said and are not in the journal, which owns up to ${lost}: ${examples}`,
  ];
}

function inShort({ vm, kind, at }: HeardReport): string {
  return `${vm}: ${kind} of ${at}`;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
