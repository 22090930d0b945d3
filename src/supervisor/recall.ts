import { delay } from "@std/async/delay";
import type { AnyQmpEvent, Logger } from "../qmp/mod.ts";
import { adopt, type AdoptedVm } from "../vm/adopt.ts";
import { judgeDead } from "../vm/dead_run.ts";
import { type Evidence, gatherEvidence } from "../vm/identity.ts";
import type { Verdict, Vm } from "../vm/mod.ts";
import { findLaunched } from "../vm/process_scan.ts";
import { readRecording } from "../vm/recorder.ts";
import { exists } from "../vm/run_dir.ts";
import { type Adoption, decideAdoption } from "./adoption.ts";
import type { Found } from "./after_death.ts";
import type { CrashHook, RunRecord } from "./store/mod.ts";
import { divide, isToldEnd, type Told } from "./told.ts";

/** How long a QEMU that is only just starting is given until it answers, in milliseconds. */
const STARTING_MS = 10_000;
/** How long one is looked for that was begun and is not seen, in milliseconds. */
const UNSEEN_MS = 300;
/** Between two looks at it. */
const LOOK_MS = 20;

/** What there is of a guest that an earlier supervisor kept. */
export interface Recalled {
  found: Found;
  /** How it was proven, or why it could not be. */
  adoption: Adoption;
  /** What QEMU wrote down since the last event that was reported. */
  since: readonly AnyQmpEvent[];
  /** What of that has to be reported, since no VM is there to tell it. */
  untold: readonly AnyQmpEvent[];
  /** What the VM tells once more, though it was reported. */
  again: readonly AnyQmpEvent[];
  /** Whether the end at which QEMU holds the guest, if it does, was reported before. */
  end: "told" | "untold";
  /** The VM, where it runs and answers. */
  vm: Vm | null;
  /** The process, where that is all there is. */
  pid: number | null;
  /** What is to be remembered of it from now on; null when it never had a QEMU. */
  run: RunRecord | null;
}

/** What finding one guest needs. */
export interface RecallTools {
  /** What runs, by pidfile; null where this process may not look. */
  running: ReadonlyMap<string, number> | null;
  logger: Logger;
  /** How far what it said was reported. */
  told: Told;
  /** What was being done about it. */
  intent: "none" | "stop";
  /** For tests. */
  crash: CrashHook;
}

/** What there is of a guest that has no QEMU. */
export const NO_RUN: Recalled = lost(null, { kind: "gone", why: "there was none" }, null, []);

/**
 * Looks for a QEMU that an earlier supervisor launched.
 *
 * @param run What was written down of it.
 * @param tools What runs on this machine, and whether it was to be stopped.
 * @returns What there is of it.
 */
export async function recall(run: RunRecord, tools: RecallTools): Promise<Recalled> {
  try {
    return await look(run, tools);
  } catch (error) {
    // It answered, and then did not: it may just have ended, or been stopped, and that is seen at the second look.
    tools.logger.debug("A QEMU that answered could not be taken over; it is looked at once more", {
      runDir: run.runDir,
      error,
    });
    return await look(run, tools);
  }
}

async function look(run: RunRecord, tools: RecallTools): Promise<Recalled> {
  const pid = tools.running?.get(`${run.runDir}/pid`) ?? run.pid ?? await findUnseen(run, tools);
  const { adoption, evidence } = await proven(run, pid, tools);
  switch (adoption.kind) {
    case "gone":
      return await bury(run, adoption, tools);
    case "foreign":
    case "unverifiable":
      return without(run, adoption, { kind: "unverifiable" }, null);
    case "adopt": {
      const known = completed(run, evidence);
      if (adoption.monitor === "lost") {
        // Somebody who takes connections and does not answer is busy, or stopped.
        const found: Found = { kind: evidence.socket === "busy" ? "stuck" : "silent" };
        return without(known, adoption, found, pid);
      }
      return await takeOver(known, adoption, tools);
    }
  }
}

/**
 * A QEMU may have been on its way when its supervisor died. A process that is just becoming another program has no command line for a moment,
 * and is not seen then: so it is looked for once more, and more.
 */
