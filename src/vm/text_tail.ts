/** How long the blocks are that the text is kept in, in characters: what is new is found without going over what is old. */
const BLOCK_CHARS = 16 * 1024;

/** The last part of a text that may be long: bounded memory and the same cost for each byte, however much is written. */
export class TextTail {
  readonly #maxChars: number;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** The text in blocks, the oldest first; the last one is still growing. */
  readonly #blocks: string[] = [""];
  #kept = 0;
  #length = 0;

  /** @param maxChars How many characters are kept, at least; up to a block more may be. */
  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  /** What is kept: the last `maxChars` characters. */
  get text(): string {
    return this.#blocks.join("").slice(-this.#maxChars);
  }

  /** How many characters were written in all. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes, as UTF-8; what is not valid becomes U+FFFD. Returns the text that they make. */
  push(bytes: Uint8Array): string {
    const added = this.#decoder.decode(bytes, { stream: true });
    const block = (this.#blocks.pop() ?? "") + added;
    this.#blocks.push(block);
    if (block.length >= BLOCK_CHARS) this.#blocks.push("");
    this.#length += added.length;
    this.#kept += added.length;
    while (this.#blocks.length > 1 && this.#kept - (this.#blocks[0]?.length ?? 0) >= this.#maxChars) {
      this.#kept -= this.#blocks.shift()?.length ?? 0;
    }
    return added;
  }

  /** The text from a position on, counted from the beginning of everything written; what is gone is left out. */
  from(position: number): string {
    const wanted = Math.min(this.#kept, this.#length - position);
    if (wanted <= 0) return "";
    let first = this.#blocks.length;
    let taken = 0;
    while (taken < wanted && first > 0) taken += this.#blocks[--first]?.length ?? 0;
    return this.#blocks.slice(first).join("").slice(-wanted);
  }
}
