import { delay } from "@std/async/delay";
import { runPaths } from "../machine/mod.ts";
import type { AnyQmpEvent } from "../qmp/mod.ts";
import { isSameEvent } from "./evidence.ts";
import { eventsAfter, parseRecording } from "./recording.ts";

/** How much of the disk a recording may take before what was handled is removed from it. */
const MAX_BYTES = 256 * 1024;
/** Where nothing but truncating is left to make room, it is put off until the file has this many times as much. */
const TRUNCATE_FACTOR = 16;
/** How much is read at a time from the end of the file. */
const BLOCK_BYTES = 64 * 1024;
/** Between two looks at the recorder of a QEMU that is only just starting, in milliseconds. */
const LOOK_MS = 2;
/** So many times without waiting in between. */
const LOOKS_AT_ONCE = 20;

/** What QEMU reads from the recorder, once. */
const NEGOTIATION = '{"execute":"qmp_capabilities"}';

/** How a recorder is kept small. */
export interface RecorderOptions {
  /** How much of the disk the recording may take, in bytes. Default 256 KiB. */
  maxBytes?: number;
  /** Gives the first so many bytes of a file back to the disk, and answers whether it could. Default: by util-linux's `fallocate`. */
  punch?: (file: string, bytes: number) => Promise<boolean>;
}

/**
 * The flight recorder of one run: QEMU writes every event to a file in the run directory, whether anybody is connected or not.
 *
 * QEMU never begins anew in that file, so a place in it stays what it is. Room is made by punching a hole: the head of the file is given back to the
 * disk while QEMU goes on writing at its end. Unlike truncating this can't take with it an event that QEMU writes at that very moment. Where
 * there is no `fallocate`, or it may not be run, the file is truncated after all, but sixteen times as late; what an event lost by that takes is counted
 * in `lostBytes`, and only who is not connected at that moment misses it.
 */
export class Recorder {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #punch: (file: string, bytes: number) => Promise<boolean>;
  /** Up to where the file was read, or handled; null before the first time. */
  #position: number | null = null;
  #lostBytes = 0;
  /** What is being done: one thing after another, since each goes on where the last one ended. */
  #work: Promise<unknown> = Promise.resolve();

  /**
   * @param runDir The run directory, an absolute path.
   * @param options Its size.
   */
  constructor(runDir: string, options: RecorderOptions = {}) {
    this.#file = recordingOf(runDir);
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#punch = options.punch ?? punch;
  }

  /** How many bytes QEMU wrote that were truncated before they were read. */
  get lostBytes(): number {
    return this.#lostBytes;
  }

  /**
   * Reads on.
   *
   * @returns The events since the last call, in order; at the first, all that are there. None when there is no recording.
   */
  read(): Promise<readonly AnyQmpEvent[]> {
    return this.#next(() => this.#read());
  }

  /**
   * Makes room, once the recording has grown: what was handled goes, and `read` does not give it again.
   *
   * @param handled The last event that was taken care of; what came up to it goes.
   * @returns `compacted`; `small` when there is no need; `kept` when it can't be done yet.
   */
  compact(handled: AnyQmpEvent): Promise<"small" | "compacted" | "kept"> {
    return this.#next(() => this.#compact(handled));
  }

