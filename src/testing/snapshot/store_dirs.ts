import { runRoot } from "../../vm/mod.ts";
import { digestOf } from "./digest.ts";
import { SnapshotError } from "./snapshot_error.ts";

/** Beside a store's memory files: the path of the store that they belong to. */
const OWNER_FILE = "store";
const RAM_DIR_PREFIX = "qeeper-templates-";

/**
 * Where templates are kept if nobody says where.
 *
 * @returns An absolute path; it may not be there yet.
 */
export async function defaultStoreDir(): Promise<string> {
  const cache = await readEnv("XDG_CACHE_HOME");
  if (cache?.startsWith("/")) return `${cache}/qeeper/templates`;
  const home = await readEnv("HOME");
  if (home?.startsWith("/")) return `${home}/.cache/qeeper/templates`;
  return `${await runRoot()}/templates`;
}

/**
 * Makes a directory that only this user can look into, for it will hold the memory of guests.
 *
 * @param dir The directory, an absolute path.
 * @throws {SnapshotError} When there is one that others can write to.
 */
export async function makePrivateDir(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  const info = await Deno.lstat(dir);
  const othersWrite = info.mode !== null && (info.mode & 0o022) !== 0;
  if (!info.isDirectory || othersWrite) {
    throw new SnapshotError(
      `Cannot keep templates in ${dir}: it is no directory, or others can write to it; remove it, or name another one`,
    );
  }
}

/**
 * The folder for the memory of a store's templates within a folder that is shared with others, such as `/dev/shm`.
 *
 * @param ramDir The shared folder.
 * @param storeDir The store.
 * @returns The folder's path.
 */
export async function ramFolder(ramDir: string, storeDir: string): Promise<string> {
  return `${ramDir.replace(/\/+$/, "")}/${RAM_DIR_PREFIX}${(await digestOf(storeDir)).slice(0, 12)}`;
}

/**
 * Makes that folder, and leaves in it whose it is.
 *
 * @param folder The folder's path.
 * @param storeDir The store.
 */
export async function makeRamFolder(folder: string, storeDir: string): Promise<void> {
  await makePrivateDir(folder);
  await Deno.writeTextFile(`${folder}/${OWNER_FILE}`, storeDir, { mode: 0o600 });
}

/**
 * Removes the memory of templates whose store is gone: nobody else would, and it is memory.
 *
 * @param ramDir The shared folder.
 */
export async function removeOrphanedRam(ramDir: string): Promise<void> {
  if (!await exists(ramDir)) return;
  for await (const { name, isDirectory } of Deno.readDir(ramDir)) {
    if (!isDirectory || !name.startsWith(RAM_DIR_PREFIX)) continue;
    try {
      const store = await Deno.readTextFile(`${ramDir}/${name}/${OWNER_FILE}`);
      if (store.startsWith("/") && !await exists(store)) {
        await Deno.remove(`${ramDir}/${name}`, { recursive: true });
      }
    } catch (error) {
      // It may be another user's, only being made, or being removed.
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.PermissionDenied)) {
        throw error;
      }
    }
  }
}

/**
 * Whether there is something at a path.
 *
 * @param path The path.
 * @returns True if there is.
 */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function readEnv(variable: string): Promise<string | undefined> {
  const { state } = await Deno.permissions.query({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}
