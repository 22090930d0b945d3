import type { EvidenceModel } from "../../../../src/testing/evidence/model.ts";

/** A model in which every text is this one. */
export function modelOf(text: string, more: Partial<EvidenceModel> = {}): EvidenceModel {
  return {
    test: text,
    vm: text,
    startedAt: 0,
    collectedAt: 1500,
    failure: { name: text, message: text, stack: `${text}\n    at ${text}` },
    state: { tone: "bad", word: text, detail: text },
    facts: [[text, text]],
    timeline: [
      { at: 1, kind: "event", title: text, detail: text },
      { at: 2, kind: "typed", title: text, detail: text },
      { at: 3, kind: "command", title: text, detail: text },
      { at: 4, kind: "failure", title: text, detail: text },
    ],
    timelineDropped: 3,
    console: [
      { at: 1, kind: "said", text },
      { at: 2, kind: "typed", text },
      { at: 3, kind: "gap", text },
    ],
    commands: [
      { at: 1, command: text, tookMs: 2, outcome: { kind: "exited", code: 0 }, stdout: text, stderr: text },
      { at: 2, command: text, tookMs: 2, outcome: { kind: "failed", reason: text }, stdout: "", stderr: "" },
      { at: 3, command: text, tookMs: null, outcome: { kind: "running" }, stdout: text, stderr: "" },
    ],
    pictures: [{ file: text, caption: text, source: text, width: 1, height: 1 }],
    screenText: text,
    registers: text,
    machine: text,
    stderr: `${text}.`,
    commandLine: text,
    files: [{ name: text, bytes: 1, about: text }],
    missing: [{ what: text, why: text }],
    ...more,
  };
}
