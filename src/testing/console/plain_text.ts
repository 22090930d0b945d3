/** How long an escape sequence may get before it is taken for something else, in characters. */
const MAX_SEQUENCE_CHARS = 4096;

/** A run of characters, and where the first one of them was. */
export interface TextSlice {
  /** The characters. */
  readonly text: string;
  /** Where they began in what was pushed. */
  readonly at: number;
}

/** Where the reader is: in text, or in a sequence that has begun. */
type State =
  | { readonly kind: "text" }
  | { readonly kind: "escape" | "intermediate" | "string" | "string-escape"; readonly length: number }
  | { readonly kind: "csi"; readonly parameters: string };

/** Characters that are not just text. */
// deno-lint-ignore no-control-regex -- these are what a terminal would not show
const SPECIAL = /[\x00\x07\r\x0e\x0f\x1b\x7f]/g;

/**
 * The text within what a terminal is sent, as it comes: without escape sequences (colours, cursor moves, titles), with `\n` for line ends
 * (whatever number of `\r` stood before it), and with a line end where the cursor is put at the beginning of a line. Backspaces, tabs and
 * `\r` within a line stay. It never takes anything back, so it can be searched while it grows; how the text was cut into chunks makes no
 * difference. The sequences are those of ECMA-48 and xterm's.
 */
export class PlainText {
  #state: State = { kind: "text" };
  /** Where the `\r` are that came last: a `\n` may follow, and then they are part of the line end. */
  #returns: number[] = [];
  #atLineStart = true;

  /** What came and is no text yet: `\r` that a `\n` may follow. */
  get held(): string {
    return "\r".repeat(this.#returns.length);
  }

  /**
   * Takes what comes next.
   *
   * @param text The characters.
   * @param at Where they began, for the slices.
   * @returns The text in it.
   */
  push(text: string, at: number = 0): TextSlice[] {
    const slices: TextSlice[] = [];
    const give = (text: string, at: number) => {
      slices.push({ text, at });
      this.#atLineStart = text.endsWith("\n");
    };
    let index = 0;
    while (index < text.length) {
      if (this.#state.kind !== "text") {
        index += this.#inSequence(text[index] ?? "", at + index, give);
        continue;
      }
      SPECIAL.lastIndex = index;
      const end = SPECIAL.exec(text)?.index ?? text.length;
      if (end > index) {
        this.#giveReturns(text[index] === "\n", give);
        give(text.slice(index, end), at + index);
        index = end;
        continue;
      }
      if (text[index] === "\x1b") this.#state = { kind: "escape", length: 1 };
      else if (text[index] === "\r") this.#returns.push(at + index);
      // The other ones (bell, padding, a change of the character set) show nothing.
      index++;
    }
    return slices;
  }

  /** Says that nothing more comes: what was held back is text. */
  end(): TextSlice[] {
    const slices: TextSlice[] = [];
    this.#giveReturns(false, (text, at) => slices.push({ text, at }));
    return slices;
  }

  #giveReturns(lineEnd: boolean, give: (text: string, at: number) => void): void {
    if (!lineEnd) { for (const at of this.#returns) give("\r", at); }
    this.#returns = [];
  }

  /** Reads a character of a sequence; returns how many were used, which is none when the sequence was broken off. */
  #inSequence(char: string, at: number, give: (text: string, at: number) => void): 0 | 1 {
    const state = this.#state;
    switch (state.kind) {
      case "text":
        return 0;
      case "escape":
        this.#state = afterEscape(char);
        // ESC c sets the terminal back: a new screen.
        if (char === "c") this.#lineStart(at, give);
        return isControl(char) ? 0 : 1;
      case "intermediate":
        this.#state = char >= " " && char <= "/" && state.length < MAX_SEQUENCE_CHARS
          ? { kind: "intermediate", length: state.length + 1 }
          : { kind: "text" };
        return isControl(char) ? 0 : 1;
      case "csi":
        if (char >= " " && char <= "?" && state.parameters.length < MAX_SEQUENCE_CHARS) {
          this.#state = { kind: "csi", parameters: state.parameters + char };
          return 1;
        }
        this.#state = { kind: "text" };
        if (startsLine(state.parameters, char)) this.#lineStart(at, give);
        return isControl(char) ? 0 : 1;
      case "string":
        if (char === "\x1b") this.#state = { kind: "string-escape", length: state.length + 1 };
        else if (state.length >= MAX_SEQUENCE_CHARS || isControl(char)) this.#state = { kind: "text" };
        else this.#state = { kind: "string", length: state.length + 1 };
        return isControl(char) && char !== "\x07" && char !== "\x1b" ? 0 : 1;
      case "string-escape":
        // ESC \ ends the string; any other ESC begins a sequence of its own.
        this.#state = char === "\\" ? { kind: "text" } : { kind: "escape", length: 1 };
        return char === "\\" ? 1 : 0;
    }
  }

  #lineStart(at: number, give: (text: string, at: number) => void): void {
    this.#returns = [];
    if (!this.#atLineStart) give("\n", at);
  }
}

/**
 * The text of a whole output: see {@link PlainText}.
 *
 * @param text What a terminal was sent.
 * @returns What it says.
 */
export function plainText(text: string): string {
  const plain = new PlainText();
  return [...plain.push(text), ...plain.end()].map((slice) => slice.text).join("");
}

function afterEscape(char: string): State {
  if (char === "[") return { kind: "csi", parameters: "" };
  if (/[\]PX^_]/.test(char)) return { kind: "string", length: 2 };
  if (char >= " " && char <= "/") return { kind: "intermediate", length: 2 };
  return { kind: "text" };
}

/** Whether a control sequence puts the cursor at the beginning of a line, or on an empty screen. */
function startsLine(parameters: string, final: string): boolean {
  if (final === "H" || final === "f") return /^(?:\d*(?:;0*1?)?)$/.test(parameters);
  if (final === "J") return parameters === "2" || parameters === "3";
  return final === "E" || final === "F";
}

/** A control character, which no sequence may hold: it stands for itself, and what had begun is void. */
function isControl(char: string): boolean {
  return char < " " || char === "\x7f";
}
