/** Chance from a seed: the same seed always brings the same. */
export class Random {
  #state: number;

  /** @param seed A whole number. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ mixed >>> 15, mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to this one. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** One of these, each as likely as its weight; undefined when there is none. */
  pick<T>(from: readonly T[], weight: (item: T) => number = () => 1): T | undefined {
    let rest = this.next() * from.reduce((sum, item) => sum + weight(item), 0);
    return from.find((item) => (rest -= weight(item)) < 0) ?? from.at(-1);
  }

  /** The same ones in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    return items.map((item) => ({ item, at: this.next() })).sort((a, b) => a.at - b.at).map(({ item }) =>
      item
    );
  }
}
