/** A process as `/proc` has it. */
export interface ProcessInfo {
  pid: number;
  /** `R` runs, `S` sleeps, `T` is stopped, `Z` has ended and was not waited for... Of the first of its threads. */
  state: string;
  /** How many of its threads there are. While more than the first are left, its files and locks are not given up yet. */
  threads: number;
  /** When it started, in ticks after the host's start: with the pid it names a process for good. */
  startTime: string;
  /** Empty for a zombie. */
  argv: readonly string[];
}

/** What can be said of a process: there is `none`, or this script may not look (`/proc` wants `-A`, and only Linux has it). */
export type ProcessLook = ProcessInfo | "none" | "not-permitted";

/**
 * When a process started, without waiting, so that nothing of it is missed meanwhile.
 *
 * @param pid The process.
 * @returns Its start time as `/proc` has it; null when there is no such process, or it may not be looked at.
 */
export function readStartTime(pid: number): string | null {
  if (Deno.build.os !== "linux") return null;
  try {
    return parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`)).startTime;
  } catch (error) {
    // Either answer of this is no start time; anything else is thrown.
    whyNot(error);
    return null;
  }
}

/**
 * Looks at a process.
 *
 * @param pid The process.
 * @returns What `/proc` has of it.
 */
export async function lookAtProcess(pid: number): Promise<ProcessLook> {
  if (Deno.build.os !== "linux") return "not-permitted";
  try {
    const found = parseStat(await Deno.readTextFile(`/proc/${pid}/stat`));
    return { pid, ...found, argv: await readArgv(pid) };
  } catch (error) {
    return whyNot(error);
  }
}

/** More than most command lines have, in bytes. */
const ARGV_BYTES = 16 * 1024;

/**
 * The command line of a process. It is read with one call, and as a whole: of one that becomes another program between two calls, the second would
 * give the end of another line. Not without waiting: a process that waits for a disk may hold its reader up.
 *
 * @param pid The process.
 * @returns Its arguments; none for a zombie.
 * @throws When it is not there, or may not be read.
 */
export async function readArgv(pid: number): Promise<string[]> {
  using file = await Deno.open(`/proc/${pid}/cmdline`);
  for (let length = ARGV_BYTES;; length *= 4) {
    const bytes = new Uint8Array(length);
    await file.seek(0, Deno.SeekMode.Start);
    const count = await file.read(bytes) ?? 0;
    if (count === length) continue;
    const line = new TextDecoder().decode(bytes.subarray(0, count));
    return line === "" ? [] : line.replace(/\0$/, "").split("\0");
  }
}

/**
 * Whether a process runs, without waiting, so that nothing can come between this and a signal.
 *
 * @param pid The process.
 * @param startTime When it started.
 * @returns `alive` if it is that very process, `gone` if it has ended or the pid is another's.
 */
export function isProcessAlive(pid: number, startTime: string): "alive" | "gone" | "not-permitted" {
  try {
    const found = parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
    return found.startTime === startTime && !hasEnded(found) ? "alive" : "gone";
  } catch (error) {
    return whyNot(error) === "none" ? "gone" : "not-permitted";
  }
}

/** A zombie has ended; only its parent has not asked yet. But its first thread may end before the others, which hold on to what it has. */
export function hasEnded({ state, threads }: Pick<ProcessInfo, "state" | "threads">): boolean {
  return isEnding({ state }) && threads <= 1;
}

/** It is as good as dead: nothing can bring its first thread back. */
export function isEnding({ state }: Pick<ProcessInfo, "state">): boolean {
  return state === "Z" || state === "X";
}

/** The name, which comes before these, may hold anything, a closing bracket too. */
function parseStat(stat: string): Pick<ProcessInfo, "state" | "threads" | "startTime"> {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  return { state, threads: Number(fields[17]), startTime: fields[19] ?? "" };
}

/** @throws What is neither a missing process nor a missing permission. */
export function whyNot(error: unknown): "none" | "not-permitted" {
  // It may also go while it is read (ESRCH).
  if (
    error instanceof Deno.errors.NotFound || (error instanceof Error && /os error 3\b/.test(error.message))
  ) {
    return "none";
  }
  if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
    return "not-permitted";
  }
  throw error;
}
