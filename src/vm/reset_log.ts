import type { QmpClient } from "../qmp/mod.ts";
import { hasTripleFault, NO_ENTRY, type ResetEntry, takeResetEntry } from "./resets.ts";
import type { TripleFault } from "./verdict.ts";

/** The log grows by about 1.3 kB a reset; past this size QEMU is told to stop writing it. */
const MAX_LOG_BYTES = 256 * 1024;
/** How long QEMU may take to obey, in milliseconds. */
const STOP_MS = 5_000;

/**
 * QEMU's log of CPU resets (`-d cpu_reset -D FILE`, under TCG): the only place where a triple fault differs from a
 * reset that the guest asked for. It has one entry for each RESET event, in the same order. A log that is full, or can't be
 * read, tells nothing: the answer is then `unknown`.
 */
export class ResetLog {
  readonly #file: string;
  #offset = 0;
  /** What was read of the log and not yet matched with an event. */
  #rest = "";
  #state: "open" | "full" | "unreadable" = "open";

  /** @param file The log. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Passes over all that is there: the resets of a machine that is being built. */
  async skip(): Promise<void> {
    await this.#read();
    this.#rest = "";
  }

  /**
   * Takes the entry of the next RESET event.
   *
   * @param qmp Used to stop the log when it has grown too large.
   * @returns The entry; one that knows nothing when there is none.
   */
  async takeReset(qmp: Pick<QmpClient, "execute">): Promise<ResetEntry> {
    await this.#read();
    const { entry, rest } = takeResetEntry(this.#rest);
    this.#rest = rest;
    if (this.#offset > MAX_LOG_BYTES && this.#state === "open") {
      // If QEMU can't be told now, it is told at the next reset.
      await qmp.execute("human-monitor-command", { "command-line": "log none" }, { timeoutMs: STOP_MS })
        .then(() => this.#state = "full", () => {});
    }
    return entry ?? NO_ENTRY;
  }

  /** Whether a triple fault was the last thing that happened; `unknown` when the log does not say. */
  async lookAtRest(): Promise<TripleFault> {
    await this.#read();
    return this.#state === "open" ? hasTripleFault(this.#rest) : "unknown";
  }

  async #read(): Promise<void> {
    if (this.#state !== "open") return;
    try {
      const bytes = await Deno.readFile(this.#file);
      this.#rest += new TextDecoder().decode(bytes.subarray(this.#offset));
      this.#offset = bytes.length;
    } catch (error) {
      // QEMU makes the file when it has something to write.
      if (!(error instanceof Deno.errors.NotFound)) this.#state = "unreadable";
    }
  }
}
