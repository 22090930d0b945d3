import { runPaths } from "../machine/mod.ts";
import { readConsoleTail } from "./console_log.ts";
import { finalShutdown } from "./evidence.ts";
import { wasOomKilled } from "./oom_kill.ts";
import { readStderr } from "./qemu_process.ts";
import { judgeRemains, type WatchedRun } from "./remains.ts";
import { ResetLog } from "./reset_log.ts";
import type { TripleFault, Verdict } from "./verdict_types.ts";

/** What the start time of a process counts in: ticks of 10 ms, whatever the kernel's own clock is. */
const TICKS_PER_S = 100;

/** A run whose QEMU ended while nobody looked. */
export interface DeadRun extends WatchedRun {
  runDir: string;
  stderrFile: string;
  /** Null where it is not known: then the kernel's log can't be searched for it. */
  pid?: number | null;
  startTime?: string | null;
}

/**
 * Finds out why a QEMU ended while nobody looked, from what it left in its run directory.
 *
 * @param run The run; its QEMU has to be known to be gone.
 * @returns The verdict, without an exit status: only a parent gets that. What has no SHUTDOWN was killed or crashed; `lost`, unless something tells.
 */
export async function judgeDead(run: DeadRun): Promise<Verdict> {
  const paths = runPaths(run.runDir);
  const [stderr, consoleTail, tripleFault, oomKill] = await Promise.all([
    readStderr(run.stderrFile),
    readConsoleTail(paths.consoleLog),
    readTripleFault(paths.cpuResetLog),
    wasKilled(run),
  ]);
  const stderrTail = new TextDecoder().decode(stderr);
  return judgeRemains(run, { at: new Date(), stderrTail, consoleTail, tripleFault, oomKill });
}

async function readTripleFault(file: string): Promise<TripleFault> {
  try {
    return (await ResetLog.reopen(file, 0)).tripleFault;
  } catch {
    return "unknown";
  }
}

/** Only of a run that said nothing can it be true. */
async function wasKilled({ events, pid = null, startTime = null }: DeadRun): Promise<boolean | "unknown"> {
  if (pid === null || startTime === null || finalShutdown(events) !== null) return "unknown";
  return await wasOomKilled(pid, null, { atS: Number(startTime) / TICKS_PER_S });
}
