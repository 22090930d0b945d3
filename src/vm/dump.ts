import type { QmpClient, QmpCommands, QmpEvent } from "../qmp/mod.ts";
import { inTime } from "./waiting.ts";

/**
 * The formats of a dump of a guest's memory, as QEMU names them; which of them a QEMU can write depends on how it was built.
 *
 * @example
 * ```ts
 * import { DUMP_FORMATS } from "@qeeper/qeeper";
 * import { assert } from "@std/assert";
 *
 * assert(DUMP_FORMATS.includes("elf"));
 * ```
 */
export const DUMP_FORMATS = [
  "elf",
  "kdump-zlib",
  "kdump-lzo",
  "kdump-snappy",
  "kdump-raw-zlib",
  "kdump-raw-lzo",
  "kdump-raw-snappy",
  "win-dmp",
] as const;

/**
 * One of them.
 *
 * @example
 * ```ts
 * import { DUMP_FORMATS, type DumpFormat } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const compressed: DumpFormat[] = DUMP_FORMATS.filter((format) => format.startsWith("kdump-raw-"));
 * assertEquals(compressed, ["kdump-raw-zlib", "kdump-raw-lzo", "kdump-raw-snappy"]);
 * ```
 */
export type DumpFormat = typeof DUMP_FORMATS[number];

/** How often a dump that is under way is asked after, in milliseconds. */
const LOOK_EVERY_MS = 500;
/** How long a dump may make no progress, in milliseconds: a slow disk is no reason to give it up, one that is gone is. */
const STALL_MS = 60_000;
/** How long a guest that ran is given to go on: QEMU says first that it has dumped it. */
const GO_ON_MS = 5_000;

/**
 * How far a dump is.
 *
 * @example
 * ```ts
 * import type { DumpProgress } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const percent = ({ completedBytes, totalBytes }: DumpProgress) => Math.round(100 * completedBytes / totalBytes);
 * assertEquals(percent({ completedBytes: 300, totalBytes: 400 }), 75);
 * ```
 */
export interface DumpProgress {
  /** Of the guest's memory, how much is written. */
  completedBytes: number;
  /** How much there is. The file may come out smaller, or a little larger. */
  totalBytes: number;
}

/**
 * What a dump takes beside the file.
 *
 * @example
 * ```ts
 * import { dumpMemory, type DumpMemoryOptions, launch } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const options: DumpMemoryOptions = { signal: AbortSignal.abort(new Error("No time for that")) };
 * await assertRejects(() => dumpMemory(vm, "/dev/null", options), Error, "No time for that");
 * ```
 */
export interface DumpMemoryOptions {
  /**
   * Default `elf`, which gdb reads, as large as the guest's memory. `kdump-zlib` leaves out what is zero (1 GiB of it in 33 ms instead of
   * 3.5 s); `crash` reads it, and `makedumpfile -R` puts it in order for others.
   */
  format?: DumpFormat;
  /** Stops waiting; QEMU can't be stopped from writing on. Rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Gives up when nothing more is written for so many milliseconds. Default 60000. */
  stallMs?: number;
  /** Told now and then how far it is. */
  onProgress?: (progress: DumpProgress) => void;
}

/** The VM that is dumped. */
type Dumped = { readonly name: string; readonly qmp: QmpClient };

/**
 * Has QEMU write the guest's memory to a file, in the background (`dump-guest-memory`). A guest that runs stands still meanwhile. QEMU
 * makes the file, for its own user to read only.
 *
 * @param vm The VM.
 * @param file Where to; relative to QEMU's working directory, which is its run directory.
 * @param options Format, signal, patience, who is told of the progress.
 * @returns How much was written.
 * @throws {Error} When QEMU refuses, fails (a full disk), or writes nothing more; what it has written by then stays.
 *
 * @example
 * ```ts
 * import { dumpMemory, launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", memoryMiB: 16 });
 * const file = await Deno.makeTempFile();
 * const { totalBytes, completedBytes } = await dumpMemory(vm, file);
 * assertEquals([completedBytes, totalBytes >= 16 * 1024 * 1024], [totalBytes, true]);
 * await Deno.remove(file);
 * ```
 */
export async function dumpMemory(
  vm: Dumped,
  file: string,
  options: DumpMemoryOptions = {},
): Promise<DumpProgress> {
  const { format = "elf", signal } = options;
  signal?.throwIfAborted();
  // Before the command: it may be done before the command has returned.
  using events = vm.qmp.events("STOP", "RESUME", "DUMP_COMPLETED");
  try {
    await vm.qmp.execute(
      "dump-guest-memory",
      // Always named: some builds have no default that they can write.
      { paging: false, protocol: `file:${file}`, detach: true, format },
      { timeoutMs: options.stallMs ?? STALL_MS, ...(signal ? { signal } : {}) },
    );
    return await untilDumped(vm.qmp, events, options);
  } catch (error) {
    throw failure(vm, `to ${file}`, error, signal);
  }
}

