/** A timer holds at most this many milliseconds, 24 days; whatever is longer is no limit. */
export const MAX_TIMER_MS = 0x7fffffff;

/**
 * Refuses what is no span of time.
 *
 * @param timeoutMs What the caller gave; `undefined` and `Infinity` both mean no limit.
 * @throws {RangeError} When it is negative or `NaN`.
 */
export function assertTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined || timeoutMs >= 0) return;
  throw new RangeError(`Cannot wait as 'timeoutMs' must not be negative: current value is ${timeoutMs}`);
}

/**
 * A signal that is aborted by a time limit or by the caller's own signal, whichever comes first. Once it is disposed of, neither
 * a timer nor a listener is left.
 */
export class Limit implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #follow = () => this.#controller.abort(this.#outer?.reason);

  /**
   * @param ms The time limit; none when `undefined`.
   * @param late Makes the reason when the time has passed.
   * @param outer The caller's signal.
   */
  constructor(ms: number | undefined, late: () => unknown, outer: AbortSignal | undefined) {
    this.#outer = outer;
    if (ms !== undefined && ms <= MAX_TIMER_MS) {
      this.#timer = setTimeout(() => this.#controller.abort(late()), Math.max(0, ms));
    }
    if (outer?.aborted) this.#follow();
    else outer?.addEventListener("abort", this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#follow);
  }
}
