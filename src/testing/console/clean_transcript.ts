import { consolePieces } from "./kernel_lines.ts";

/** Further down than this no cursor goes: a program that asks for row 999 only wants to know how high the terminal is. */
const MAX_ROWS = 60;
/** How far apart tab stops are. */
const TAB = 8;

/**
 * What a console said as one reads it: each line as it stood in the end, after what was overwritten, erased or moved, without colours
 * and titles. A screen that is cleared is kept, and a new one begun below it, so that nothing is lost. Lines of the kernel's log stand
 * on lines of their own, before the line that they broke into.
 *
 * @param raw What the console said, with its escape sequences.
 * @returns The lines, without blanks at their ends.
 *
 * @example
 * ```ts
 * import { cleanTranscript } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cleanTranscript("10 %\r100 %\r\n\x1b[32mdone\x1b[0m\r\n"), "100 %\ndone\n");
 * assertEquals(cleanTranscript("log[    4.200000] eth0: up\r\nin: "), "[    4.200000] eth0: up\nlogin:");
 * ```
 */
export function cleanTranscript(raw: string): string {
  const screen = new Screen();
  for (const piece of consolePieces(raw)) {
    if (piece.kind === "kernel") screen.insert(piece.line);
    else screen.write(piece.text);
  }
  return screen.text;
}

/** A string (title, device control), a control sequence, any other escape sequence, an unfinished one, or a control character. */
const TOKEN =
  // deno-lint-ignore no-control-regex -- escape sequences are what is taken out
  /\x1b[\]PX^_][^\x00-\x1f]*(?:\x07|\x1b\\)?|\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[ -/]*([0-Z\\`-~])|\x1b[[ -/]?[0-?]*|[\x00-\x1f\x7f]/g;

/** A terminal as far as its text goes: endless to the right, and downwards. */
class Screen {
  readonly #rows: string[] = [""];
  /** Where the current screen begins. */
  #top = 0;
  #row = 0;
  #column = 0;
  #saved = { row: 0, column: 0 };

  get text(): string {
    const rows = this.#rows.map((row) => row.trimEnd());
    while (rows.length > 1 && rows.at(-1) === "" && rows.at(-2) === "") rows.pop();
    return rows.join("\n");
  }

  write(text: string): void {
    let from = 0;
    for (const token of text.matchAll(TOKEN)) {
      if (token.index > from) this.#print(text.slice(from, token.index));
      from = token.index + token[0].length;
      const [whole, parameters, final, escape] = token;
      if (final !== undefined) this.#sequence(parameters ?? "", final);
      else if (escape !== undefined) this.#escape(escape);
      else if (whole.length === 1) this.#control(whole);
    }
    if (from < text.length) this.#print(text.slice(from));
  }

  /** A line that belongs to somebody else: it goes above the current one. */
  insert(line: string): void {
    this.#grow();
    this.#rows.splice(this.#row, 0, line);
    this.#row++;
    if (this.#saved.row >= this.#row - 1) this.#saved.row++;
  }

  #print(text: string): void {
    this.#grow();
    const line = (this.#rows[this.#row] ?? "").padEnd(this.#column);
    this.#rows[this.#row] = line.slice(0, this.#column) + text + line.slice(this.#column + text.length);
    this.#column += text.length;
  }

  #control(char: string): void {
    if (char === "\n") {
      // A guest without `onlcr` sends nothing else, and means the beginning of the next line.
      this.#row++;
      this.#column = 0;
      this.#grow();
    } else if (char === "\r") this.#column = 0;
    else if (char === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (char === "\t") this.#column = (Math.floor(this.#column / TAB) + 1) * TAB;
  }

  #escape(final: string): void {
    if (final === "c") this.#newScreen();
    else if (final === "7") this.#saved = { row: this.#row, column: this.#column };
    else if (final === "8") ({ row: this.#row, column: this.#column } = this.#saved);
    else if (final === "E" || final === "D") this.#control("\n");
    else if (final === "M") this.#moveTo(this.#row - 1, this.#column);
  }

  #sequence(parameters: string, final: string): void {
    const [first = 0, second = 0] = parameters.split(";").map((text) => Number.parseInt(text, 10) || 0);
    const count = Math.min(Math.max(1, first), 4096);
    const line = () => this.#rows[this.#row] ?? "";
    switch (final) {
      case "A":
        return this.#moveTo(this.#row - count, this.#column);
      case "B":
        return this.#moveTo(this.#row + count, this.#column);
      case "C":
        return this.#moveTo(this.#row, this.#column + count);
      case "D":
        return this.#moveTo(this.#row, this.#column - count);
      case "E":
        return this.#moveTo(this.#row + count, 0);
      case "F":
        return this.#moveTo(this.#row - count, 0);
      case "G":
      case "`":
        return this.#moveTo(this.#row, count - 1);
      case "d":
        return this.#moveTo(this.#top + count - 1, this.#column);
      case "H":
      case "f":
        // What redraws from the first place on draws a new screen; the old one stays.
        if (count === 1 && second <= 1) return this.#newScreen();
        return this.#moveTo(this.#top + count - 1, Math.min(Math.max(1, second), 4096) - 1);
      case "J":
        if (first === 0) {
          this.#rows.length = Math.min(this.#rows.length, this.#row + 1);
          return this.#setLine(line().slice(0, this.#column));
        }
        return first === 1 ? undefined : this.#newScreen();
      case "K":
        if (first === 0) return this.#setLine(line().slice(0, this.#column));
        if (first === 2) return this.#setLine("");
        return this.#setLine(" ".repeat(this.#column + 1) + line().slice(this.#column + 1));
      case "P":
        return this.#setLine(line().slice(0, this.#column) + line().slice(this.#column + count));
      case "@":
        return this.#setLine(
          line().slice(0, this.#column) + " ".repeat(count) + line().slice(this.#column),
        );
      case "X":
        return this.#setLine(
          line().slice(0, this.#column).padEnd(this.#column) + " ".repeat(count) +
            line().slice(this.#column + count),
        );
      case "s":
        return this.#escape("7");
      case "u":
        return this.#escape("8");
    }
  }

  #moveTo(row: number, column: number): void {
    const last = Math.max(this.#top + MAX_ROWS - 1, this.#rows.length - 1);
    this.#row = Math.min(Math.max(row, this.#top), last);
    this.#column = Math.max(0, column);
  }

  #setLine(line: string): void {
    this.#grow();
    this.#rows[this.#row] = line;
  }

  /** Rows are made when something is written on them. */
  #grow(): void {
    while (this.#rows.length <= this.#row) this.#rows.push("");
  }

  #newScreen(): void {
    while (this.#rows.length > this.#top + 1 && this.#rows.at(-1)?.trim() === "") this.#rows.pop();
    const empty = this.#rows.slice(this.#top).every((row) => row.trim() === "");
    if (empty) this.#rows.length = this.#top + 1;
    else this.#rows.push("");
    this.#top = this.#rows.length - 1;
    if (empty) this.#rows[this.#top] = "";
    this.#row = this.#top;
    this.#column = 0;
  }
}
