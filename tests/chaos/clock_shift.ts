/** The time of day of this process, which can be set, while the clock that is never set goes on: as when the host was suspended. */
export class ClockShift {
  readonly #real = Date;
  #byMs = 0;

  /** @param byMs By how much the clock is set on; back where it is less than zero. */
  shift(byMs: number): void {
    this.#byMs += byMs;
    const now = () => this.#real.now() + this.#byMs;
    globalThis.Date = new Proxy(this.#real, {
      construct: (target, args, newTarget) =>
        Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
      get: (target, key) => key === "now" ? now : Reflect.get(target, key),
    });
  }
}
