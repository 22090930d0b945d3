import { delay } from "@std/async/delay";
import type { ExitStatus } from "../../vm/mod.ts";
import { hasEnded, isProcessAlive, lookAtProcess, whyNot } from "../../vm/proc.ts";
import { readStderr, spawnQemu } from "../../vm/qemu_process.ts";
import type { Tie } from "../../vm/start_qemu.ts";
import { makeRoomFor, removeSocket, untilListening } from "./helper_socket.ts";

/** How long a helper may take to end when it is told to, in milliseconds, before it is killed. */
const STOP_MS = 2_000;

/** How often a helper that is no child of this process is looked at, in milliseconds: nothing tells of its end. */
const LOOK_MS = 250;

/** How often the shell that starts a helper is looked at, in milliseconds: it is one for about 5. */
const BECOMES_MS = 2;

/** What is started. */
export interface HelperPlan {
  name: string;
  /** The program and its arguments. */
  command: readonly string[];
  /** The directory that it runs in. */
  cwd: string;
  /** Its socket, an absolute path; null when it has none. */
  socket: string | null;
  /** How long it may take to listen there, in milliseconds. */
  readyWithinMs: number;
  /** The file that its stderr is added to. */
  log: string;
  /** `owned` ends with this process, as far as `tie` can see to it; `detached` outlives it. */
  lifetime: "owned" | "detached";
  tie: Tie;
}

/** What a helper that outlives its supervisor is known by. */
export interface HelperRecord {
  name: string;
  pid: number;
  /** As `/proc` has it: with the pid it names a process for good. */
  startTime: string;
  argv: readonly string[];
  socket: string | null;
  log: string;
}

/** How a helper ended. */
export interface HelperEnd {
  /** Null for one that an earlier supervisor started. */
  exit: ExitStatus | null;
  /** The end of what it said on stderr. */
  stderrTail: string;
}

/** What is different between a child and an orphan. */
interface Process {
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<ExitStatus | null>;
  signal(signal: Deno.Signal): void;
  unref(): void;
}

/** A helper that runs. */
export class HelperProcess {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  /** Resolves once, when it has ended. Never rejects. */
  readonly ended: Promise<HelperEnd>;
  readonly #process: Process;
  readonly #socket: string | null;
  #record: HelperRecord | null;
  #state: "running" | "ended" = "running";

  private constructor(
    about: { name: string; log: string; socket: string | null },
    process: Process,
    record: HelperRecord | null,
  ) {
    this.name = about.name;
    this.log = about.log;
    this.#socket = about.socket;
    this.pid = process.pid;
    this.#record = record;
    this.#process = process;
    this.ended = process.exited.then(async (exit) => {
      this.#state = "ended";
      return { exit, stderrTail: new TextDecoder().decode(await readStderr(this.log)) };
    });
  }

  /**
   * Starts a helper and waits until it is ready.
   *
   * @param plan What to start.
   * @param signal Gives the start up: the helper is ended, and the signal's reason thrown.
   * @returns The helper.
   * @throws {Error} When it can't be started, ends, or is not ready in time; then nothing of it is left.
   */
  static async start(plan: HelperPlan, signal: AbortSignal): Promise<HelperProcess> {
    signal.throwIfAborted();
    if (plan.socket !== null) await makeRoomFor(plan.socket);
    const helper = new HelperProcess(plan, spawn(plan), null);
    try {
      await helper.#untilReady(plan, signal);
      helper.#record = await recordOf(plan, helper.pid);
      return helper;
    } catch (error) {
      await helper.stop();
      throw error;
    }
  }

  /**
   * Takes over a helper that an earlier supervisor started.
   *
   * @param record What it is known by.
   * @returns The helper; null where there is none any more, or nothing proves that it is it.
   */
  static async adopt(record: HelperRecord): Promise<HelperProcess | null> {
    const found = await lookAtProcess(record.pid);
    if (typeof found === "string" || hasEnded(found)) return null;
    const same = found.startTime === record.startTime && sameArgv(found.argv, record.argv);
    return same ? new HelperProcess(record, new Orphan(record), record) : null;
  }

  /** What it is known by; null where it can't be known again: it is not detached, or `/proc` may not be read. */
  get record(): HelperRecord | null {
    return this.#record;
  }

