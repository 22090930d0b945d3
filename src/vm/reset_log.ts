import type { QmpClient } from "../qmp/mod.ts";
import type { TripleFault } from "./verdict.ts";

/** The log grows by about 1.3 kB a reset; past this size QEMU is told to stop writing it. */
const MAX_LOG_BYTES = 256 * 1024;

/**
 * QEMU's log of CPU resets (`-d cpu_reset -D FILE`, under TCG): the only place where a triple fault differs from a
 * reset that the guest asked for.
 */
export class ResetLog {
  readonly #file: string;
  #read = 0;
  #full = false;

  /** @param file The log. */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Looks at what was logged since the last look.
   *
   * @param qmp Used to stop the log when it has grown too large; null when QEMU is gone.
   * @returns Whether a triple fault was among it; `unknown` when the log can't be read or was stopped.
   */
  async look(qmp: QmpClient | null): Promise<TripleFault> {
    if (this.#full) return "unknown";
    let text: string;
    try {
      const bytes = (await Deno.readFile(this.#file)).subarray(this.#read);
      this.#read += bytes.length;
      text = new TextDecoder().decode(bytes);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "unknown";
      throw error;
    }
    if (this.#read > MAX_LOG_BYTES && qmp) {
      this.#full = true;
      await qmp.execute("human-monitor-command", { "command-line": "log none" });
    }
    return text.includes("Triple fault");
  }
}
