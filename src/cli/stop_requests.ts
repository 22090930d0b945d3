import type { Io } from "./io.ts";

/** What is done about a request. */
export interface StopHandlers {
  /** The guest shall end, in order. */
  stop(how: string): void;
  /** It shall end now. */
  kill(): void;
  /** Its time is over. */
  timeout(): void;
}

/** Who asked first for the end, if anybody did. */
export type StopReason = "nobody" | "person" | "timeout";

/**
 * Requests to end: signals, Ctrl-A x, and the time limit. The first one stops in order, the next one kills.
 */
export class StopRequests implements Disposable {
  readonly #handlers: StopHandlers;
  readonly #listening: Disposable;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #impatience = new AbortController();
  #reason: StopReason = "nobody";

  /**
   * @param io Where signals come from.
   * @param timeoutMs The time limit in milliseconds; null for none.
   * @param handlers What to do.
   */
  constructor(io: Io, timeoutMs: number | null, handlers: StopHandlers) {
    this.#handlers = handlers;
    this.#listening = io.onStopSignal((signal) => this.ask(signal));
    if (timeoutMs !== null) this.#timer = setTimeout(() => this.#timeOut(), timeoutMs);
  }

  /** Who asked first. */
  get reason(): StopReason {
    return this.#reason;
  }

  /** Aborted at the second request: nothing is worth waiting for any more. */
  get impatient(): AbortSignal {
    return this.#impatience.signal;
  }

  /**
   * A person asks for the end.
   *
   * @param how With what, for the report.
   */
  ask(how: string): void {
    if (this.#reason === "nobody") {
      this.#reason = "person";
      this.#handlers.stop(how);
      return;
    }
    this.#impatience.abort();
    this.#handlers.kill();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#listening[Symbol.dispose]();
  }

  #timeOut(): void {
    if (this.#reason !== "nobody") return;
    this.#reason = "timeout";
    this.#handlers.timeout();
  }
}
