const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The exit code of a process that a signal ended, as shells count. */
const SIGNAL_NUMBERS: Readonly<Record<(typeof SIGNALS)[number], number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGTERM: 15,
};

/**
 * Ends a VM when this process is asked to end: runs `stop` first, then lets the signal have the effect that it has without a
 * handler. Disposing removes the handlers.
 */
export class SignalGuard implements Disposable {
  readonly #handlers: { signal: Deno.Signal; handler: () => void }[] = [];
  readonly #stop: () => Promise<unknown>;

  /** @param stop Ends the VM; it is called at most once. */
  constructor(stop: () => Promise<unknown>) {
    this.#stop = stop;
    for (const signal of SIGNALS) {
      const handler = () => {
        // From here on a second signal has its ordinary effect: an impatient Ctrl-C is obeyed at once.
        this[Symbol.dispose]();
        this.#stopThenDie(signal);
      };
      Deno.addSignalListener(signal, handler);
      this.#handlers.push({ signal, handler });
    }
  }

  [Symbol.dispose](): void {
    for (const { signal, handler } of this.#handlers.splice(0)) Deno.removeSignalListener(signal, handler);
  }

  #stopThenDie(signal: (typeof SIGNALS)[number]): void {
    // Whatever the stop comes to, the process was told to end.
    this.#stop().then(() => die(signal), () => die(signal));
  }
}

function die(signal: (typeof SIGNALS)[number]): void {
  try {
    Deno.kill(Deno.pid, signal);
  } catch {
    // Signalling needs more permission than a launch; ending by exit code says nearly the same.
    Deno.exit(128 + SIGNAL_NUMBERS[signal]);
  }
}
