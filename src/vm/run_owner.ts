import type { Logger } from "../qmp/mod.ts";
import type { RunDir } from "./run_dir.ts";
import { sweep } from "./sweep.ts";
import { nextTurn } from "./waiting.ts";

/** The question whether a run root was swept: the VM of this process that has done it, or is at it, cancels this event. */
const SWEPT = "qeeper:run-root-swept";

/**
 * Shows that a run directory has a living owner, by a lock that goes with this process however that ends. It lasts until the directory is
 * removed. A directory that the caller named is the caller's: nothing happens to it.
 *
 * @param runDir The directory of a VM that ends with this process.
 * @param logger Told what could not be done.
 */
export function ownRunDir({ root, paths, gone, company }: RunDir, logger: Logger): void {
  // A script that is asked to end while it launches may have removed it already.
  if (root === null || gone.aborted) return;
  const lock = lockedFile(paths.owner, logger);
  if (lock !== null) company.use(lock);
}

/**
 * Looks in the background for directories beside this one whose owner is dead, unless a living VM of this process has done so. It ends with
 * the directory at the latest. Not before the VM is ready: a launch need not wait for what others have left.
 *
 * @param runDir The directory of a VM that ends with this process.
 * @param logger Told what was found.
 */
export function sweepBeside({ root, gone, company }: RunDir, logger: Logger): void {
  if (root === null || gone.aborted || isSwept(root)) return;
  const answer = (event: Event) => {
    if (event instanceof CustomEvent && event.detail === root) event.preventDefault();
  };
  globalThis.addEventListener(SWEPT, answer, { signal: gone });
  const ended = new AbortController();
  // The launch that this is a part of comes first.
  const sweeping = nextTurn().then(() => sweep(root, ended.signal, logger));
  company.defer(async () => {
    ended.abort();
    await sweeping;
  });
}

function isSwept(root: string): boolean {
  return !globalThis.dispatchEvent(new CustomEvent(SWEPT, { cancelable: true, detail: root }));
}

/** Locked before it gets its name: whoever finds it unlocked takes its owner for dead. */
function lockedFile(path: string, logger: Logger): Deno.FsFile | null {
  try {
    using stack = new DisposableStack();
    const file = stack.use(Deno.openSync(`${path}.new`, { write: true, createNew: true, mode: 0o600 }));
    if (!file.tryLockSync(true)) {
      throw new Error(`Cannot lock ${path}.new, which was just made: somebody else has`);
    }
    Deno.renameSync(`${path}.new`, path);
    stack.move();
    return file;
  } catch (error) {
    logger.warn("This run directory can't be locked, so it stays if this process is killed", { path, error });
    return null;
  }
}
