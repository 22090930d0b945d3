import { abortable } from "@std/async/abortable";
import { type Logger, MonitorBusyError, QmpClient, QmpConnectError } from "../qmp/mod.ts";
import { runPaths } from "../machine/mod.ts";
import { inTime } from "./waiting.ts";

/** How long a QEMU that lost its script may take to answer, in milliseconds. */
const ANSWER_MS = 1_000;
/** No launch takes so long until its directory has an owner, in milliseconds. */
const LAUNCH_MS = 10 * 60_000;
/** How long it may take to end, in milliseconds. */
const QUIT_MS = 5_000;

/**
 * Clears away what scripts that were killed have left in a run root: run directories with a file `owner` that nobody has locked. A QEMU that
 * outlived its script is told to quit. A directory without that file is left alone, since its VM is meant to outlive its script, or it is only
 * being made; unless it is older than any launch and has only what one begins with.
 *
 * @param root The run root.
 * @param signal Ends it, at the next directory at the latest.
 * @param logger Told what was found.
 * @returns Resolves when it is through, or has been ended. Never rejects.
 */
export async function sweep(root: string, signal: AbortSignal, logger: Logger): Promise<void> {
  let removed = 0;
  try {
    for await (const { name, isDirectory } of Deno.readDir(root)) {
      if (signal.aborted) return;
      if (isDirectory && await clearAway(`${root}/${name}`, signal, logger)) removed++;
    }
  } catch (error) {
    logger.warn("Cannot look for what killed scripts have left", { root, error });
  }
  logger.debug("Looked for what killed scripts have left", { root, removed });
}

/** Never rejects: one directory that can't be removed is no reason to leave the others. */
async function clearAway(dir: string, signal: AbortSignal, logger: Logger): Promise<boolean> {
  try {
    const { owner, control } = runPaths(dir);
    // Locked here as well, so that of two sweepers one is at it.
    using file = await openIfThere(owner);
    if (file === null) {
      if (!await isStillborn(dir)) return false;
    } else if (!file.tryLockSync(true)) return false;
    if (!await untilNobodyListens(control, signal)) {
      logger.warn(
        "The script of this QEMU was killed, and it can't be told to quit: somebody has its monitor, or it does not answer",
        {
          dir,
        },
      );
      return false;
    }
    await removeDir(dir);
  } catch (error) {
    // What is ended by its signal goes on with the next launch.
    if (!signal.aborted) logger.warn("Cannot clear away what a killed script has left", { dir, error });
    return false;
  }
  logger.info("Cleared away what a killed script has left", { dir });
  return true;
}

/** What a launch makes before its QEMU is there; nobody but a launch makes the first of them. */
const BEFORE_QEMU = /^(?:tie|owner\.new|rec\.in|rec\.out|.*\.secret)$/;

/**
 * Whether a directory without an owner is what a script has left that was killed before its QEMU was there: it is too old for a launch that
 * is under way, and has nothing but what that makes first.
 */
async function isStillborn(dir: string): Promise<boolean> {
  try {
    const { mtime } = await Deno.stat(dir);
    if (mtime === null || Date.now() - mtime.getTime() < LAUNCH_MS) return false;
    const names = (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
    return names.includes("tie") && names.every((name) => BEFORE_QEMU.test(name));
  } catch (error) {
    // Another one that sweeps was quicker.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function openIfThere(path: string): Promise<Deno.FsFile | null> {
  try {
    return await Deno.open(path, { write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether nobody listens any more, once whoever did was told to quit. */
async function untilNobodyListens(path: string, signal: AbortSignal): Promise<boolean> {
  const until = performance.now() + QUIT_MS;
  for (;;) {
    const found = await tellToQuit(path, signal);
    if (found !== "told") return found === "nobody";
    if (performance.now() > until) return false;
  }
}

async function tellToQuit(path: string, signal: AbortSignal): Promise<"nobody" | "told" | "silent"> {
  try {
    await using qmp = await QmpClient.connect({ transport: "unix", path }, { signal, timeoutMs: ANSWER_MS });
    await qmp.execute("quit", {}, { signal, timeoutMs: ANSWER_MS });
    return await inTime(abortable(qmp.closed, signal), QUIT_MS) ? "told" : "silent";
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable || error instanceof MonitorBusyError) return "silent";
    return isMissing(error) ? "nobody" : "told";
  }
}

/** What connects to a QEMU just as it ends finds other errors; those are for the next try. */
function isMissing(error: unknown): boolean {
  return error instanceof QmpConnectError && error.phase === "open" &&
    (error.cause instanceof Deno.errors.NotFound || error.cause instanceof Deno.errors.ConnectionRefused);
}

/** The owner's file goes last: should this process be killed as well, there is something to go on from. */
async function removeDir(dir: string): Promise<void> {
  const { owner } = runPaths(dir);
  await unlessGone(async () => {
    for await (const { name } of Deno.readDir(dir)) {
      const path = `${dir}/${name}`;
      if (path !== owner) await unlessGone(() => Deno.remove(path, { recursive: true }));
    }
  });
  await unlessGone(() => Deno.remove(dir, { recursive: true }));
}

async function unlessGone(removing: () => Promise<void>): Promise<void> {
  try {
    await removing();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
