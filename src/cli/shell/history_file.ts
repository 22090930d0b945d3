import { holdsSecret } from "./language/secrets.ts";

/** How many lines are kept. */
export const HISTORY_LINES = 1000;

/** How long a line may be to be kept, in characters. */
const MAX_LENGTH = 4096;

/** How many more lines the file may have before it is cut: a cut writes all of it. */
const SLACK_LINES = 500;

/** What a terminal might obey. */
// deno-lint-ignore no-control-regex -- finding control characters is what it is for
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;

/**
 * Whether a line is kept: not when it may hold a password, begins with a blank, or is too long.
 *
 * @param line The line.
 * @returns Whether it is.
 */
export function isKept(line: string): boolean {
  return line.trim() !== "" && !line.startsWith(" ") && line.length <= MAX_LENGTH && !CONTROL.test(line) &&
    !holdsSecret(line);
}

/**
 * Where the history is, by the rules of XDG's base directories.
 *
 * @param environment Environment variables.
 * @returns The file; null where there is no place for it.
 */
export function historyPath(environment: (name: string) => string | undefined): string | null {
  const state = environment("XDG_STATE_HOME");
  // A path that is not absolute is to be ignored.
  if (state?.startsWith("/")) return `${state}/qeeper/qmp_history`;
  const home = environment("HOME");
  return home?.startsWith("/") ? `${home}/.local/state/qeeper/qmp_history` : null;
}

/** The lines of former shells, and of this one, in a file that only its owner can read. */
export class HistoryFile implements AsyncDisposable {
  /** The lines, the newest first. */
  readonly lines: readonly string[];
  readonly #path: string | null;
  #written: Promise<void> = Promise.resolve();
  #failure: Error | null;

  private constructor(path: string | null, lines: readonly string[], failure: Error | null) {
    this.#path = path;
    this.lines = lines;
    this.#failure = failure;
  }

  /**
   * Reads the history. Where that can't be done it is empty, and `failure` says why.
   *
   * @param path The file; null for a history that ends with the shell.
   * @returns The history, to be disposed of.
   */
  static async open(path: string | null): Promise<HistoryFile> {
    if (path === null) return new HistoryFile(null, [], null);
    try {
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
      const all = await readLines(path);
      const kept = all.filter(isKept).slice(-HISTORY_LINES);
      if (all.length > HISTORY_LINES + SLACK_LINES) await replace(path, kept);
      return new HistoryFile(path, kept.toReversed(), null);
    } catch (error) {
      return new HistoryFile(null, [], error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Why lines are not kept beyond this shell, if they are not. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Adds a line, if it is one to be kept. */
  add(line: string): void {
    const path = this.#path;
    if (path === null || !isKept(line)) return;
    // Appended at once, so that nothing is lost when the shell is killed, and shells side by side don't overwrite each other's lines.
    this.#written = this.#written.then(() =>
      Deno.writeTextFile(path, `${line}\n`, { append: true, create: true, mode: 0o600 })
    ).catch((error) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
  }

  /** Waits until all is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written;
  }
}

async function readLines(path: string): Promise<readonly string[]> {
  try {
    return (await Deno.readTextFile(path)).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** In one step: a shell that reads meanwhile gets the old file or the new one. */
async function replace(path: string, lines: readonly string[]): Promise<void> {
  const draft = `${path}.${Deno.pid}`;
  await Deno.writeTextFile(draft, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  await Deno.rename(draft, path);
}
