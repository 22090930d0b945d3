import type { QemuProcess } from "./qemu_process.ts";
import type { RunDir } from "./run_dir.ts";
import { SignalGuard } from "./signal_guard.ts";
import { endNow, type Tie } from "./start_qemu.ts";

/** How a VM ends with the script that launched it. */
export interface ScriptTiesOptions {
  lifetime: "owned" | "detached";
  /** On SIGINT, SIGTERM and SIGHUP. */
  signals: "stop" | "ignore";
  /** What ends QEMU should the script be killed. */
  tie: Tie;
}

/**
 * Ends a VM with its script, as far as a script can see to that itself: at signals that ask it to end, at `Deno.exit()`, and, where
 * nothing else would, at an error that nobody catches. Its run directory goes with it. Disposing takes all of it back, but for a run
 * directory that is still there: that goes with the script.
 */
export class ScriptTies implements Disposable {
  readonly #runDir: RunDir;
  readonly #stack = new DisposableStack();
  /** The QEMU to be ended; null before it is spawned. */
  process: QemuProcess | null = null;

  /**
   * @param runDir The VM's run directory.
   * @param options Which of these ends count.
   */
  constructor(runDir: RunDir, { lifetime, signals, tie }: ScriptTiesOptions) {
    this.#runDir = runDir;
    if (lifetime === "owned") {
      globalThis.addEventListener("unload", () => this.#endAtOnce(), { signal: runDir.gone });
      if (tie === "none") this.#atUncaughtErrors();
    }
    if (signals === "stop") this.#stack.use(new SignalGuard(() => this.#end(), () => this.#endAtOnce()));
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  /** A script that ends by an error does not unload. */
  #atUncaughtErrors(): void {
    const handler = (event: Event) => {
      // One that another handler has prevented from ending the script is no end.
      if (!event.defaultPrevented) this.#endAtOnce();
    };
    for (const name of ["error", "unhandledrejection"]) {
      globalThis.addEventListener(name, handler);
      this.#stack.defer(() => globalThis.removeEventListener(name, handler));
    }
  }

  async #end(): Promise<void> {
    if (this.process) await endNow(this.process);
    await this.#runDir[Symbol.asyncDispose]();
  }

  #endAtOnce(): void {
    this.process?.signal("SIGKILL");
    this.#runDir.removeSync();
  }
}
