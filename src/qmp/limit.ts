import { alarm } from "./alarm.ts";

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
 * A signal that is aborted by a time limit or by the caller's own signal, whichever comes first. Once it is disposed of, no listener
 * is left, and nothing that keeps the process alive (see {@linkcode alarm}).
 */
export class Limit implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #alarm: Disposable | null;
  readonly #follow = () => this.#controller.abort(this.#outer?.reason);

  /**
   * @param ms The time limit; none when `undefined`.
   * @param late Makes the reason when the time has passed.
   * @param outer The caller's signal.
   */
  constructor(ms: number | undefined, late: () => unknown, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#alarm = ms === undefined ? null : alarm(ms, () => this.#controller.abort(late()));
    if (outer?.aborted) this.#follow();
    else outer?.addEventListener("abort", this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#alarm?.[Symbol.dispose]();
    this.#outer?.removeEventListener("abort", this.#follow);
  }
}
