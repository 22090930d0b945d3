import { exists } from "../../vm/run_dir.ts";
import { digestOf } from "./digest.ts";
import { SnapshotError } from "./snapshot_error.ts";
import { writeWhole } from "./write_whole.ts";

/** Beside a store's memory files: the path of the store that they belong to. */
const OWNER_FILE = "store";
const RAM_DIR_PREFIX = "qeeper-templates-";

/**
 * Makes the directory of a store, for this user only. One that is there already is the user's own choice, unless everybody can write to it: it
 * will hold the memory of guests.
 *
 * @param dir The directory, an absolute path.
 * @throws {SnapshotError} When there is one that everybody can write to.
 */
export async function makeStoreDir(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  const { mode } = await Deno.stat(dir);
  if (mode === null || (mode & 0o002) === 0) return;
  throw new SnapshotError(
    `Cannot keep templates in ${dir}: everybody can write to it; make a folder in it and name that one`,
  );
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
 * Makes that folder, and leaves in it whose it is. Where it is made everybody may make folders, so somebody else may have been first.
 *
 * @param folder The folder's path.
 * @param storeDir The store.
 * @throws {SnapshotError} When the folder is somebody else's.
 */
export async function makeRamFolder(folder: string, storeDir: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const owner = `${folder}/${OWNER_FILE}`;
  const info = await Deno.lstat(folder);
  const othersWrite = info.mode !== null && (info.mode & 0o022) !== 0;
  if (info.isDirectory && !othersWrite) {
    await writeWhole(owner, storeDir);
    if ((await Deno.lstat(owner)).uid === info.uid) return;
  }
  throw new SnapshotError(
    `Cannot keep the memory of templates in ${folder}: it is another user's, or others can write to it; remove it, or name a ramDir`,
  );
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
