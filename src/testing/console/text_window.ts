/** How long the blocks are that the text is kept in, in characters: what is new is found without going over what is old. */
const BLOCK_CHARS = 16 * 1024;

/** The text that is still of interest, by places counted from the first character of all: it grows at its end and is let go of at its beginning. */
export class TextWindow {
  readonly #maxChars: number;
  /** The text in blocks, the oldest first; the last one is still growing. */
  #blocks: string[] = [""];
  /** Where the first block begins. */
  #begin = 0;
  #end = 0;

  /** @param maxChars How many characters are kept, about: up to a block more may be. */
  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  /** Where the text ends: how many characters came in all. */
  get end(): number {
    return this.#end;
  }

  /** Adds text. */
  push(text: string): void {
    const block = (this.#blocks.pop() ?? "") + text;
    this.#blocks.push(block);
    if (block.length >= BLOCK_CHARS) this.#blocks.push("");
    this.#end += text.length;
    this.dropBefore(this.#end - this.#maxChars);
  }

  /** The text from a place on; what was let go of is left out. */
  from(place: number): string {
    let first = this.#blocks.length;
    let begin = this.#end;
    while (first > 0 && begin > place) begin -= this.#blocks[--first]?.length ?? 0;
    const text = this.#blocks.slice(first).join("");
    return begin < place ? text.slice(place - begin) : text;
  }

  /** Lets go of whole blocks before a place. */
  dropBefore(place: number): void {
    let drop = 0;
    while (drop < this.#blocks.length - 1) {
      const length = this.#blocks[drop]?.length ?? 0;
      if (this.#begin + length > place) break;
      this.#begin += length;
      drop++;
    }
    if (drop > 0) this.#blocks = this.#blocks.slice(drop);
  }
}
