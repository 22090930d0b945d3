import { delay } from "@std/async/delay";
import type { Logger } from "../../qmp/mod.ts";
import type { Verdict } from "../../vm/mod.ts";
import { verdictToJson } from "../../vm/verdict_json.ts";
import { inTime } from "../../vm/waiting.ts";
import { cleanTranscript } from "../console/clean_transcript.ts";
import { makeEvidenceFolder } from "./folder.ts";
import { FolderWriter } from "./folder_writer.ts";
import { askLiving, askScreenText, type EvidenceVm, type LivingFacts } from "./living_facts.ts";
import { makeModel, type Seen } from "./make_model.ts";
import type { PictureEntry } from "./model.ts";
import { renderPage } from "./page.ts";
import { pngSize } from "./png_size.ts";
import type { EvidenceRecord, KeptFile } from "./record.ts";
import { redactDeep, type Redactor } from "./redactor.ts";
import { keepSecrets, type SecretKeeper } from "./secret_keeper.ts";
import { launchScript } from "./shell_line.ts";

/** How long each question to QEMU may take, in milliseconds. */
const QUESTION_MS = 2_000;
/** How long the verdict on a QEMU that has just gone may take: it is there once QEMU's last words are read. */
const VERDICT_MS = 3_000;
/** Pictures up to this size, all together, are in the page itself, so that it can be passed on alone. */
const EMBED_BYTES = 4 * 1024 * 1024;

/**
 * What `collectEvidence` takes beside the record.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { collectEvidence, type CollectOptions, EvidenceRecord } from "@qeeper/qeeper/testing";
 * import { assert } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * await using record = new EvidenceRecord({ test: "boots" });
 * const options: CollectOptions = { timeoutMs: 500 };
 * assert((await collectEvidence(vm, record, dir, options))?.startsWith(dir));
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export interface CollectOptions {
  /** How long each question to QEMU may take, in milliseconds. Default 2000. */
  timeoutMs?: number;
  /** The VM's own folder, where it is made already. */
  folder?: string;
  /** Told when nothing could be written at all. Default: silent. */
  logger?: Logger;
}

/**
 * Writes down what is known of a VM: a folder with a page (`index.html`) and the files that it speaks of. Call it before QEMU is ended, since a
 * living one can tell more; of one that has gone, what is left is written. What can't be had is said in the page.
 *
 * @param vm The VM.
 * @param record What was noted of it while the test ran.
 * @param dir The folder in which the VM's own folder is made; null for `test-evidence` in the working directory.
 * @param options Time limit of each question, logger.
 * @returns The folder; null when it could not be written. Never rejects: it must not hide why the test failed.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { collectEvidence, EvidenceRecord } from "@qeeper/qeeper/testing";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using record = new EvidenceRecord({ test: "serves pages" });
 * await using vm = await launch({ name: "web", machine: "none", accel: "tcg" }, { wire: record.wire.tap });
 * record.watch(vm);
 * record.failed(new Error("It served none"));
 * const folder = await collectEvidence(vm, record, dir);
 * assertStringIncludes(await Deno.readTextFile(`${folder}/index.html`), "It served none");
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function collectEvidence(
  vm: EvidenceVm,
  record: EvidenceRecord,
  dir: string | null = null,
  options: CollectOptions = {},
): Promise<string | null> {
  return (await gatherEvidence(vm, record, dir, options))?.folder ?? null;
}

/** Evidence that was written. */
export interface GatheredEvidence {
  readonly folder: string;
  /** Writes the page once more, with what the record says by then the test failed with. */
  renewPage(): Promise<void>;
}

/**
 * Does what `collectEvidence` does, for those who may learn only later what the test failed with.
 *
 * @param vm The VM.
 * @param record What was noted of it.
 * @param dir The folder in which the VM's own is made; null for the usual one.
 * @param options Limits, and where to complain.
 * @returns What was written; null when nothing could be. Never rejects.
 */
export async function gatherEvidence(
  vm: EvidenceVm,
  record: EvidenceRecord,
  dir: string | null,
  options: CollectOptions,
): Promise<GatheredEvidence | null> {
  try {
    return await collect(vm, record, dir, options);
  } catch (error) {
    options.logger?.error("Could not write the evidence of a failed test", { vm: vm.name, error });
    return null;
  }
}

