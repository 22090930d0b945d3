/** What an East Asian terminal shows two columns wide, as far as the tests use it. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60\u{1f300}-\u{1faff}]/u;

/** A control sequence, or one character. */
// deno-lint-ignore no-control-regex -- control sequences are what a terminal obeys
const TOKEN = /\x1b\[([\d;]*)([A-Za-z])|[\s\S]/gu;

/** A terminal without end, which understands what a line editor writes: it shows where each character stands, and the cursor. */
export class Screen {
  readonly #columns: number;
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** Where the cursor is: the row from 0, the column from 0. The last column is left only by the next character. */
  get cursor(): readonly [row: number, column: number] {
    return [this.#row, this.#column];
  }

  /** The lines, without blanks at their ends. */
  get lines(): readonly string[] {
    return this.#rows.map((row) => row.join("").trimEnd());
  }

  /** Shows what is written. */
  write(text: string): this {
    for (const [token, parameters, command] of text.matchAll(TOKEN)) {
      if (command !== undefined) this.#obey(command, parameters ?? "");
      else if (token === "\r") this.#column = 0;
      else if (token === "\n") this.#moveTo(this.#row + 1, 0);
      else if (token === "\b") this.#column = Math.max(0, this.#column - 1);
      else if (token >= " ") this.#put(token);
      else throw new Error(`Cannot show ${JSON.stringify(token)}: this screen does not know it`);
    }
    return this;
  }

  #obey(command: string, parameters: string): void {
    const count = Number(parameters || "1");
    switch (command) {
      case "A":
        if (count > this.#row) throw new Error("The cursor goes above the first row");
        return this.#moveTo(this.#row - count, this.#column);
      case "B":
        return this.#moveTo(this.#row + count, this.#column);
      case "C":
        return this.#moveTo(this.#row, this.#column + count);
      case "D":
        return this.#moveTo(this.#row, this.#column - count);
      case "G":
        return this.#moveTo(this.#row, count - 1);
      case "J":
        this.#rows.length = this.#row + 1;
        this.#rows[this.#row] = this.#padded(this.#column).slice(0, this.#column);
        return;
      case "m":
        return;
      default:
        throw new Error(`Cannot obey ${command}: this screen does not know it`);
    }
  }

  #put(char: string): void {
    const width = WIDE.test(char) ? 2 : 1;
    if (this.#column + width > this.#columns) this.#moveTo(this.#row + 1, 0);
    const row = this.#padded(this.#column);
    // The second half of a wide character holds nothing of its own.
    row.splice(this.#column, width, char, ...width === 2 ? [""] : []);
    this.#rows[this.#row] = row;
    this.#column += width;
  }

  #moveTo(row: number, column: number): void {
    this.#row = row;
    this.#column = Math.min(Math.max(0, column), this.#columns - 1);
    while (this.#rows.length <= row) this.#rows.push([]);
  }

  #padded(columns: number): string[] {
    const row = [...this.#rows[this.#row] ?? []];
    while (row.length < columns) row.push(" ");
    return row;
  }
}
