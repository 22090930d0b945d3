import { writeAll } from "./atomic_file.ts";
import { StateError, StateLockedError } from "./errors.ts";
import { reasonOf } from "./reasons.ts";

/** How often, and how long apart in milliseconds, a holder that has only just begun is asked for its pid. */
const ASKS = 10;
const ASK_MS = 10;

/**
 * Sees to it that a state directory has one supervisor: an exclusive `flock` on `STATE/lock`, which the kernel gives back when its holder is
 * gone, however it ended. The file holds the holder's pid, for people, and stays when the lock goes.
 */
export class StateLock implements AsyncDisposable {
  readonly #file: Deno.FsFile;
  #released: Promise<void> | null = null;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Takes the lock. The directory is made if it is missing, with mode 0700.
   *
   * @param stateDir The state directory.
   * @returns The lock, which is held until it is disposed of.
   * @throws {StateLockedError} When another supervisor holds it; it names that one's pid.
   * @throws {StateError} When there can be no lock.
   */
  static async take(stateDir: string): Promise<StateLock> {
    const path = `${stateDir}/lock`;
    let file: Deno.FsFile | null = null;
    try {
      await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
      file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
      if (!await file.tryLock(true)) throw await lockedError(stateDir, path);
      await file.truncate(0);
      await writeAll(file, new TextEncoder().encode(`${Deno.pid}\n`));
      return new StateLock(file);
    } catch (error) {
      file?.close();
      if (error instanceof StateError) throw error;
      throw new StateError(`Cannot lock the state directory ${stateDir}: ${reasonOf(error)}`, path, {
        cause: error,
      });
    }
  }

  /** Gives the lock back. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    try {
      // A later holder that has not said its pid yet must not be taken for this one.
      await this.#file.truncate(0);
    } finally {
      this.#file.close();
    }
  }
}

async function lockedError(stateDir: string, path: string): Promise<StateLockedError> {
  const pid = await holderOf(path);
  const holder = pid === null
    ? `another process, which did not say its pid, holds`
    : pid === Deno.pid
    ? `another supervisor in this same process, ${pid}, holds`
    : `a supervisor in process ${pid} holds`;
  const remedy = pid === Deno.pid ? "close that one first" : "stop that one first";
  return new StateLockedError(
    `Cannot open the state directory ${stateDir}: ${holder} its lock ${path}; ${remedy}, or use a directory of its own`,
    path,
    pid,
  );
}

/** Who holds the lock; between taking it and saying so there is a moment. */
async function holderOf(path: string): Promise<number | null> {
  for (let ask = 0; ask < ASKS; ask++) {
    const text = await Deno.readTextFile(path);
    if (/^\d+\n$/.test(text)) return Number(text);
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
  return null;
}
