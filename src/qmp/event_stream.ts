/** How many events a stream keeps for a reader that is slow, unless it is told otherwise. */
export const DEFAULT_STREAM_CAPACITY = 8192;

/**
 * Events in the order in which QEMU sent them, from the moment of the call that made the stream. It is bounded: when a slow
 * reader lets it fill, the oldest events are dropped and counted in `lagged`. It ends with its connection: the
 * iteration returns after a clean end, and throws the cause of any other.
 *
 * Dispose it (`using`) when you are done; leaving a `for await` loop does so as well.
 *
 * @typeParam T What the stream yields.
 *
 * @example
 * ```ts
 * import { EventStream } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * using stream = new EventStream<number>({ capacity: 2 });
 * for (const n of [1, 2, 3]) stream.push(n);
 * stream.end();
 * assertEquals(await Array.fromAsync(stream), [2, 3]);
 * assertEquals(stream.lagged, 1);
 * ```
 */
export class EventStream<T> implements AsyncIterableIterator<T>, Disposable {
  readonly #capacity: number;
  readonly #onDispose: (() => void) | undefined;
  /** What waits for the reader begins at `#head`; what is before it was read or dropped. */
  #items: T[] = [];
  #head = 0;
  #lagged: number;
  #state: { kind: "open" } | { kind: "ended"; error: unknown } = { kind: "open" };
  #takers: PromiseWithResolvers<IteratorResult<T>>[] = [];

  /**
   * @param options `capacity`: how many items are kept for a slow reader (default 8192); `lagged`: how many were dropped
   * before the stream was made (default 0); `onDispose`: called once when the reader gives the stream up.
   */
  constructor(options: { capacity?: number; lagged?: number; onDispose?: () => void } = {}) {
    this.#capacity = options.capacity ?? DEFAULT_STREAM_CAPACITY;
    this.#lagged = options.lagged ?? 0;
    this.#onDispose = options.onDispose;
    if (!Number.isInteger(this.#capacity) || this.#capacity < 1) {
      throw new RangeError(
        `Cannot make a stream as 'capacity' must be a positive integer: current value is ${this.#capacity}`,
      );
    }
  }

  /** How many events were dropped because the reader was too slow. */
  get lagged(): number {
    return this.#lagged;
  }

  /** Adds an item; for the stream's owner. */
  push(item: T): void {
    if (this.#state.kind === "ended") return;
    const taker = this.#takers.shift();
    if (taker) {
      taker.resolve({ value: item, done: false });
      return;
    }
    if (this.#items.length - this.#head >= this.#capacity) {
      this.#head++;
      this.#lagged++;
    }
    // Moving the live half down now and then keeps each push cheap and the memory bounded.
    if (this.#head > this.#capacity) this.#compact();
    this.#items.push(item);
  }

  /** Ends the stream after what it holds; with an error, the iteration throws it. For the stream's owner. */
  end(error?: unknown): void {
    if (this.#state.kind === "ended") return;
    this.#state = { kind: "ended", error };
    const takers = this.#takers;
    this.#takers = [];
    for (const taker of takers) {
      if (error === undefined) taker.resolve({ value: undefined, done: true });
      else taker.reject(error);
    }
  }

  /** The next event. */
  next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#items.length) {
      const value = this.#items[this.#head++] as T;
      if (this.#head === this.#items.length) this.#compact();
      return Promise.resolve({ value, done: false });
    }
    if (this.#state.kind === "ended") {
      const { error } = this.#state;
      return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error);
    }
    const taker = Promise.withResolvers<IteratorResult<T>>();
    this.#takers.push(taker);
    return taker.promise;
  }

  /** Ends the iteration from the reader's side; called when a `for await` loop is left. */
  return(): Promise<IteratorResult<T>> {
    this[Symbol.dispose]();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Gives the stream up: what it holds is dropped and nothing more is added. */
  [Symbol.dispose](): void {
    if (this.#state.kind === "open") this.#onDispose?.();
    this.end();
    this.#state = { kind: "ended", error: undefined };
    this.#items = [];
    this.#head = 0;
  }

  #compact(): void {
    if (this.#head === this.#items.length) this.#items.length = 0;
    else this.#items.splice(0, this.#head);
    this.#head = 0;
  }
}
