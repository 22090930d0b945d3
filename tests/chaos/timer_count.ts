type Timer = ReturnType<typeof setTimeout>;

/** Counts the timers of this process that are set and have neither gone off nor been cleared. To be made before any is set. */
export class TimerCount {
  readonly #set = new Set<Timer>();

  constructor() {
    const { setTimeout, setInterval, clearTimeout } = globalThis;
    const set = (timer: Timer): Timer => {
      this.#set.add(timer);
      return timer;
    };
    const once = (act: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): Timer => {
      const timer: Timer = setTimeout(() => {
        this.#set.delete(timer);
        act(...args);
      }, ms);
      return set(timer);
    };
    const often = (act: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): Timer =>
      set(setInterval(() => act(...args), ms));
    const clear = (timer?: Timer): void => {
      if (timer !== undefined) this.#set.delete(timer);
      clearTimeout(timer);
    };
    // One clears what the other has set, as in browsers.
    Object.assign(globalThis, {
      ...{ setTimeout: once, setInterval: often },
      ...{ clearTimeout: clear, clearInterval: clear },
    });
  }

  get count(): number {
    return this.#set.size;
  }
}