async function findUnseen({ runDir, pid }: RunRecord, { running }: RecallTools): Promise<number | null> {
  // It was seen, or can't be; or it never got as far as to have a place to run in.
  if (pid !== null || running === null || !await exists(runDir)) return null;
  const until = performance.now() + UNSEEN_MS;
  while (performance.now() < until) {
    await delay(LOOK_MS);
    const found = (await findLaunched())?.find(({ pidFile }) => pidFile === `${runDir}/pid`);
    if (found !== undefined) return found.pid;
  }
  return null;
}

/** With what its supervisor died too early to write down. */
function completed(run: RunRecord, { process }: Evidence): RunRecord {
  if (run.pid !== null || typeof process === "string") return run;
  const { pid, startTime, argv } = process;
  return { ...run, pid, startTime, argv: [...argv] };
}

/** Looks until it is clear; a QEMU that is only just starting has neither pidfile nor socket yet. */
async function proven(
  run: RunRecord,
  pid: number | null,
  tools: RecallTools,
): Promise<{ adoption: Adoption; evidence: Evidence }> {
  const mayBeStarting = run.pid === null && (pid !== null || tools.running === null);
  const until = performance.now() + (mayBeStarting ? STARTING_MS : 0);
  for (;;) {
    const { runDir, uuid, startTime } = run;
    const evidence = await gatherEvidence({ runDir, uuid, pid, startTime });
    const adoption = decideAdoption({ runDir, uuid, pid, startTime }, evidence);
    const isClear = adoption.kind === "adopt" ? adoption.monitor === "answers" : adoption.kind !== "gone";
    // Where a process with its command line was seen, its death is seen as well.
    const isDead = adoption.kind === "gone" && evidence.process === "none" && pid !== null;
    if (isClear || isDead || performance.now() > until) return { adoption, evidence };
    await delay(LOOK_MS);
  }
}

async function takeOver(
  run: RunRecord,
  adoption: Adoption,
  { logger, crash, told }: RecallTools,
): Promise<Recalled> {
  const { runDir, stderrFile, argv, config, pid, startTime } = run;
  const recorded = await readRecording(runDir);
  const { settled, again, untold: since } = divide(recorded, told);
  crash("adopt:before-connect");
  const vm = await adopt(
    { name: config.name ?? "vm", config, argv, runDir, stderrFile, pid, startTime },
    // The rest is told by the VM itself: events that were told before their end was are passed over by whoever follows it.
    { missed: settled, logger },
  );
  crash("adopt:after-connect");
  const { held } = vm.found;
  const end = held !== null && isToldEnd(held, settled) ? "told" : "untold";
  return { found: foundIn(vm), adoption, since, untold: [], again, end, vm, pid: vm.pid, run };
}

function foundIn({ found: { status, held } }: AdoptedVm): Found {
  if (held !== null) return { kind: "held", verdict: held };
  return { kind: status === "prelaunch" ? "prelaunch" : "running" };
}

/** What is known of a run that ended while nobody looked. */
async function bury(
  run: RunRecord,
  adoption: Adoption,
  { intent, told }: RecallTools,
): Promise<Recalled> {
  const recorded = await readRecording(run.runDir);
  // Nothing was ever written: its supervisor died before it was started.
  if (run.pid === null && recorded.length === 0 && !await exists(`${run.runDir}/pid`)) {
    return lost(run, adoption, null, []);
  }
  const verdict = await judgeDead({
    runDir: run.runDir,
    stderrFile: run.stderrFile,
    pid: run.pid,
    startTime: run.startTime,
    argv: run.argv,
    events: recorded,
    intent,
  });
  return lost(run, adoption, verdict, divide(recorded, told).untold);
}

function lost(
  run: RunRecord | null,
  adoption: Adoption,
  verdict: Verdict | null,
  untold: readonly AnyQmpEvent[],
): Recalled {
  return { ...without(run, adoption, { kind: "gone", verdict }, null), since: untold, untold };
}

/** There is no VM to go on with. */
function without(run: RunRecord | null, adoption: Adoption, found: Found, pid: number | null): Recalled {
  return { found, adoption, since: [], untold: [], again: [], end: "untold", vm: null, pid, run };
}