  #next<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#work.then(task);
    this.#work = done.catch(() => {});
    return done;
  }

  async #read(): Promise<readonly AnyQmpEvent[]> {
    const data = await readData(this.#file, this.#position ?? 0);
    if (data === null) return [];
    if (this.#position !== null) this.#lostBytes += data.start - this.#position;
    const { events, used } = parseRecording(data.bytes);
    this.#position = data.start + used;
    return events.map(({ event }) => event);
  }

  async #compact(handled: AnyQmpEvent): Promise<"small" | "compacted" | "kept"> {
    const usedBytes = await diskUse(this.#file);
    if (usedBytes <= this.#maxBytes) return "small";
    const data = await readData(this.#file, 0);
    if (data === null) return "small";
    const last = parseRecording(data.bytes).events.findLast(({ event }) => isSameEvent(event, handled));
    if (last === undefined) return "kept";
    const upTo = data.start + last.end;
    if (!await this.#punch(this.#file, upTo)) {
      const all = data.start + data.bytes.length;
      if (upTo < all || usedBytes < TRUNCATE_FACTOR * this.#maxBytes) return "kept";
      if (!await truncate(this.#file, all)) return "kept";
    }
    this.#position = Math.max(this.#position ?? 0, upTo);
    return "compacted";
  }
}

/**
 * Reads the recording of a run that has ended, or for the first time.
 *
 * @param runDir The run directory, an absolute path.
 * @param last The last event that was seen. Default: none was.
 * @returns The events after that one, in order. None when there is no recording.
 */
export async function readRecording(
  runDir: string,
  last: AnyQmpEvent | null = null,
): Promise<readonly AnyQmpEvent[]> {
  return eventsAfter(await new Recorder(runDir).read(), last);
}

/**
 * Makes the recorder's two files, as QEMU wants them: one holds its only command, the other is empty. QEMU writes from the beginning, so they are
 * made anew for each process.
 *
 * @param runDir The run directory, an absolute path.
 */
export async function prepareRecorder(runDir: string): Promise<void> {
  const { recorder } = runPaths(runDir);
  await Deno.writeTextFile(`${recorder}.in`, NEGOTIATION, { mode: 0o600 });
  await Deno.writeTextFile(`${recorder}.out`, "", { mode: 0o600 });
}

/**
 * Waits until a QEMU that was just started records: what happens before that is not in the recording.
 *
 * @param runDir The run directory, an absolute path.
 * @param signal Gives up.
 */
export async function untilRecording(runDir: string, signal: AbortSignal): Promise<void> {
  // Greeting and reply are written with one call each, and nothing else can come before the reply.
  for (let look = 1; !(await Deno.readTextFile(recordingOf(runDir))).includes('"return"'); look++) {
    signal.throwIfAborted();
    // It mostly takes less than a timer does.
    if (look > LOOKS_AT_ONCE) await delay(LOOK_MS, { signal });
  }
}

function recordingOf(runDir: string): string {
  return `${runPaths(runDir).recorder}.out`;
}

/**
 * Reads what is after the last NUL: a recording has them only at its head, where room was made. From the end, since the head can be long.
 *
 * @returns Null where there is no file.
 */
async function readData(file: string, from: number): Promise<{ bytes: Uint8Array; start: number } | null> {
  try {
    using opened = await Deno.open(file, { read: true });
    const { size } = await opened.stat();
    const blocks: Uint8Array[] = [];
    let start = Math.max(size, from);
    while (start > from) {
      const before = Math.max(from, start - BLOCK_BYTES);
      const block = await readAt(opened, before, start - before);
      const hole = block.lastIndexOf(0) + 1;
      blocks.unshift(block.subarray(hole));
      start = before + hole;
      if (hole > 0) break;
    }
    return { bytes: concat(blocks), start };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function readAt(file: Deno.FsFile, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await file.seek(position, Deno.SeekMode.Start);
  let read = 0;
  while (read < length) {
    const count = await file.read(bytes.subarray(read));
    // It was truncated meanwhile: what is not there any more are NULs.
    if (count === null) break;
    read += count;
  }
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A hole takes no room, so the size would tell nothing. */
async function diskUse(file: string): Promise<number> {
  try {
    const { size, blocks } = await Deno.stat(file);
    return blocks === null ? size : blocks * 512;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** Not every file system can do it, and not every host has the tool, which is then no error. */
async function punch(file: string, bytes: number): Promise<boolean> {
  const { state } = await Deno.permissions.query({ name: "run", command: "fallocate" });
  if (state !== "granted") return false;
  try {
    const { success } = await new Deno.Command("fallocate", {
      args: ["--punch-hole", "--offset", "0", "--length", `${bytes}`, file],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Not if QEMU has written since: that would be lost. */
async function truncate(file: string, size: number): Promise<boolean> {
  using opened = await Deno.open(file, { write: true });
  if ((await opened.stat()).size !== size) return false;
  await opened.truncate(0);
  return true;
}