  /** Whether it still runs, as far as is known. */
  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** Ends it: SIGTERM, and SIGKILL when it does not obey. Its socket goes with it. */
  async stop(): Promise<void> {
    this.#process.signal("SIGTERM");
    const timer = setTimeout(() => this.#process.signal("SIGKILL"), STOP_MS);
    await this.ended;
    clearTimeout(timer);
    if (this.#socket !== null) await removeSocket(this.#socket);
  }

  /** Ends it at once, without waiting. */
  kill(): void {
    this.#process.signal("SIGKILL");
  }

  /** Lets go of it and leaves it running; only for one that is detached. */
  leave(): void {
    this.#process.unref();
  }

  async #untilReady(plan: HelperPlan, signal: AbortSignal): Promise<void> {
    const { socket, readyWithinMs } = plan;
    const ended = new AbortController();
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), readyWithinMs);
    this.ended.then(() => ended.abort());
    const given = AbortSignal.any([signal, ended.signal, late.signal]);
    try {
      await untilBecome(plan, this.pid, given);
      if (socket !== null) await untilListening(socket, given);
    } catch (error) {
      if (signal.aborted) throw error;
      if (ended.signal.aborted) {
        throw new Error(`It ended before it was ready: ${describeEnd(await this.ended)}`);
      }
      if (!late.signal.aborted) throw error;
      throw new Error(
        socket === null
          ? `It was not started within ${readyWithinMs} ms`
          : `It does not listen on ${socket} after ${readyWithinMs} ms${await lastWords(this.log)}`,
      );
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * How a helper ended, in words.
 *
 * @param end Its end.
 * @returns The exit code or signal, and the last line that it said.
 */
export function describeEnd({ exit, stderrTail }: HelperEnd): string {
  const how = exit === null ? "nobody can say how" : exit.signal ?? `exit code ${exit.code}`;
  const last = lastLine(stderrTail);
  return last === "" ? how : `${how}, ${last}`;
}

async function lastWords(log: string): Promise<string> {
  const last = lastLine(new TextDecoder().decode(await readStderr(log)));
  return last === "" ? "" : `: ${last}`;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}

/**
 * stderr goes to the file in every case, so that it can be read afterwards. The shell that opens the file becomes the helper, by way of what
 * makes a session and of what ties a child to this process.
 */
function spawn({ command, cwd, log, lifetime, tie }: HelperPlan): Process {
  const tied = lifetime === "owned" && tie === "setpriv";
  return spawnQemu({
    argv: tied ? ["setpriv", "--pdeathsig", "KILL", "--", ...command] : command,
    cwd,
    lifetime: { kind: "detached", stderrFile: log },
    stdio: "null",
    tie: "none",
    // Ctrl-C is for the command that runs the group. A child that nothing ties to this process had better get it too.
    session: tied || lifetime === "detached" ? "own" : "shared",
  });
}

/** Waits until the shell has become the program: one that is not there is then known. Where `/proc` can't be read there is no waiting. */
async function untilBecome({ log }: HelperPlan, pid: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const found = await lookAtProcess(pid);
    if (found === "not-permitted") return;
    if (found !== "none" && !hasEnded(found) && hasBecome(found.argv, log)) return;
    await delay(BECOMES_MS, { signal });
  }
}

/** The shell has the log's name among its arguments; what goes has none any more. */
function hasBecome(argv: readonly string[], log: string): boolean {
  return argv.length > 0 && !argv.includes(log) && argv[0] !== "setsid" && argv[0] !== "setpriv";
}

async function recordOf(
  { name, socket, log, lifetime }: HelperPlan,
  pid: number,
): Promise<HelperRecord | null> {
  if (lifetime === "owned") return null;
  const found = await lookAtProcess(pid);
  if (typeof found === "string" || hasEnded(found)) return null;
  return { name, pid, startTime: found.startTime, argv: found.argv, socket, log };
}

function sameArgv(found: readonly string[], expected: readonly string[]): boolean {
  return found.length === expected.length && found.every((arg, index) => arg === expected[index]);
}

/** A process that an earlier supervisor started: only `/proc` tells of its end. */
class Orphan implements Process {
  readonly pid: number;
  readonly exited: Promise<null>;
  readonly #startTime: string;
  readonly #letGo = new AbortController();

  constructor({ pid, startTime }: HelperRecord) {
    this.pid = pid;
    this.#startTime = startTime;
    const { promise, resolve } = Promise.withResolvers<null>();
    this.exited = promise;
    // Rejects only when it is let go of: then nobody waits for its end any more.
    this.#watch().then(() => resolve(null), () => {});
  }

  signal(signal: Deno.Signal): void {
    if (isProcessAlive(this.pid, this.#startTime) !== "alive") return;
    try {
      Deno.kill(this.pid, signal);
    } catch (error) {
      if (whyNot(error) !== "none") throw error;
    }
  }

  unref(): void {
    this.#letGo.abort();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#letGo;
    while (isProcessAlive(this.pid, this.#startTime) === "alive") await delay(LOOK_MS, { signal });
  }
}
