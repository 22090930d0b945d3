import { pooledMap } from "@std/async/pool";
import type { AnyQmpEvent, Logger } from "../qmp/mod.ts";
import { findLaunched, type LaunchedQemu } from "../vm/process_scan.ts";
import { catchUp, resumeAfterDeath } from "./after_death.ts";
import type { FoundProcess } from "./guest_process.ts";
import { Keeper, type KeeperHost } from "./keeper.ts";
import { restoreState } from "./persist_state.ts";
import { policyOf } from "./policy_of.ts";
import type { PolicyAction } from "./policy_action.ts";
import { NO_RUN, recall, type Recalled } from "./recall.ts";
import { type ReportBody, REPORTED_EVENTS } from "./report.ts";
import { SilentQemu } from "./silent_qemu.ts";
import {
  type CrashHook,
  fromJson,
  type JsonValue,
  readJournal,
  reportFromJson,
  type RunRecord,
  StateError,
  type VmRecord,
} from "./store/mod.ts";
import { NOTHING_TOLD, type Told, withEnd } from "./told.ts";
import { findUnrecorded } from "./unrecorded_run.ts";
import type { Verdict } from "../vm/mod.ts";

/** How many guests are looked for at a time. */
const AT_A_TIME = 16;

/** What going on with guests needs. */
export interface RecallAll {
  /** Where they are remembered. */
  stateDir: string;
  /** Where their run directories are made. */
  runtimeDir: string;
  logger: Logger;
  crash: CrashHook;
  hostOf(record: VmRecord): KeeperHost;
}

/**
 * Goes on with all guests that an earlier supervisor kept: finds what runs, tells what was missed, decides what is to be done first.
 *
 * @param records What was written down.
 * @param tools What it needs.
 * @returns A keeper for each, in the same order; each has begun.
 * @throws {StateError} When one can't be gone on with; then the others are left as they are.
 */
