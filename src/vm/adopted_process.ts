import { delay } from "@std/async/delay";
import { isEnding, isProcessAlive, lookAtProcess, whyNot } from "./proc.ts";
import { type QemuProcess, readStderr, STDERR_TAIL_CHARS } from "./qemu_process.ts";
import { TextTail } from "./text_tail.ts";

/** How soon after the end of a connection the process is looked at again, in milliseconds: an end is seen within 90, and then doubling. */
const FIRST_LOOK_MS = 2;
const LAST_LOOK_MS = 1_000;

/** What is known of a process that an earlier process started. */
export interface KnownProcess {
  /** Null where not even that is known. */
  pid: number | null;
  /** When it started, as `/proc` has it; null where that is not known. */
  startTime: string | null;
  signals: QemuProcess["signals"];
  stderrFile: string;
  /** The sockets that it listens on: what tells of its end where `/proc` may not be read. */
  sockets: readonly string[];
}

/**
 * A QEMU that an earlier process started, and that is no child of this one. Its exit status can't be known. Its end is noticed by the end of its
 * connections; whether it is the process that has ended, and not only a connection, `/proc` says, or else its sockets, at which nobody listens then.
 */
export class AdoptedProcess implements QemuProcess {
  readonly pid: number | null;
  readonly lifetime = "detached";
  readonly signals: QemuProcess["signals"];
  readonly stdio = null;
  readonly exited: Promise<null>;
  readonly #known: KnownProcess;
  readonly #connections: readonly Promise<void>[];
  readonly #letGo = new AbortController();
  readonly #stderr = new TextTail(STDERR_TAIL_CHARS);

  /**
   * @param known What is known of it.
   * @param connections Each resolves when a connection to it has ended.
   */
  constructor(known: KnownProcess, connections: readonly Promise<void>[]) {
    this.#known = known;
    this.pid = known.pid;
    this.signals = known.pid === null || known.startTime === null ? "not-allowed" : known.signals;
    this.#connections = connections;
    const { promise, resolve } = Promise.withResolvers<null>();
    this.exited = promise;
    // Rejects only when it is let go of: then nobody waits for its end any more.
    this.#watch().then(() => resolve(null), () => {});
  }

  stderrTail(): string {
    return this.#stderr.text;
  }

  /** Nothing happens unless it is still that very process: a pid can be given to another. */
  signal(signal: Deno.Signal): void {
    const { pid, startTime } = this.#known;
    if (this.signals === "not-allowed" || pid === null || startTime === null) return;
    if (isProcessAlive(pid, startTime) !== "alive") return;
    try {
      Deno.kill(pid, signal);
    } catch (error) {
      if (whyNot(error) !== "none") throw error;
    }
  }

  /** Gives up watching for its end. */
  unref(): void {
    this.#letGo.abort();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#letGo;
    const letGo = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await Promise.race([letGo, ...this.#connections]);
    let closed = 0;
    for (const connection of this.#connections) connection.then(() => closed++);
    for (let ms = FIRST_LOOK_MS;; ms = Math.min(2 * ms, LAST_LOOK_MS)) {
      await delay(ms, { signal });
      if (await this.#isGone(closed === this.#connections.length)) break;
    }
    this.#stderr.push(await readStderr(this.#known.stderrFile));
  }

  async #isGone(allClosed: boolean): Promise<boolean> {
    const { pid, startTime, sockets } = this.#known;
    if (pid !== null && startTime !== null) {
      const found = isProcessAlive(pid, startTime);
      if (found !== "not-permitted") return found === "gone";
    }
    return allClosed && await nobodyListens(sockets);
  }
}

/**
 * Whether a process can be sent signals, and since when it runs, so that it can be told from a later one with its pid.
 *
 * @param pid The process; null where that is not known.
 * @param startTime When it is remembered to have started; null if that was not noted.
 * @param pidFile QEMU's pidfile, which its command line has.
 * @returns Its start time, null where it may not be looked at, or is another process.
 */
export async function provenStart(
  pid: number | null,
  startTime: string | null,
  pidFile: string,
): Promise<string | null> {
  if (pid === null) return null;
  const found = await lookAtProcess(pid);
  if (typeof found === "string" || isEnding(found) || !found.argv.includes(pidFile)) return null;
  return startTime === null || startTime === found.startTime ? found.startTime : null;
}

async function nobodyListens(sockets: readonly string[]): Promise<boolean> {
  for (const path of sockets) {
    try {
      (await Deno.connect({ transport: "unix", path })).close();
      return false;
    } catch (error) {
      // Its queue is full: somebody lives there.
      if (error instanceof Deno.errors.WouldBlock) return false;
    }
  }
  return true;
}
