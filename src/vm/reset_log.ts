import type { QmpClient } from "../qmp/mod.ts";
import type { TripleFault } from "./verdict.ts";

/** The log grows by about 1.3 kB a reset; past this size QEMU is told to stop writing it. */
const MAX_LOG_BYTES = 256 * 1024;
/** Begins the entry of each reset of the whole machine. (Other CPUs are also reset one by one, when the guest starts them.) */
const MACHINE_RESET = "CPU Reset (CPU 0)";
/** Comes before the reset that it causes, or at the end where QEMU shuts down instead. */
const TRIPLE_FAULT = "Triple fault";

/**
 * QEMU's log of CPU resets (`-d cpu_reset -D FILE`, under TCG): the only place where a triple fault differs from a
 * reset that the guest asked for. It has one entry for each RESET event, in the same order.
 */
export class ResetLog {
  readonly #file: string;
  #offset = 0;
  /** What was read of the log and not yet matched with an event. */
  #rest = "";
  #state: "open" | "stopped" = "open";

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
   * @returns Whether a triple fault caused it; `unknown` when there is no entry.
   */
  async takeReset(qmp: QmpClient): Promise<TripleFault> {
    await this.#read();
    const at = this.#rest.indexOf(MACHINE_RESET);
    if (at < 0) return "unknown";
    const cause = this.#rest.slice(0, at).includes(TRIPLE_FAULT);
    this.#rest = this.#rest.slice(at + MACHINE_RESET.length);
    if (this.#offset > MAX_LOG_BYTES && this.#state === "open") {
      this.#state = "stopped";
      await qmp.execute("human-monitor-command", { "command-line": "log none" });
    }
    return cause;
  }

  /** Whether a triple fault was the last thing that happened; `unknown` when the log does not say. */
  async lookAtRest(): Promise<TripleFault> {
    await this.#read();
    return this.#state === "stopped" ? "unknown" : this.#rest.includes(TRIPLE_FAULT);
  }

  async #read(): Promise<void> {
    try {
      const bytes = await Deno.readFile(this.#file);
      this.#rest += new TextDecoder().decode(bytes.subarray(this.#offset));
      this.#offset = bytes.length;
    } catch (error) {
      // QEMU makes the file when it has something to write.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
