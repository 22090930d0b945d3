import type { TextWindow } from "./text_window.ts";

/** What was found, and where. */
export interface Found {
  /** Where it begins and ends, in the window's places. */
  readonly from: number;
  readonly to: number;
  /** The text that matched. */
  readonly text: string;
  /** The groups of a regular expression. */
  readonly groups: readonly (string | undefined)[];
  /** What came before it. */
  readonly before: string;
}

/** Looks for one pattern in a text that grows, without going over the same part of it again where that can be avoided. */
export class PatternFinder {
  /** The pattern as it was given. */
  readonly pattern: string | RegExp;
  readonly #expression: RegExp | null;
  /** From where to where was looked without finding it. */
  #searched = { from: 0, to: -1 };

  /** @param pattern A text, or a regular expression; `g` and `y` mean nothing here. */
  constructor(pattern: string | RegExp) {
    this.pattern = pattern;
    this.#expression = typeof pattern === "string"
      ? null
      : new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  }

  /**
   * The first match from a place on.
   *
   * @param window The text.
   * @param from Where to begin.
   * @param more What may follow the text, but is not certain yet.
   */
  find(window: TextWindow, from: number, more: string = ""): Found | null {
    const { pattern } = this;
    if (more === "") {
      const searched = this.#searched;
      if (searched.to === window.end && searched.from <= from) return null;
      this.#searched = { from, to: window.end };
      if (typeof pattern === "string" && searched.to >= 0 && searched.from <= from) {
        // Only what is new is looked at, and as much before it as may begin the text: a long wait must not cost its square.
        const fresh = Math.max(from, searched.to - pattern.length + 1);
        if (!window.from(fresh).includes(pattern)) return null;
      }
    }
    const text = window.from(from) + more;
    const found = this.#match(text);
    if (found === null) return null;
    // Looked for again from further on, it may be found in what was searched already.
    this.#searched = { from: 0, to: -1 };
    const begin = window.end + more.length - text.length;
    const { index, whole, groups } = found;
    return {
      from: begin + index,
      to: begin + index + whole.length,
      text: whole,
      groups,
      before: text.slice(0, index),
    };
  }

  #match(
    text: string,
  ): { index: number; whole: string; groups: readonly (string | undefined)[] } | null {
    if (this.#expression === null) {
      const index = text.indexOf(this.pattern as string);
      return index < 0 ? null : { index, whole: this.pattern as string, groups: [] };
    }
    const found = this.#expression.exec(text);
    if (found === null) return null;
    const [whole, ...groups] = found;
    return { index: found.index, whole, groups };
  }
}
