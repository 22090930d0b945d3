import type { QmpClient } from "../qmp/mod.ts";
import { hasTripleFault, NO_ENTRY, type ResetEntry, takeResetEntry } from "./resets.ts";
import type { TripleFault } from "./verdict_types.ts";

/** The log grows by about 1.3 kB a reset; past this size QEMU is told to go on in a new one, and the old one is removed. */
const MAX_LOG_BYTES = 256 * 1024;
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

  /** Passes over all that is there: the resets of a machine that is being built. */
  async skip(): Promise<void> {
    await this.#read();
    this.#rest = "";
  }

  /**
   * Takes the entry of the next RESET event.
   *
   * @param qmp Used to begin a new log when this one has grown too large.
   * @returns The entry; one that knows nothing when there is none.
   */
  async takeReset(qmp: Pick<QmpClient, "execute">): Promise<ResetEntry> {
    await this.#read();
    const { entry, rest } = takeResetEntry(this.#rest);
    this.#rest = rest;
    if (this.#offset > this.#maxBytes) await this.#switch(qmp);
    return entry ?? NO_ENTRY;
  }

  /** Whether a triple fault was the last thing that happened; `unknown` when the log does not say. */
  async lookAtRest(): Promise<TripleFault> {
    await this.#read();
    return this.#state === "readable" ? hasTripleFault(this.#rest) : "unknown";
  }

  async #read(): Promise<void> {
    if (this.#state === "unreadable") return;
    try {
      const bytes = await Deno.readFile(this.#file);
      this.#rest += new TextDecoder().decode(bytes.subarray(this.#offset));
      this.#offset = bytes.length;
    } catch (error) {
      // QEMU makes the file when it has something to write.
      if (!(error instanceof Deno.errors.NotFound)) this.#state = "unreadable";
    }
  }

  async #switch(qmp: Pick<QmpClient, "execute">): Promise<void> {
    const file = this.#firstFile.replace(/(\.log)?$/, `.${this.#switches + 1}$1`);
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
    await this.#read();
    const old = this.#file;
    this.#file = file;
    this.#offset = 0;
    await Deno.remove(old).catch(() => {});
  }
}
