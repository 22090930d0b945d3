const SMALL_BYTES = 4 * 1024;
const LARGE_BYTES = 64 * 1024;
/** After so many reads in a row that would have fitted into the small one, the large one goes. */
const SMALL_READS = 64;

/**
 * What a connection is read into: small while little comes, since a supervisor has some hundred connections on which next to nothing does, and
 * large in a flood, where few reads of much are faster than many of little.
 */
export class ReadBuffer {
  readonly #small: Uint8Array<ArrayBuffer> = new Uint8Array(SMALL_BYTES);
  #large: Uint8Array<ArrayBuffer> | null = null;
  #smallReads = 0;

  /** Where the next read goes. It holds what was read until the one after. */
  get next(): Uint8Array<ArrayBuffer> {
    return this.#large ?? this.#small;
  }

  /**
   * The part of it that a read filled.
   *
   * @param count How many bytes were read.
   * @returns Those bytes; a view, not a copy.
   */
  taken(count: number): Uint8Array<ArrayBuffer> {
    const bytes = this.next.subarray(0, count);
    if (count < SMALL_BYTES) {
      if (++this.#smallReads >= SMALL_READS) this.#large = null;
    } else {
      this.#smallReads = 0;
      this.#large ??= new Uint8Array(LARGE_BYTES);
    }
    return bytes;
  }
}
