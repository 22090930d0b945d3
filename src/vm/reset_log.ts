import type { QmpClient } from "../qmp/mod.ts";
import {
  hasTripleFault,
  hasWholeEntry,
  lastResetEntries,
  NO_ENTRY,
  type ResetEntry,
  takeResetEntry,
} from "./resets.ts";
import type { TripleFault } from "./verdict_types.ts";

/** The log grows by about 1.3 kB a reset; past this size QEMU is told to go on in a new one, and the old one is removed. */
const MAX_LOG_BYTES = 256 * 1024;
/** How much of it is read at once. */
const PIECE_BYTES = 64 * 1024;
/** How long QEMU may take to obey, in milliseconds. */
const SWITCH_MS = 5_000;

/**
 * QEMU's log of CPU resets (`-d cpu_reset -D FILE`, under TCG): the only place where a triple fault differs from a
 * reset that the guest asked for. It has one entry for each RESET event, in the same order. A log that can't be read tells
 * nothing: the answer is then `unknown`.
 */
export class ResetLog {
  readonly #maxBytes: number;
  readonly #firstFile: string;
  #file: string;
  #switches = 0;
  #offset = 0;
  /** What was read of the log and not yet matched with an event. */
  #rest = "";
  #state: "readable" | "unreadable" = "readable";

  /**
   * @param file The log.
   * @param maxBytes Its size from which on a new one is begun. Default 256 KiB.
   */
  constructor(file: string, maxBytes: number = MAX_LOG_BYTES) {
    this.#firstFile = file;
    this.#file = file;
    this.#maxBytes = maxBytes;
  }

  /**
   * Goes on with the log of a QEMU that an earlier process began to read.
   *
   * @param file The log with which QEMU was started.
   * @param resets How many RESET events are still to come of those that are in the log.
   * @returns The log; and whether a triple fault was the last thing that happened.
   */
  static async reopen(file: string, resets: number): Promise<{ log: ResetLog; tripleFault: TripleFault }> {
    const log = new ResetLog(file);
    log.#switches = await lastSwitch(file);
    if (log.#switches > 0) log.#file = switched(file, log.#switches);
    log.#read();
    const end = lastResetEntries(log.#rest, 0);
    // A machine that was built has been reset once: an empty log is none.
    const tripleFault = log.#state === "readable" && log.#rest !== "" ? hasTripleFault(end) : "unknown";
    log.#rest = lastResetEntries(log.#rest, resets);
    return { log, tripleFault };
  }

  /** Passes over all that is there: the resets of a machine that is being built. */
  skip(): void {
    this.#try(() => this.#offset = Deno.statSync(this.#file).size);
    this.#rest = "";
  }

  /**
   * Takes the entry of the next RESET event.
   *
   * @param qmp Used to begin a new log when this one has grown too large.
   * @returns The entry; one that knows nothing when there is none.
   */
  async takeReset(qmp: Pick<QmpClient, "execute">): Promise<ResetEntry> {
    // Entries that are there already are taken first: a guest may reset thousands of times a second.
    if (!hasWholeEntry(this.#rest)) this.#read();
    const { entry, rest } = takeResetEntry(this.#rest);
    this.#rest = rest;
    if (this.#offset > this.#maxBytes) await this.#switch(qmp);
    return entry ?? NO_ENTRY;
  }

  /** Whether a triple fault was the last thing that happened; `unknown` when the log does not say. */
  lookAtRest(): TripleFault {
    this.#read();
    return this.#state === "readable" ? hasTripleFault(this.#rest) : "unknown";
  }

  /** Without waiting: there is little to read on a local disk, so this is over before a thread would have it. */
  #read(): void {
    this.#try(() => {
      using file = Deno.openSync(this.#file, { read: true });
      const buffer = new Uint8Array(PIECE_BYTES);
      file.seekSync(this.#offset, Deno.SeekMode.Start);
      for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
        this.#rest += new TextDecoder().decode(buffer.subarray(0, count));
        this.#offset += count;
      }
    });
  }

  #try(act: () => void): void {
    if (this.#state === "unreadable") return;
    try {
      act();
    } catch (error) {
      // QEMU makes the file when it has something to write.
      if (!(error instanceof Deno.errors.NotFound)) this.#state = "unreadable";
    }
  }

  async #switch(qmp: Pick<QmpClient, "execute">): Promise<void> {
    const file = switched(this.#firstFile, this.#switches + 1);
    const command = `logfile "${file.replaceAll(/["\\]/g, "\\$&")}"`;
    try {
      const options = { timeoutMs: SWITCH_MS };
      const answer = await qmp.execute("human-monitor-command", { "command-line": command }, options);
      // It only speaks where it could not open the file.
      if (answer !== "") return;
    } catch {
      // QEMU is busy, or its monitor gone: it is told at the next reset.
      return;
    }
    this.#switches++;
    // What came since the last look is in the old one.
    this.#read();
    const old = this.#file;
    this.#file = file;
    this.#offset = 0;
    await Deno.remove(old).catch(() => {});
  }
}

/** The name of the log after so many switches. */
function switched(firstFile: string, switches: number): string {
  return firstFile.replace(/(\.log)?$/, `.${switches}$1`);
}

/** How often QEMU was told to go on in a new log: the newest one is the one that it writes. */
async function lastSwitch(firstFile: string): Promise<number> {
  const at = firstFile.lastIndexOf("/");
  let last = 0;
  for await (const { name } of Deno.readDir(firstFile.slice(0, at))) {
    const number = Number(/\.(\d+)(?:\.log)?$/.exec(name)?.[1]);
    if (number > last && `${firstFile.slice(0, at)}/${name}` === switched(firstFile, number)) last = number;
  }
  return last;
}