/**
 * Waits for the dump that is under way, whoever began it.
 *
 * @param vm The VM.
 * @param options Signal, patience, who is told of the progress.
 * @returns How much was written.
 * @throws {Error} When there is none, it fails, or writes nothing more.
 *
 * @example
 * ```ts
 * import { awaitDump, launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ accel: "tcg", memoryMiB: 16 });
 * const file = await Deno.makeTempFile();
 * await vm.hmp(`dump-guest-memory -d ${file}`); // a person, for example
 * const { completedBytes, totalBytes } = await awaitDump(vm);
 * assertEquals(completedBytes, totalBytes);
 * await Deno.remove(file);
 * ```
 */
export async function awaitDump(
  vm: Dumped,
  options: Omit<DumpMemoryOptions, "format"> = {},
): Promise<DumpProgress> {
  options.signal?.throwIfAborted();
  using events = vm.qmp.events("STOP", "RESUME", "DUMP_COMPLETED");
  try {
    return await untilDumped(vm.qmp, events, options);
  } catch (error) {
    throw failure(vm, "that is under way", error, options.signal);
  }
}

type DumpEvents = AsyncIterator<QmpEvent<"STOP" | "RESUME" | "DUMP_COMPLETED">>;

/** Its end comes as an event; how far it is, and an end that came before we listened, has to be asked for. */
async function untilDumped(
  qmp: QmpClient,
  events: DumpEvents,
  options: Omit<DumpMemoryOptions, "format">,
): Promise<DumpProgress> {
  const over = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, over.signal]) : over.signal;
  const ended = endOf(events, () => over.abort());
  const looking = lookAtDump(qmp, { ...options, signal });
  try {
    // Once QEMU has said that it is over, nobody looks any more.
    return await Promise.race([
      ended,
      looking.catch((error) => over.signal.aborted ? ended : Promise.reject(error)),
    ]);
  } finally {
    over.abort();
    await looking.catch(() => {});
  }
}

/** A guest that was seen to be stopped for it goes on before this is over. */
async function endOf(events: DumpEvents, said: () => void): Promise<DumpProgress> {
  let guest: "as it was" | "stopped" = "as it was";
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error("the connection to QEMU ended");
    if (value.event === "DUMP_COMPLETED") {
      said();
      const { result, error } = value.data;
      if (guest === "stopped") await inTime(events.next(), GO_ON_MS);
      return checked(result, error ?? null);
    }
    guest = value.event === "STOP" ? "stopped" : "as it was";
  }
}

async function lookAtDump(
  qmp: QmpClient,
  { signal, stallMs = STALL_MS, onProgress }: DumpMemoryOptions & { signal: AbortSignal },
): Promise<DumpProgress> {
  // Loaded here: a script that dumps nothing need not wait for it.
  const { delay } = await import("@std/async/delay");
  let last: DumpProgress | null = null;
  let movedMs = performance.now();
  while (true) {
    await delay(LOOK_EVERY_MS, { signal });
    const found = await qmp.execute("query-dump", {}, { signal, timeoutMs: stallMs });
    if (found.status !== "active") {
      // The event says why it failed, if it comes.
      await delay(LOOK_EVERY_MS, { signal });
      return checked(found, null);
    }
    const progress = progressOf(found);
    if (last === null || progress.completedBytes > last.completedBytes) {
      movedMs = performance.now();
      onProgress?.(progress);
    } else if (performance.now() - movedMs > stallMs) {
      throw new Error(`nothing more was written for ${stallMs} ms, at ${progress.completedBytes} bytes`);
    }
    last = progress;
  }
}

type Found = QmpCommands["query-dump"]["returns"];

function checked(found: Found, error: string | null): DumpProgress {
  if (found.status === "completed") return progressOf(found);
  throw new Error(error ?? `QEMU says no more than that it is ${found.status}`);
}

function progressOf({ completed, total }: Found): DumpProgress {
  return { completedBytes: Number(completed), totalBytes: Number(total) };
}

/** An abort stays the reason that was given. */
function failure(vm: Dumped, which: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  const found = error instanceof Error ? error.message : String(error);
  return new Error(`Cannot dump the memory of VM "${vm.name}" ${which}: ${found}`, { cause: error });
}
