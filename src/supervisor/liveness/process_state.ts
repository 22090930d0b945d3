import { hasEnded, lookAtProcess } from "../../vm/proc.ts";
import type { ProcessState } from "./oracle.ts";

/**
 * What the host says of a process.
 *
 * @param pid The process.
 * @param startTime When it started, as `/proc` has it, to know it from a later one of the same pid; null if that is not known.
 * @returns Its state; `unknown` where this script may not look (it needs `-A`, on Linux).
 */
export async function readProcessState(pid: number, startTime: string | null): Promise<ProcessState> {
  const found = await lookAtProcess(pid);
  if (found === "not-permitted") return "unknown";
  if (found === "none") return "missing";
  if ((startTime !== null && found.startTime !== startTime) || hasEnded(found)) return "ended";
  // `t` is stopped by a debugger.
  if (found.state === "T" || found.state === "t") return "stopped";
  return await isFrozen(pid) ? "frozen" : "runs";
}

/**
 * Whether a process is in a control group that is frozen. Its own state does not say so.
 *
 * @param pid The process.
 * @param root Where `/proc` and `/sys` are. Default: where they are.
 * @returns False also where that can't be found out.
 */
export async function isFrozen(pid: number, root: string = ""): Promise<boolean> {
  const groups = await read(`${root}/proc/${pid}/cgroup`);
  for (const line of groups.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const { file, saysSo } of freezerFiles(`${root}/sys/fs/cgroup`, controllers, path)) {
      if (saysSo.test(await read(file))) return true;
    }
  }
  return false;
}

/** Version 2 has one hierarchy, without a name, which hosts that have both put beside the others; version 1 has one for each controller. */
function freezerFiles(root: string, controllers: string, path: string): { file: string; saysSo: RegExp }[] {
  const group = path === "/" ? "" : path;
  if (controllers === "") {
    return [root, `${root}/unified`].map((mount) => ({
      file: `${mount}${group}/cgroup.events`,
      saysSo: /^frozen 1$/m,
    }));
  }
  if (!controllers.split(",").includes("freezer")) return [];
  return [{ file: `${root}/freezer${group}/freezer.state`, saysSo: /^FROZEN$/m }];
}

/** Empty for what is not there, or not for us. */
async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}
