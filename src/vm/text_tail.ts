/** The last part of a text that may be long: bounded memory, however much is written. */
export class TextTail {
  readonly #maxChars: number;
  readonly #decoder = new TextDecoder();
  #text = "";
  #dropped = 0;

  /** @param maxChars How many characters are kept. */
  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  /** What is kept. */
  get text(): string {
    return this.#text.length > this.#maxChars ? this.#text.slice(-this.#maxChars) : this.#text;
  }

  /** How many characters were written in all. */
  get length(): number {
    return this.#dropped + this.#text.length;
  }

  /** Adds bytes, as UTF-8; what is not valid becomes U+FFFD. Returns the text that they make. */
  push(bytes: Uint8Array): string {
    const added = this.#decoder.decode(bytes, { stream: true });
    this.#text += added;
    // Cut only when twice the size is reached, so that the cost of a byte stays the same.
    if (this.#text.length > 2 * this.#maxChars) {
      this.#dropped += this.#text.length - this.#maxChars;
      this.#text = this.#text.slice(-this.#maxChars);
    }
    return added;
  }

  /** The text from a position on, counted from the beginning of everything written; what is gone is left out. */
  from(position: number): string {
    return this.#text.slice(Math.max(0, position - this.#dropped));
  }
}
