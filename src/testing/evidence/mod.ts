/**
 * What a failed test leaves: one folder per VM, with a page to read and the files that it speaks of.
 *
 * An {@linkcode EvidenceRecord} notes what happens while a test runs; {@linkcode collectEvidence} asks QEMU for the rest and writes it all down.
 *
 * Design: noting is cheap and bounded, since nearly every test succeeds. What the page shows is a value ({@linkcode EvidenceModel}), made of the
 * record and of QEMU's answers; `page.ts` turns it into HTML and knows nothing else. Secrets are taken out at one place, when it is written.
 *
 * @module
 */
export { collectEvidence, type CollectOptions } from "./collect.ts";
export type { EvidenceVm } from "./living_facts.ts";
export type { CommandEntry, EvidenceModel } from "./model.ts";
export { renderPage } from "./page.ts";
export { EvidenceRecord, type EvidenceRecordOptions, type KeptFile, type RunningCommand } from "./record.ts";
export { makeRedactor, type Redactor } from "./redactor.ts";