async function collect(
  vm: EvidenceVm,
  record: EvidenceRecord,
  dir: string | null,
  { timeoutMs = QUESTION_MS, folder: made }: CollectOptions,
): Promise<GatheredEvidence> {
  const secrets = keepSecrets(record.redact);
  const redact = secrets.hide;
  const collectedAt = record.now;
  const folder = made ?? await makeEvidenceFolder(dir, [redact(record.test), redact(vm.name)], collectedAt);
  const living = await askLiving(vm, timeoutMs);
  if (!vm.qmp.open) await inTime(vm.stopped, VERDICT_MS);
  // What has come is noted when the streams have had their turn.
  await delay(0);
  const events = record.events.entries;
  const seen: Seen = { events, screenText: await askScreenText(vm, living, timeoutMs) };
  const writer = new FolderWriter(folder);
  const pictures = await writePictures(writer, record, living, redact);
  await writeTexts(writer, { vm, record, living, seen, secrets });
  const { os, arch } = Deno.build;
  const host = `${os} ${arch}, Deno ${Deno.version.deno}`;
  const { files, missing } = writer;
  const sources = { vm, record, living, seen, host, pictures, files, missing, collectedAt };
  const page = () => renderPage(makeModel(sources, secrets));
  await writer.write("index.html", page(), "This page");
  return { folder, renewPage: () => Deno.writeTextFile(`${folder}/index.html`, page()) };
}

async function writePictures(
  writer: FolderWriter,
  record: EvidenceRecord,
  living: LivingFacts,
  redact: Redactor,
): Promise<PictureEntry[]> {
  const kept: KeptFile[] = [...record.pictures.entries];
  if (living.screenshot) {
    kept.push({
      at: record.now,
      name: "screenshot.png",
      caption: "The screen when the test failed",
      data: living.screenshot,
    });
  }
  const total = kept.reduce((sum, { data }) => sum + data.length, 0);
  const pictures: PictureEntry[] = [];
  for (const { name, caption, data } of kept) {
    const file = writer.fresh(redact(name));
    await writer.write(file, data, caption);
    const size = pngSize(data);
    if (size === null) {
      writer.missing.push({ what: file, why: "It is no PNG, so the page does not show it" });
      continue;
    }
    const source = total <= EMBED_BYTES ? `data:image/png;base64,${data.toBase64()}` : file;
    pictures.push({ file, caption, source, ...size });
  }
  for (const { name, caption, data } of record.files.entries) {
    await writer.write(writer.fresh(redact(name)), redactBytes(data, redact), caption);
  }
  return pictures;
}

/** A text is searched for secrets; what is none can't be. */
function redactBytes(data: Uint8Array, redact: Redactor): Uint8Array | string {
  try {
    return redact(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data));
  } catch {
    return data;
  }
}

/** What there is to write down. */
interface TextSources {
  vm: EvidenceVm;
  record: EvidenceRecord;
  living: LivingFacts;
  seen: Seen;
  secrets: SecretKeeper;
}

async function writeTexts(
  writer: FolderWriter,
  { vm, record, living, seen, secrets }: TextSources,
): Promise<void> {
  const { hide: redact, hideInConsole } = secrets;
  if (vm.argv !== null) {
    const about = `the guest "${vm.name}" of the test "${record.test}"`;
    const script = launchScript(vm.argv.map(redact), vm.runDir, redact(about), record.restored);
    await writer.write("argv.sh", script, "The launch as a script: sh argv.sh");
  }
  if (vm.console !== null) {
    const raw = saidText(record) || vm.console.transcript;
    const shown = hideInConsole(raw);
    await writer.write("console.txt", redact(cleanTranscript(shown)), "The console, as one reads it");
    await writer.write("console.raw", shown, "The console, as the guest sent it");
  }
  if (!record.wire.isEmpty) {
    await writer.write("qmp.log", record.wire.text(redact), "What went over the monitors");
  }
  const events = seen.events.map(({ event }) => jsonLine(redactDeep(event, redact)));
  await writer.write("events.jsonl", events.join(""), "QEMU's events, one a line");
  const toJson = (verdict: Verdict) =>
    verdictToJson({ ...verdict, consoleTail: hideInConsole(verdict.consoleTail) });
  const verdicts = {
    status: living.status,
    verdict: record.verdict && toJson(record.verdict),
    ends: record.ends.entries.map(toJson),
  };
  await writer.write(
    "verdict.json",
    JSON.stringify(redactDeep(verdicts, redact), null, 2) + "\n",
    "Why QEMU ended, and what ended inside it",
  );
  if (living.registers) {
    await writer.write("registers.txt", redact(living.registers), "info registers -a");
  }
  if (living.machine) {
    await writer.write("machine.txt", redact(living.machine), "Disks, networks, devices, memory map");
  }
  if (seen.screenText !== null) {
    await writer.write("screen.txt", redact(seen.screenText), "The text on the screen");
  }
  await writer.write("stderr.txt", redact(vm.stderrTail), "QEMU's stderr");
}

function saidText(record: EvidenceRecord): string {
  const { head, dropped, tail } = record.said.kept;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const decode = (pieces: typeof head) =>
    pieces.map(({ bytes }) => decoder.decode(bytes, { stream: true })).join("");
  const gap = dropped === 0 ? "" : "\n... the middle was left out ...\n";
  return decode(head) + gap + decode(tail);
}

function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_key, member) => typeof member === "bigint" ? `${member}` : member) + "\n";
}
