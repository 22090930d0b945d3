/** How often the kernel had killed something in a control group for want of memory, at some moment. */
export interface OomCount {
  /** The file that has the number. */
  file: string;
  kills: number;
  /** Whether the process was alone in its group then. */
  alone: boolean;
}

/** What the kernel's log says of a process. */
export type KernelLog = "names it" | "silent" | "unreadable";

/** What the count of a process's control group says. */
export type CountChange = "grew" | "unchanged" | "unreadable";

/** When a process is known to have lived: at a moment, in seconds after the host's start, or until just now and for so long. */
export type KnownAlive = { atS: number } | { forMs: number };

/** Where the root of `/proc` and `/sys` is. */
const HOST_ROOT = "";
/** How far the clock of the kernel's log may be behind the one that counts since the host's start, in seconds. */
const CLOCK_SLACK_S = 2;
/** The pid namespace in which pids are the kernel's own; its number is fixed. */
const FIRST_PID_NAMESPACE = "pid:[4026531836]";

/**
 * Counts the kernel's kills in the control group of a process, to be compared with later.
 *
 * @param pid The process.
 * @param root Where `/proc` and `/sys` are. Default: where they are.
 * @returns The count; null where it can't be had: `/proc` wants `-A`, and not every host has control groups.
 */
export async function countOomKills(
  pid: number,
  root: string = HOST_ROOT,
): Promise<OomCount | null> {
  try {
    const groups = await Deno.readTextFile(`${root}/proc/${pid}/cgroup`);
    for (const file of countFiles(groups, root)) {
      const kills = await readCount(file);
      if (kills === null) continue;
      const members = await Deno.readTextFile(`${file.slice(0, file.lastIndexOf("/"))}/cgroup.procs`);
      return { file, kills, alone: members.trim() === `${pid}` };
    }
  } catch {
    // It is as good as not there.
  }
  return null;
}

/**
 * Finds out whether the kernel killed a process that ended by SIGKILL, or without a word.
 *
 * @param pid The process.
 * @param before The count of its control group while it lived; null if there is none.
 * @param alive When it is known to have lived.
 * @returns The answer; `unknown` where neither kernel log nor control group can be read, or they don't tell.
 */
export async function wasOomKilled(
  pid: number,
  before: OomCount | null,
  alive: KnownAlive,
): Promise<boolean | "unknown"> {
  const change = await compare(before);
  // The log costs a process, and in most cases this is the end of it.
  if (change === "unchanged") return false;
  return judgeOomKill(await searchKernelLog(pid, alive), change, before?.alone ?? false);
}

/**
 * Decides whether it was the kernel.
 *
 * @param log What the kernel's log says.
 * @param change What the count of the control group says.
 * @param alone Whether the process was alone in that group, so that nobody else can have been meant.
 * @returns The answer.
 */
export function judgeOomKill(log: KernelLog, change: CountChange, alone: boolean): boolean | "unknown" {
  if (log === "names it") return true;
  if (log === "silent" || change === "unchanged") return false;
  return change === "grew" && alone ? true : "unknown";
}

/**
 * Looks for a process among those that the kernel says it killed.
 *
 * @param text The kernel's log, as `dmesg --raw` prints it.
 * @param pid The process, as the kernel counts.
 * @param aliveS When it lived, in seconds after the host's start: of an earlier kill another process of that pid was meant.
 * @returns What the log says; `unreadable` if it does not reach back that far, or if only an earlier kill is in it: the log's clock stands
 * still while the host is suspended, so nobody can tell.
 */
export function readKernelLog(text: string, pid: number, aliveS: number): KernelLog {
  // Written by the kernel's oom_kill.c, for a whole host and for a control group alike.
  const kills = text.matchAll(
    new RegExp(`^(?:<\\d+>)?\\[\\s*(\\d+\\.\\d+)\\].*\\bKilled process ${pid} \\(qemu`, "gm"),
  );
  const times = [...kills].map(([, seconds]) => Number(seconds));
  if (times.some((seconds) => seconds >= aliveS - CLOCK_SLACK_S)) return "names it";
  if (times.length > 0) return "unreadable";
  const firstS = /^(?:<\d+>)?\[\s*(\d+\.\d+)\]/.exec(text)?.[1];
  return firstS !== undefined && Number(firstS) <= aliveS ? "silent" : "unreadable";
}

async function compare(before: OomCount | null): Promise<CountChange> {
  if (before === null) return "unreadable";
  const now = await readCount(before.file).catch(() => null);
  if (now === null) return "unreadable";
  return now > before.kills ? "grew" : "unchanged";
}

/** The files that may have the count, for version 2 of control groups and for version 1. */
function countFiles(groups: string, root: string): string[] {
  return groups.split("\n").flatMap((line) => {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === "") return [];
    const at = path === "/" ? "" : path;
    if (controllers === "") return [`${root}/sys/fs/cgroup${at}/memory.events`];
    if (controllers.split(",").includes("memory")) {
      return [`${root}/sys/fs/cgroup/memory${at}/memory.oom_control`];
    }
    return [];
  });
}

async function readCount(file: string): Promise<number | null> {
  try {
    const found = /^oom_kill (\d+)$/m.exec(await Deno.readTextFile(file))?.[1];
    return found === undefined ? null : Number(found);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The file `/dev/kmsg` itself would keep a reader waiting for what comes next. */
async function searchKernelLog(pid: number, alive: KnownAlive): Promise<KernelLog> {
  try {
    const { state } = await Deno.permissions.query({ name: "run", command: "dmesg" });
    if (state !== "granted" || await Deno.readLink("/proc/self/ns/pid") !== FIRST_PID_NAMESPACE) {
      return "unreadable";
    }
    const command = new Deno.Command("dmesg", { args: ["--raw"], stdin: "null", stderr: "null" });
    const { success, stdout } = await command.output();
    if (!success) return "unreadable";
    const aliveS = "atS" in alive ? alive.atS : await uptimeS() - alive.forMs / 1000;
    return readKernelLog(new TextDecoder().decode(stdout), pid, aliveS);
  } catch {
    return "unreadable";
  }
}

async function uptimeS(): Promise<number> {
  return Number.parseFloat(await Deno.readTextFile("/proc/uptime"));
}
