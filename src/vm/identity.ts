import { delay } from "@std/async/delay";
import { MonitorBusyError, QmpClient, QmpProtocolError, QmpTimeoutError } from "../qmp/mod.ts";
import { runPaths } from "../machine/mod.ts";
import { hasEnded, isEnding, lookAtProcess, type ProcessLook, whyNot } from "./proc.ts";

/** How long QEMU may take to say who it is, in milliseconds. */
const ANSWER_MS = 2_000;
/** How long a process may take to end, once it has begun to, and how often it is looked at meanwhile, in milliseconds. */
const ENDING_MS = 1_000;
const LOOK_MS = 2;

/** A run, as far as it is remembered. */
export interface RememberedRun {
  runDir: string;
  uuid: string;
  pid: number | null;
  startTime: string | null;
}

/** What there is of a run: facts, nothing decided. */
export interface Evidence {
  /** The pid that QEMU wrote down. */
  pidFile: { pid: number } | "missing";
  /** The process that is remembered; where that is gone, or was not written down, the one of the pidfile. */
  process: ProcessLook;
  /** Who holds the lock that QEMU takes on its pidfile; null when nobody does. */
  lockOwner: number | null | "not-permitted";
  /**
   * The control socket: QEMU `answers`; nobody listens (`refused`) or there is no socket (`missing`); somebody accepts and does not answer (`busy`),
   * as when another client is connected, or QEMU is stopped.
   */
  socket: "answers" | "refused" | "missing" | "busy";
  /** What QEMU answered; null where it did not. */
  uuid: string | null;
  name: string | null;
}

/**
 * Collects what there is of a run.
 *
 * @param run The run.
 * @param options Signal, and how long QEMU may take to answer (2 s unless told otherwise).
 * @returns The evidence. Without `-A` it has `not-permitted` where `/proc` would tell.
 * @throws {Deno.errors.NotCapable} When this script may not connect to the socket at all.
 */
export async function gatherEvidence(
  run: RememberedRun,
  options: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<Evidence> {
  const paths = runPaths(run.runDir);
  const pid = await readPidFile(paths.pidFile);
  const process = await findProcess([run.pid, pid], paths.pidFile, options.signal);
  const [lockOwner, answer] = await Promise.all([findLockOwner(paths.pidFile), ask(paths.control, options)]);
  return { pidFile: pid === null ? "missing" : { pid }, process, lockOwner, ...answer };
}

/**
 * Reads QEMU's pidfile.
 *
 * @param file The pidfile.
 * @returns The pid; null where there is none.
 */
export async function readPidFile(file: string): Promise<number | null> {
  try {
    const pid = Number(await Deno.readTextFile(file));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The first one that has this pidfile on its command line; else the first one that lives; else what there is of the first one. */
async function findProcess(
  pids: readonly (number | null)[],
  pidFile: string,
  signal?: AbortSignal,
): Promise<ProcessLook> {
  const looks: ProcessLook[] = [];
  for (const pid of new Set(pids)) {
    if (pid !== null) looks.push(await lookAtRest(pid, signal));
  }
  const found = looks.filter((look) => typeof look !== "string");
  return found.find(({ argv }) => argv.includes(pidFile)) ??
    found.find((look) => !hasEnded(look)) ?? looks[0] ?? "none";
}

/** One that is just ending is given the moment that this takes: while some of its threads are left, it still has its locks and sockets. */
async function lookAtRest(pid: number, signal?: AbortSignal): Promise<ProcessLook> {
  for (const untilMs = performance.now() + ENDING_MS;;) {
    const look = await lookAtProcess(pid);
    if (typeof look === "string" || !isEnding(look) || hasEnded(look)) return look;
    if (performance.now() > untilMs) return look;
    await delay(LOOK_MS, signal ? { signal } : {});
  }
}

/** The owner of the lock, as `/proc/locks` has it: by device and inode. */
async function findLockOwner(file: string): Promise<Evidence["lockOwner"]> {
  if (Deno.build.os !== "linux") return "not-permitted";
  try {
    const locks = await Deno.readTextFile("/proc/locks");
    const { dev, ino } = await Deno.stat(file);
    return lockOwnerIn(locks, dev, ino);
  } catch (error) {
    return whyNot(error) === "none" ? null : "not-permitted";
  }
}

/**
 * Looks for the owner of a POSIX write lock on a file.
 *
 * @param locks What `/proc/locks` has.
 * @param dev The file's device, as stat has it.
 * @param ino The file's inode.
 * @returns The owner's pid; null when there is none. Some file systems show another device there: then the inode alone has to do, if it is clear.
 */
export function lockOwnerIn(locks: string, dev: number, ino: number | null): number | null {
  const found: { pid: number; device: string }[] = [];
  for (const line of locks.split("\n")) {
    const fields = /^\d+: POSIX +\S+ +WRITE (\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /.exec(line);
    if (fields && Number(fields[3]) === ino) found.push({ pid: Number(fields[1]), device: fields[2] ?? "" });
  }
  const exact = found.find(({ device }) => device === deviceName(dev));
  if (exact) return exact.pid;
  return found.length === 1 && found[0] ? found[0].pid : null;
}

/** Major and minor number in hexadecimal, as the kernel writes them. The halves of a `dev_t` are interleaved. */
function deviceName(dev: number): string {
  const number = BigInt(dev);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & ~0xffn);
  return `${major.toString(16).padStart(2, "0")}:${minor.toString(16).padStart(2, "0")}`;
}

type Answer = Pick<Evidence, "socket" | "uuid" | "name">;

async function ask(path: string, options: { signal?: AbortSignal; timeoutMs?: number }): Promise<Answer> {
  const { signal, timeoutMs = ANSWER_MS } = options;
  const limits = { timeoutMs, ...(signal ? { signal } : {}) };
  try {
    await using client = await QmpClient.connect({ transport: "unix", path }, limits);
    const [{ UUID }, { name }] = await Promise.all([
      client.execute("query-uuid", {}, limits),
      client.execute("query-name", {}, limits),
    ]);
    return { socket: "answers", uuid: UUID, name: name ?? null };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable) throw error;
    return { socket: whyNoAnswer(error), uuid: null, name: null };
  }
}

function whyNoAnswer(error: unknown): "refused" | "missing" | "busy" {
  if (error instanceof MonitorBusyError || error instanceof QmpTimeoutError) return "busy";
  if (error instanceof QmpProtocolError) return "busy";
  const { cause } = error instanceof Error ? error : { cause: undefined };
  if (cause instanceof QmpTimeoutError || cause instanceof Deno.errors.TimedOut) return "busy";
  // It may also go in the middle of a word.
  return cause instanceof Deno.errors.NotFound ? "missing" : "refused";
}
