/** What a log keeps: the beginning, how much was left out after it, and the end. */
export interface KeptLog<T> {
  readonly head: readonly T[];
  /** How many entries were left out between the two. */
  readonly dropped: number;
  readonly tail: readonly T[];
}

/**
 * A log of bounded size that keeps its beginning and its end, since that is where the reasons are: what was set up, and what happened
 * last. Each entry costs the same, however many there were before.
 */
export class BoundedLog<T> {
  readonly #headLimit: number;
  readonly #tailLimit: number;
  readonly #weigh: (entry: T) => number;
  readonly #head: T[] = [];
  #headWeight = 0;
  #tail: T[] = [];
  /** Where the tail begins: what is before it is given up, and taken out now and then. */
  #first = 0;
  #tailWeight = 0;
  #dropped = 0;

  /**
   * @param limits How much the beginning and the end may weigh together with all of their entries; the last entry is always kept.
   * @param weigh What an entry weighs; 1 unless told otherwise.
   */
  constructor(limits: { head: number; tail: number }, weigh: (entry: T) => number = () => 1) {
    this.#headLimit = limits.head;
    this.#tailLimit = limits.tail;
    this.#weigh = weigh;
  }

  /** What is kept. */
  get kept(): KeptLog<T> {
    return { head: [...this.#head], dropped: this.#dropped, tail: this.#tail.slice(this.#first) };
  }

  /** All that is kept, in order. */
  get entries(): readonly T[] {
    return [...this.#head, ...this.#tail.slice(this.#first)];
  }

  /** How many entries were left out. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds an entry. */
  push(entry: T): void {
    const weight = this.#weigh(entry);
    const headIsOpen = this.#tail.length === 0 && this.#headWeight + weight <= this.#headLimit;
    if (headIsOpen) {
      this.#head.push(entry);
      this.#headWeight += weight;
      return;
    }
    this.#tail.push(entry);
    this.#tailWeight += weight;
    while (this.#tailWeight > this.#tailLimit && this.#first < this.#tail.length - 1) {
      this.#tailWeight -= this.#weigh(this.#tail[this.#first] as T);
      this.#first++;
      this.#dropped++;
    }
    if (this.#first > 256 && this.#first * 2 > this.#tail.length) {
      this.#tail = this.#tail.slice(this.#first);
      this.#first = 0;
    }
  }
}
