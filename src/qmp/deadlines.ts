import { LATE_MS, MAX_TIMER_MS } from "./alarm.ts";

/**
 * Many deadlines on one timer: a timer for each command would cost more than writing the command. The timer is set for the
 * earliest deadline and looks again when it fires; it never keeps the process alive by itself once nothing waits.
 */
export class Deadlines<Key> implements Disposable {
  readonly #due = new Map<Key, number>();
  readonly #expired: (key: Key) => void;
  #pace: "in time" | "late" = "in time";
  #timer: { id: ReturnType<typeof setTimeout>; at: number } | null = null;

  /** @param expired Called once for each key whose deadline has passed. */
  constructor(expired: (key: Key) => void) {
    this.#expired = expired;
  }

  /** Sets a deadline `ms` milliseconds from now. */
  set(key: Key, ms: number): void {
    const at = performance.now() + ms;
    this.#due.set(key, at);
    if (this.#timer === null || at < this.#timer.at) this.#arm(at);
    else this.#timer.id.ref();
  }

  /** Forgets a deadline. The timer stays as it is: the next command usually wants one as well. */
  delete(key: Key): void {
    if (this.#due.delete(key) && this.#due.size === 0 && this.#timer) this.#timer.id.unref();
  }

  [Symbol.dispose](): void {
    this.#due.clear();
    if (this.#timer) clearTimeout(this.#timer.id);
    this.#timer = null;
  }

  #arm(at: number): void {
    if (this.#timer) clearTimeout(this.#timer.id);
    // A later deadline is armed again when it fires.
    const ms = Math.min(Math.max(0, Math.ceil(at - performance.now())), MAX_TIMER_MS);
    this.#timer = { id: setTimeout(() => this.#fire(), ms), at };
  }

  #fire(): void {
    const dueAt = this.#timer?.at ?? Infinity;
    this.#timer = null;
    const now = performance.now();
    // A process that stood still hears first what came meanwhile, but not again and again where it is always late.
    if (this.#pace === "in time" && now - dueAt > LATE_MS && this.#due.size > 0) {
      this.#pace = "late";
      return this.#arm(now);
    }
    this.#pace = "in time";
    const late: { key: Key; at: number }[] = [];
    let earliest = Infinity;
    for (const [key, at] of this.#due) {
      if (at <= now) late.push({ key, at });
      else if (at < earliest) earliest = at;
    }
    for (const { key } of late) this.#due.delete(key);
    if (earliest < Infinity) this.#arm(earliest);
    late.sort((a, b) => a.at - b.at);
    for (const { key } of late) this.#expired(key);
  }
}