export async function recallAll(records: readonly VmRecord[], tools: RecallAll): Promise<Keeper[]> {
  if (records.length === 0) return [];
  const { logger, crash } = tools;
  const launched = await findLaunched();
  const running = launched && new Map(launched.map(({ pidFile, pid }) => [pidFile, pid]));
  const told = records.some(({ run }) => run !== null)
    ? await lastTold(tools.stateDir)
    : new Map<string, AnyQmpEvent>();
  const goOn = async (written: VmRecord): Promise<Keeper> => {
    const record = corrected(written, launched ?? [], tools);
    const { run, state: { phase } } = record;
    const toldSoFar = toldOf(record, told.get(run?.id ?? "") ?? null);
    const intent = phase === "stopping" ? "stop" : "none";
    const recalled = run === null
      ? NO_RUN
      : await recall(run, { running, logger, crash, intent, told: toldSoFar });
    return resumed(record, recalled, toldSoFar, tools);
  };
  const keepers: Keeper[] = [];
  const failures: StateError[] = [];
  const attempt = async (record: VmRecord): Promise<void> => {
    try {
      keepers.push(await goOn(record));
    } catch (error) {
      failures.push(cannotGoOn(record, tools.stateDir, error));
    }
  };
  await Array.fromAsync(pooledMap(AT_A_TIME, records, attempt));
  const [failure] = failures;
  if (failure !== undefined) {
    // Somebody may try once more: nothing of them stays connected.
    await Promise.all(keepers.map((keeper) => keeper.leave()));
    throw failure;
  }
  const order = new Map(records.map(({ name }, index) => [name, index]));
  return keepers.toSorted((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
}

function cannotGoOn({ name }: VmRecord, stateDir: string, error: unknown): StateError {
  const reason = error instanceof Error ? error.message : String(error);
  return new StateError(`Cannot go on with VM "${name}" of ${stateDir}: ${reason}`, stateDir, {
    cause: error,
  });
}

function corrected(
  record: VmRecord,
  launched: readonly LaunchedQemu[],
  { runtimeDir, logger }: RecallAll,
): VmRecord {
  const run = findUnrecorded(record, launched, runtimeDir);
  if (run === null) return record;
  const { name, run: before } = record;
  logger.warn("A guest has a QEMU that its record does not tell of, as when there is no room for that", {
    vm: name,
    runDir: run.runDir,
  });
  const litter = before === null ? [] : [{ runDir: before.runDir, stderrFile: before.stderrFile }];
  return { ...record, run, litter: [...record.litter, ...litter] };
}

/** The record has the last end, with what was decided about it; the journal has the events. */
function toldOf({ lastVerdict }: VmRecord, event: AnyQmpEvent | null): Told {
  const last = lastVerdict === null ? null : fromJson(lastVerdict) as Verdict;
  // That of a process is one of an earlier run.
  const told = { ...NOTHING_TOLD, event };
  return last === null || last.process === "ended" ? told : withEnd(told, last);
}

function resumed(record: VmRecord, recalled: Recalled, told: Told, tools: RecallAll): Keeper {
  const { name, spec, litter } = record;
  const { run } = recalled;
  const now = performance.now();
  const state = restoreState(record.state, now, Date.now());
  const lastVerdict = record.lastVerdict === null ? null : fromJson(record.lastVerdict) as Verdict;
  const keeper = new Keeper(name, spec, tools.hostOf(record), { state, run, litter, lastVerdict });
  for (const event of recalled.untold) {
    if (REPORTED_EVENTS.includes(event.event)) keeper.tellMissed(event);
  }
  const circumstances = { policy: policyOf(spec), now, random: Math.random() };
  const decision = resumeAfterDeath(
    catchUp(state, recalled.since, circumstances),
    recalled.found,
    circumstances,
  );
  keeper.resume(
    decision,
    bodyOf(recalled, decision.actions),
    foundProcess(run, recalled, told, tools.logger),
  );
  return keeper;
}

function foundProcess(
  run: RunRecord | null,
  { found, vm, pid, again }: Recalled,
  told: Told,
  logger: Logger,
): FoundProcess {
  if (vm !== null) {
    // The end at which it is held was just decided about.
    return found.kind === "held"
      ? { kind: "answers", vm, end: "told", told: withEnd(told, found.verdict), again }
      : { kind: "answers", vm, end: "untold", told, again };
  }
  if ((found.kind === "silent" || found.kind === "stuck") && run !== null && pid !== null) {
    return { kind: "silent", qemu: new SilentQemu(run, pid, () => told, logger) };
  }
  return { kind: found.kind === "unverifiable" ? "unverified" : "none" };
}

/** What is reported of what was found; null for nothing. */
function bodyOf(
  { found, end, adoption, pid }: Recalled,
  actions: readonly PolicyAction[],
): ReportBody | null {
  switch (found.kind) {
    case "running":
    case "prelaunch":
      return { kind: "adopted", pid, guest: "running", actions };
    case "held":
      return end === "told"
        ? { kind: "adopted", pid, guest: "held", actions }
        : { kind: "guest-ended", verdict: found.verdict, actions };
    case "stuck":
    case "silent":
      return { kind: "unreachable", actions };
    case "gone":
      if (found.verdict !== null) return { kind: "ended", verdict: found.verdict, actions };
      // A guest that is down, and stays so, is no news.
      return actions.length === 0 ? null : { kind: "recalled", actions };
    case "unverifiable":
      return {
        kind: "not-adopted",
        found: adoption.kind === "foreign" ? "foreign" : "unverifiable",
        why: "why" in adoption ? adoption.why : "",
        actions,
      };
  }
}

/** The last event of each run that is in the journal, by the id of the run. */
async function lastTold(stateDir: string): Promise<Map<string, AnyQmpEvent>> {
  const told = new Map<string, AnyQmpEvent>();
  for await (const line of readJournal(stateDir, { onBroken: () => {} })) {
    if ("gap" in line || line.run === null) continue;
    const event = eventIn(line.report);
    if (event !== null) told.set(line.run, event);
  }
  return told;
}

/** The event that a report is about; null where it is about something else. Another version of this program may have written it in its own way. */
function eventIn(json: JsonValue): AnyQmpEvent | null {
  try {
    const report = reportFromJson(json);
    if (report.kind !== "event") return null;
    const { seconds, microseconds } = report.event.timestamp;
    return Number.isFinite(Number(seconds) + Number(microseconds)) ? report.event : null;
  } catch {
    return null;
  }
}
