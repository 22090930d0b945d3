import { shellLine } from "./shell_line.ts";
import { consoleLines } from "./console_lines.ts";
import type { EvidenceVm, LivingFacts } from "./living_facts.ts";
import type { EvidenceModel, FileEntry, PictureEntry } from "./model.ts";
import type { EvidenceRecord, SeenEvent } from "./record.ts";
import { redactDeep, type Redactor } from "./redactor.ts";
import type { SecretKeeper } from "./secret_keeper.ts";
import { makeTimeline } from "./timeline.ts";

/** How many lines of the console the page shows; all that is kept of it is in its file. */
const PAGE_CONSOLE_LINES = 3_000;

/** What was seen last. */
export interface Seen {
  /** The events until then: those that collecting evidence causes itself are not among them. */
  readonly events: readonly SeenEvent[];
  /** What a screen in text mode says; null where there is none. */
  readonly screenText: string | null;
}

/** What a model is made of. */
export interface ModelParts {
  readonly vm: Pick<EvidenceVm, "name" | "pid" | "argv" | "runDir" | "stderrTail" | "console">;
  readonly record: EvidenceRecord;
  readonly living: LivingFacts;
  readonly seen: Seen;
  readonly host: string;
  readonly pictures: readonly PictureEntry[];
  readonly files: readonly FileEntry[];
  readonly missing: EvidenceModel["missing"];
  readonly collectedAt: number;
}

/**
 * Puts together what the page shows.
 *
 * @param parts What was noted, what QEMU said, what was written.
 * @param secrets Takes secrets out.
 * @returns The model, without secrets.
 */
export function makeModel(parts: ModelParts, secrets: SecretKeeper): EvidenceModel {
  return redactModel(modelOf(parts, secrets), secrets.hide);
}

function modelOf(
  { vm, record, living, seen, host, pictures, files, missing, collectedAt }: ModelParts,
  { hideInConsole }: SecretKeeper,
): EvidenceModel {
  const failure = record.failure && { at: record.failure.at, ...describeError(record.failure.error) };
  const { entries, dropped } = makeTimeline({
    events: seen.events,
    ends: [...record.ends.entries, ...(record.verdict ? [record.verdict] : [])],
    typings: record.typings.entries,
    commands: record.commands,
    notes: record.notes.entries,
    pictures: record.pictures.entries,
    failure,
  });
  return {
    test: record.test,
    vm: vm.name,
    startedAt: record.startedAt,
    collectedAt,
    failure,
    state: stateOf(record, living),
    facts: factsOf(vm, living, host),
    timeline: entries,
    timelineDropped: dropped,
    console: vm.console === null ? null : pageConsole(record, hideInConsole),
    commands: record.commands,
    pictures,
    screenText: seen.screenText,
    registers: living.registers,
    machine: living.machine,
    stderr: vm.stderrTail,
    commandLine: vm.argv && shellLine(vm.argv),
    files,
    missing: [...living.missing, ...missing],
  };
}

function pageConsole(record: EvidenceRecord, hide: Redactor): EvidenceModel["console"] {
  const typed = record.typings.entries.filter(({ by }) => by === "console");
  const { head, dropped, tail } = record.said.kept;
  const lines = [...consoleLines([...head, ...tail], typed, hide)];
  if (dropped > 0) {
    const at = tail[0]?.at ?? record.startedAt;
    const place = lines.findIndex((line) => line.at >= at);
    lines.splice(Math.max(0, place), 0, { at, kind: "gap", text: "the middle was left out here" });
  }
  if (lines.length <= PAGE_CONSOLE_LINES) return lines;
  const shown = lines.slice(-PAGE_CONSOLE_LINES);
  const gone = lines.length - shown.length;
  return [{ at: shown[0]?.at ?? 0, kind: "gap", text: `${gone} earlier lines are in console.txt` }, ...shown];
}

/** What the guest had come to: the last end that is known, else what QEMU says its state is. */
function stateOf(record: EvidenceRecord, living: LivingFacts): EvidenceModel["state"] {
  const verdict = record.verdict ?? record.ends.entries.at(-1) ?? null;
  const stillThere = verdict !== null && verdict.process === "running" && living.status !== null;
  if (verdict !== null && !stillThere) {
    const fine = verdict.cause === "guest-shutdown" || verdict.cause === "host-quit";
    return { tone: fine ? "fine" : "bad", word: verdict.cause, detail: verdict.detail };
  }
  if (living.status !== null) {
    return {
      tone: "fine",
      word: living.status,
      detail: `QEMU answered; the guest's state was "${living.status}"`,
    };
  }
  return {
    tone: "unknown",
    word: "no answer",
    detail: "QEMU did not answer, and nothing says that it ended",
  };
}

function factsOf(vm: ModelParts["vm"], living: LivingFacts, host: string): [string, string][] {
  return [
    ["QEMU", living.version ?? "not known"],
    ["Process", vm.pid === null ? "not ours" : `${vm.pid}`],
    ["Run directory", vm.runDir ?? "none"],
    ["Host", host],
  ];
}

function describeError(error: unknown): { name: string; message: string; stack: string } {
  if (!(error instanceof Error)) return { name: "Thrown", message: String(error), stack: "" };
  return { name: error.name, message: error.message, stack: error.stack ?? "" };
}

/** Pictures are in the page as long texts in which nothing is to be looked for. */
function redactModel(model: EvidenceModel, redact: Redactor): EvidenceModel {
  const { pictures, ...texts } = model;
  return {
    ...redactDeep(texts, redact) as Omit<EvidenceModel, "pictures">,
    pictures: pictures.map((picture) => ({ ...picture, caption: redact(picture.caption) })),
  };
}
