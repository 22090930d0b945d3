import { type RunPaths, runPaths } from "../machine/mod.ts";
import { checkPlace, likelyRoot, runRoot } from "./run_root.ts";

/** The longest path that Deno takes for a unix socket, in bytes (QEMU itself takes 108). */
const MAX_SOCKET_PATH_BYTES = 107;
/** What a socket's name in the run directory may add to its path: a slash and 12 characters. */
const ROOM_FOR_NAME_BYTES = 13;

/**
 * A VM's own directory: sockets, logs, secrets. Mode 0700, never shared with another VM, never used twice. Disposing it removes
 * what was made here: of a directory that the caller named, all but its logs, so that they can be read.
 */
export interface RunDir extends AsyncDisposable {
  readonly paths: RunPaths;
  /** The run root that it was made in; null where the caller named the directory. */
  readonly root: string | null;
  /** Aborted when it was disposed of or discarded. */
  readonly gone: AbortSignal;
  /** What ends with it: disposed of right after it was removed. */
  readonly company: AsyncDisposableStack;
  /** Removes it after a launch that failed: all that was made here, logs too, and the directory itself if it was not there. */
  discard(): Promise<void>;
  /** Does what disposing does, without waiting: for the very end of a script. It is best effort, and never throws. */
  removeSync(): void;
}

/**
 * Makes a fresh run directory.
 *
 * @param wanted The directory to use; it is made, or must be empty. Without it a new one is made in {@linkcode runRoot}.
 * @returns The directory.
 * @throws {Error} When the directory is in use, or its path is too long for a socket in it.
 */
export async function makeRunDir(wanted?: string): Promise<RunDir> {
  return wanted === undefined ? await makeNew() : await takeOver(wanted);
}

async function makeNew(): Promise<RunDir> {
  try {
    return makeUnder(likelyRoot());
  } catch {
    // Whether it is there is only looked for now. Where it is not to be had this has an error of its own, which names the root.
    return makeUnder(await runRoot());
  }
}

/** Without waiting: sockets want a local directory, where each of these calls is over before a thread would have it. */
function makeUnder(root: string): RunDir {
  for (;;) {
    const dir = `${root}/${randomName()}`;
    checkPath(dir);
    try {
      Deno.mkdirSync(dir, { mode: 0o700 });
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) continue;
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      throw new Error(
        `Cannot make a run directory in ${root}: this user may not write to it; name a runDir`,
        { cause: error },
      );
    }
    try {
      checkPlace(root, dir);
    } catch (error) {
      // Where others can write, one of them may have been quicker.
      bestEffort(() => Deno.removeSync(dir));
      throw error;
    }
    const gone = new AbortController();
    const company = new AsyncDisposableStack();
    const remove = async () => {
      await unlessGone(Deno.remove(dir, { recursive: true }));
      gone.abort();
      await company.disposeAsync();
    };
    return {
      paths: runPaths(dir),
      root,
      gone: gone.signal,
      company,
      discard: remove,
      removeSync: () => bestEffort(() => Deno.removeSync(dir, { recursive: true })),
      [Symbol.asyncDispose]: remove,
    };
  }
}

async function takeOver(wanted: string): Promise<RunDir> {
  const absolute = wanted.startsWith("/") ? wanted : `${Deno.cwd()}/${wanted}`;
  const dir = absolute.replace(/(?<=.)\/+$/, "");
  checkPath(dir);
  const wasThere = await exists(dir);
  await makeDir(dir);
  // An unusual umask may have left even us out. One that was there is not touched before it is known to be empty.
  if (!wasThere) await Deno.chmod(dir, 0o700);
  await claim(dir);
  return namedRunDir(dir, wasThere);
}

/**
 * Makes a directory a launch's own. Of two launches at once only one can make the file, which is there before anybody looks whether the
 * directory is empty.
 */
