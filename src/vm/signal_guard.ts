const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type EndSignal = (typeof SIGNALS)[number];

/** The exit code of a process that a signal ended, as shells count. */
const SIGNAL_NUMBERS: Readonly<Record<EndSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** How long a signal may take to arrive, in milliseconds. */
const ARRIVAL_MS = 1_000;

/** The question of a guard that is done to all others in this process: it is cancelled by each that is still at it. */
const DONE = "qeeper:signal-guard-done";

/**
 * Ends something when this process is asked to end (SIGINT, SIGTERM, SIGHUP): runs `stop` first, then lets the signal have the effect
 * that it has without a handler. Of several guards the last one that is done does that. A second signal is obeyed at once.
 * Until then a rejection that nobody handles does not end this process: what the script still waits for breaks just because of the
 * stop. Disposing removes the handlers.
 *
 * @example
 * ```ts
 * import { SignalGuard } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * let stopped = 0;
 * {
 *   using _guard = new SignalGuard(() => Promise.resolve(stopped++));
 *   // A Ctrl-C here would first run the function and then end this process.
 * }
 * assertEquals(stopped, 0);
 * ```
 */
export class SignalGuard implements Disposable {
  readonly #handlers: { signal: EndSignal; handler: () => void }[] = [];
  readonly #stop: () => Promise<unknown>;
  readonly #atOnce: () => void;
  #state: "watching" | "stopping" | "done" = "watching";

  /**
   * @param stop Ends what is guarded; it is called at most once.
   * @param atOnce Ends it without waiting for anything, when a second signal comes before `stop` is done. Default: nothing.
   */
  constructor(stop: () => Promise<unknown>, atOnce: () => void = () => {}) {
    this.#stop = stop;
    this.#atOnce = atOnce;
    for (const signal of SIGNALS) {
      const handler = () => this.#obey(signal);
      Deno.addSignalListener(signal, handler);
      this.#handlers.push({ signal, handler });
    }
  }

  /** Removes the handlers, unless they are at work: then that is finished first. */
  [Symbol.dispose](): void {
    if (this.#state === "watching") this.#finish();
  }

  #obey(signal: EndSignal): void {
    switch (this.#state) {
      case "watching":
        this.#state = "stopping";
        globalThis.addEventListener(DONE, this.#notYet);
        globalThis.addEventListener("unhandledrejection", this.#notYet);
        // Whatever the stop comes to, the process was told to end.
        this.#stop().then(() => this.#die(signal), () => this.#die(signal));
        return;
      case "stopping":
        this.#atOnce();
        this.#finish();
        die(signal, this.#expose);
    }
  }

  #die(signal: EndSignal): void {
    this.#finish();
    const others = new Event(DONE, { cancelable: true });
    if (globalThis.dispatchEvent(others)) die(signal, this.#expose);
    else this.#expose();
  }

  /** From now on a rejection that nobody handles ends this process again. */
  readonly #expose = (): void => globalThis.removeEventListener("unhandledrejection", this.#notYet);

  /** Keeps this process from ending, by another guard or by a rejection, while this guard is at work. */
  readonly #notYet = (end: Event): void => end.preventDefault();

  #finish(): void {
    this.#state = "done";
    globalThis.removeEventListener(DONE, this.#notYet);
    for (const { signal, handler } of this.#handlers.splice(0)) Deno.removeSignalListener(signal, handler);
  }
}

/** The signal arrives a moment later: a script that has nothing else to do must not end before, as if all were well. */
function die(signal: EndSignal, survived: () => void): void {
  try {
    Deno.kill(Deno.pid, signal);
    setTimeout(survived, ARRIVAL_MS);
  } catch {
    // Signalling needs more permission than a launch; ending by exit code says nearly the same.
    Deno.exit(128 + SIGNAL_NUMBERS[signal]);
  }
}
