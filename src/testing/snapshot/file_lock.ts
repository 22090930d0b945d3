/**
 * Takes a `flock` on a file, unless somebody has one that is in its way. The kernel gives it back when its holder is gone, however it ended.
 *
 * @param path The lock file.
 * @param kind `exclusive`, or `shared` with others that are shared.
 * @param whenMissing Whether a file that is missing is made.
 * @returns The lock, which is the open file: dispose of it; null where somebody is in the way, or there is no such file.
 */
export async function tryLockFile(
  path: string,
  kind: "exclusive" | "shared",
  whenMissing: "create" | "give-up",
): Promise<Deno.FsFile | null> {
  for (;;) {
    const file = await open(path, whenMissing);
    if (file === null) return null;
    try {
      if (!await file.tryLock(kind === "exclusive")) {
        file.close();
        return null;
      }
      // Who had the lock before may have removed the file: then it locks nothing.
      if (await isAt(path, file)) return file;
      file.close();
    } catch (error) {
      file.close();
      throw error;
    }
  }
}

async function open(path: string, whenMissing: "create" | "give-up"): Promise<Deno.FsFile | null> {
  try {
    return await Deno.open(path, {
      read: true,
      write: true,
      create: whenMissing === "create",
      mode: 0o600,
    });
  } catch (error) {
    if (whenMissing === "give-up" && error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function isAt(path: string, file: Deno.FsFile): Promise<boolean> {
  const mine = await file.stat();
  try {
    const there = await Deno.stat(path);
    return there.ino === mine.ino && there.dev === mine.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
