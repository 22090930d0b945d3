import { type CrashHook, noCrash } from "./crash_points.ts";
import { StateError } from "./errors.ts";
import { reasonOf } from "./reasons.ts";

/** What the temporary file of a write is called: the file's own name and this. */
export const TEMPORARY = ".tmp";

/**
 * Replaces a file so that, whatever happens meanwhile, either the old text or the new one is there, and on the disk when this resolves. A file
 * is written by one writer at a time.
 *
 * @param path The file; it is made with mode 0600.
 * @param text What it is to hold.
 * @param crash For tests.
 * @throws {StateError} When it can't be written. The old text is still there, unless the folder alone could not be synchronised.
 */
export async function writeAtomic(path: string, text: string, crash: CrashHook = noCrash): Promise<void> {
  const temporary = `${path}${TEMPORARY}`;
  try {
    crash("record:before-write");
    await writeWhole(temporary, text, crash);
    crash("record:before-rename");
    await Deno.rename(temporary, path);
    crash("record:after-rename");
    await syncFolder(folderOf(path));
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw new StateError(`Cannot write ${path}: ${reasonOf(error)}`, path, { cause: error });
  }
}

/**
 * Has a folder's list of names on the disk: without that a rename may be undone by a power failure.
 *
 * @param path The folder.
 */
export async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path, { read: true });
  await folder.sync();
}

async function writeWhole(path: string, text: string, crash: CrashHook): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  await writeAll(file, new TextEncoder().encode(text));
  crash("record:before-fsync");
  await file.sync();
}

/**
 * Writes all of the bytes, as one write may take only some of them.
 *
 * @param file Where to.
 * @param bytes What.
 */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash) || "/";
}
