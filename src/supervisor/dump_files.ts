import { awaitDump, type DumpFormat, dumpMemory, type DumpMemoryOptions, type Vm } from "../vm/mod.ts";
import type { DumpOptions } from "./action.ts";

/** How many dumps of a guest are kept, unless its policy says otherwise. */
const KEPT = 3;

/** What a dump is called until it is whole. */
const PART = ".part";

/** How the files of each format end. */
function suffixOf(format: DumpFormat): string {
  if (format === "elf") return ".elf";
  return format === "win-dmp" ? ".dmp" : ".kdump";
}

/** Whose dumps, and where they are kept. */
export interface DumpPlace {
  /** The guest's name: its files begin with it, followed by the time. */
  name: string;
  /** The directory where the policy names none. One that is relative is so to this process's. */
  dir: string;
}

/** Who is told of a dump, and what ends the wait for it. */
export interface DumpWatch extends Pick<DumpMemoryOptions, "signal" | "stallMs"> {
  onProgress?: (progress: { file: string; completedBytes: number; totalBytes: number }) => void;
}

/**
 * Dumps the memory of a guest into a file of its own, and removes the oldest ones that are too many. Until it is whole the file is called
 * `.part`; one that fails is removed.
 *
 * @param vm The VM, its guest held.
 * @param place Whose, and where.
 * @param dump The policy's part.
 * @param watch Signal, patience, who is told of the progress.
 * @returns The file.
 * @throws {Error} When the directory can't be made, or the dump fails.
 */
export async function dumpToFile(
  vm: Pick<Vm, "name" | "qmp">,
  place: DumpPlace,
  dump: DumpOptions,
  watch: DumpWatch = {},
): Promise<string> {
  const dir = await makeDir(place, dump);
  await removePartialDumps(place, dump);
  const { format = "elf" } = dump;
  const time = new Date().toISOString().replaceAll(/[-:]/g, "");
  const file = `${dir}/${stemOf(place.name)}-${time}${suffixOf(format)}`;
  return await see(
    file,
    place,
    dump,
    watch,
    (options) => dumpMemory(vm, file + PART, { ...options, format }),
  );
}

/**
 * Sees to the end of a dump whose supervisor died: it is waited for, or found to be whole; where neither is so, it is begun again.
 *
 * @param vm The VM, its guest held.
 * @param place Whose, and where.
 * @param dump The policy's part.
 * @param watch Signal, patience, who is told of the progress.
 * @returns The file.
 * @throws {Error} When the dump fails.
 */
export async function followDumpToFile(
  vm: Pick<Vm, "name" | "qmp">,
  place: DumpPlace,
  dump: DumpOptions,
  watch: DumpWatch = {},
): Promise<string> {
  const dir = await makeDir(place, dump);
  const [part] = await dumpsIn(dir, place.name, PART);
  if (part !== undefined) {
    const { signal } = watch;
    const { status } = await vm.qmp.execute("query-dump", {}, {
      timeoutMs: 60_000,
      ...(signal && { signal }),
    });
    // Whether it is done or not: of the last dump of this QEMU, and there is a file that nobody has finished.
    if (status === "active" || status === "completed") {
      const file = `${dir}/${part.slice(0, -PART.length)}`;
      return await see(file, place, dump, watch, (options) => awaitDump(vm, options));
    }
  }
  return await dumpToFile(vm, place, dump, watch);
}

/**
 * Removes what is left of a dump whose QEMU is gone.
 *
 * @param place Whose, and where.
 * @param dump The policy's part.
 */
export async function removePartialDumps(place: DumpPlace, dump: DumpOptions): Promise<void> {
  const dir = dirOf(place, dump);
  for (const part of await dumpsIn(dir, place.name, PART)) await removeFile(`${dir}/${part}`);
}

/** Has the file written, under its name when it is whole. */
async function see(
  file: string,
  place: DumpPlace,
  dump: DumpOptions,
  { signal, stallMs, onProgress }: DumpWatch,
  write: (options: DumpMemoryOptions) => Promise<unknown>,
): Promise<string> {
  try {
    await write({
      ...(signal && { signal }),
      ...(stallMs !== undefined && { stallMs }),
      ...(onProgress && { onProgress: (progress) => onProgress({ file, ...progress }) }),
    });
    await Deno.rename(file + PART, file);
  } catch (error) {
    await removeFile(file + PART);
    throw error;
  }
  const dir = dirOf(place, dump);
  const all = await dumpsIn(dir, place.name, "");
  for (const old of all.slice(dump.keep ?? KEPT)) await removeFile(`${dir}/${old}`);
  return file;
}

/** Its dumps whose names end so, newest first. Another guest's name may begin with this one's. */
async function dumpsIn(dir: string, name: string, end: string): Promise<string[]> {
  const start = `${stemOf(name)}-`;
  const names: string[] = [];
  try {
    for await (const { name: file } of Deno.readDir(dir)) {
      if (!file.startsWith(start) || !file.endsWith(end)) continue;
      const rest = file.slice(start.length, file.length - end.length);
      if (/^\d{8}T\d{6}\.\d{3}Z\.(elf|kdump|dmp)$/.test(rest)) names.push(file);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort().reverse();
}

/** Any name becomes that of a file, and no two the same. */
function stemOf(name: string): string {
  return encodeURIComponent(name).replace(/^\./, "%2E");
}

/** QEMU has a working directory of its own. */
function dirOf(place: DumpPlace, dump: DumpOptions): string {
  const dir = dump.dir ?? place.dir;
  return dir.startsWith("/") ? dir : `${Deno.cwd()}/${dir}`;
}

async function makeDir(place: DumpPlace, dump: DumpOptions): Promise<string> {
  const dir = dirOf(place, dump);
  // What a guest has in its memory is for nobody else.
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  return dir;
}

async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
