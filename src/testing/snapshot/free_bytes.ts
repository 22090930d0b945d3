import type { Place } from "./room.ts";

/**
 * How much fits into folders.
 *
 * @param dirs The folders; those that are missing are left out.
 * @returns The room in each. Where a folder is memory, that is no more than the memory that is free.
 */
export async function freePlaces(dirs: readonly string[]): Promise<Place[]> {
  // Only who makes a template needs it, and it takes 40 ms to load.
  const { statfs } = await import("node:fs/promises");
  const places: Place[] = [];
  for (const dir of dirs) {
    try {
      const { type, bavail, bsize } = await statfs(dir);
      const free = bavail * bsize;
      places.push({ dir, freeBytes: type === TMPFS ? Math.min(free, await availableMemory()) : free });
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOENT") throw error;
    }
  }
  return places;
}

/** The file system whose files are memory, as the kernel numbers them. */
const TMPFS = 0x01021994;

/** Nobody is to be asked for a permission just for this. */
async function availableMemory(): Promise<number> {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Deno.systemMemoryInfo().available : Infinity;
}