async function claim(dir: string): Promise<void> {
  const file = runPaths(dir).claim;
  try {
    (await Deno.open(file, { write: true, createNew: true, mode: 0o600 })).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw holdsError(dir, nameOf(file));
    if (error instanceof Deno.errors.NotCapable) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Cannot use ${dir} as a run directory: nothing can be made in it (${why}); name another one`,
      {
        cause: error,
      },
    );
  }
  try {
    for await (const { name } of Deno.readDir(dir)) if (name !== nameOf(file)) throw holdsError(dir, name);
    await Deno.chmod(dir, 0o700);
  } catch (error) {
    await unlessGone(Deno.remove(file));
    throw error;
  }
}

function holdsError(dir: string, name: string): Error {
  return new Error(
    `Cannot use ${dir} as a run directory: it already holds ${
      JSON.stringify(name)
    }; each launch wants an empty ` +
      "directory of its own, since a second QEMU on the same sockets takes them from the first one",
  );
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Takes over a run directory that an earlier process made in a place of its choice.
 *
 * @param dir The directory, an absolute path.
 * @returns The directory.
 */
export function reopenRunDir(dir: string): RunDir {
  return namedRunDir(dir, true);
}

function namedRunDir(dir: string, wasThere: boolean): RunDir {
  const gone = new AbortController();
  const company = new AsyncDisposableStack();
  return {
    paths: runPaths(dir),
    root: null,
    gone: gone.signal,
    company,
    async discard() {
      await unlessGone(wasThere ? empty(dir, () => true) : Deno.remove(dir, { recursive: true }));
      gone.abort();
      await company.disposeAsync();
    },
    removeSync: () =>
      bestEffort(() => {
        for (const { name } of Deno.readDirSync(dir)) {
          if (!isLog(name)) Deno.removeSync(`${dir}/${name}`, { recursive: true });
        }
      }),
    async [Symbol.asyncDispose]() {
      await unlessGone(empty(dir, (name) => !isLog(name)));
      gone.abort();
      await company.disposeAsync();
    },
  };
}

/**
 * Looks whether there is anything at a path, a link that leads nowhere included.
 *
 * @param path The path.
 * @returns Whether there is.
 */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

async function makeDir(dir: string): Promise<void> {
  try {
    await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists) && !(error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
    throw new Error(
      `Cannot use ${dir} as a run directory: there is a file of that name, or on the way to it; name another one`,
      { cause: error },
    );
  }
}

/** Removes a directory's entries, as far as they are wanted gone. */
async function empty(dir: string, gone: (name: string) => boolean): Promise<void> {
  for await (const { name } of Deno.readDir(dir)) {
    if (gone(name)) await unlessGone(Deno.remove(`${dir}/${name}`, { recursive: true }));
  }
}

function isLog(name: string): boolean {
  return name.endsWith(".log");
}

function checkPath(dir: string): void {
  // It would be taken for a place where QEMU is to put its pid (`-D`).
  if (dir.includes("%")) {
    throw new Error(
      `Cannot use ${dir} as a run directory: QEMU's log can't be in a path with a "%"; name another runDir`,
    );
  }
  const bytes = new TextEncoder().encode(dir).length + ROOM_FOR_NAME_BYTES;
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new Error(
      `Cannot use ${dir} as a run directory: a socket in it would have a path of up to ${bytes} bytes, and ` +
        `${MAX_SOCKET_PATH_BYTES} are allowed; name a shorter runDir`,
    );
  }
}

/**
 * 8 characters, which are 40 bits: names are short because socket paths are. One that is taken is drawn again, so nothing hangs on its being
 * hard to guess.
 */
function randomName(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  return Array.from({ length: 8 }, () => alphabet[Math.floor(Math.random() * 32)]).join("");
}

async function unlessGone(removing: Promise<void>): Promise<void> {
  try {
    await removing;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function bestEffort(task: () => void): void {
  try {
    task();
  } catch {
    // There is nobody left to tell.
  }
}
