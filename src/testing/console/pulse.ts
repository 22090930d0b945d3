import { abortable } from "@std/async/abortable";

/** Tells those who wait that something has happened. */
export class Pulse {
  readonly #waiting = new Set<() => void>();

  /** Something has happened. */
  beat(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /**
   * Waits for the next beat.
   *
   * @param ms How long at most.
   * @param signal Stops waiting; rejects with its reason.
   * @returns Whether there was one.
   */
  async next(ms: number, signal?: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const beat = () => resolve(true);
    const timer = setTimeout(() => resolve(false), ms);
    this.#waiting.add(beat);
    try {
      return await (signal ? abortable(promise, signal) : promise);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(beat);
    }
  }
}
