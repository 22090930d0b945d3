import { consolePieces, KernelLineFilter } from "./kernel_lines.ts";
import { PlainText, type TextSlice } from "./plain_text.ts";

/** What stands where a secret was. */
const MARK = "[redacted]";
/** The lines of a secret of several lines are secrets of their own, unless they are shorter than this. */
const MIN_LINE_CHARS = 4;
/** How much of a line without an end a live output holds back, in characters. */
const MAX_HELD_CHARS = 64 * 1024;

/**
 * A secret: a text, or what an expression matches.
 *
 * @example
 * ```ts
 * import type { Secret } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const secrets: Secret[] = ["hunter2", /token=\S+/];
 * assertEquals(secrets.length, 2);
 * ```
 */
export type Secret = string | RegExp;

/**
 * Takes secrets out of text.
 *
 * A text of several lines is also looked for line by line, since a console has line ends of its own. In what a console said a secret is
 * found as well where a kernel line or a colour breaks into it.
 */
export class Redactor {
  readonly #patterns: RegExp[];

  /**
   * @param secrets What must not be seen.
   * @throws {TypeError} When one of the texts is empty, which would be everywhere.
   */
  constructor(secrets: readonly Secret[]) {
    this.#patterns = secrets.flatMap(patternsOf);
  }

  /** Whether there is nothing to look for. */
  get idle(): boolean {
    return this.#patterns.length === 0;
  }

  /** Adds a secret: it is looked for from now on, also in what was said before. */
  add(secret: Secret): void {
    this.#patterns.push(...patternsOf(secret));
  }

  /**
   * Takes the secrets out of plain text.
   *
   * @param text The text.
   * @returns The same with `[redacted]` for each of them.
   */
  redact(text: string): string {
    return rebuild(text, hiding(text, this.#ranges(text)));
  }

  /**
   * Takes the secrets out of what a console said, in which kernel lines and escape sequences may break into one.
   *
   * @param raw What the console said.
   * @returns The same with `[redacted]` for each secret; what broke into it is kept.
   */
  redactConsole(raw: string): string {
    return rebuild(raw, this.#hiding(raw));
  }

  /**
   * Where a text may be cut so that the cut is in no secret.
   *
   * @param raw What the console said.
   * @param before The cut is at this place, or before it.
   */
  safeCut(raw: string, before: number): number {
    const hidden = this.#hiding(raw);
    let cut = before;
    while (cut > 0 && hidden !== null && hidden[cut] === HIDDEN) cut--;
    return cut;
  }

  #hiding(raw: string): Uint8Array | null {
    if (this.idle) return null;
    const slices = plainSlices(raw);
    const plain = slices.map(({ text }) => text).join("");
    const ranges = this.#ranges(raw);
    let index = 0;
    let begin = 0;
    for (const range of this.#ranges(plain)) {
      let first = true;
      while (begin + (slices[index]?.text.length ?? Infinity) <= range.from) {
        begin += slices[index++]?.text.length ?? 0;
      }
      for (let [i, at] = [index, begin]; at < range.to; at += slices[i++]?.text.length ?? 0) {
        const slice = slices[i];
        if (slice === undefined) break;
        const from = slice.at + Math.max(0, range.from - at);
        const to = slice.at + Math.min(slice.text.length, range.to - at);
        if (to <= from) continue;
        ranges.push({ from, to, first });
        first = false;
      }
    }
    return hiding(raw, ranges);
  }

  #ranges(text: string): Range[] {
    const ranges: Range[] = [];
    for (const pattern of this.#patterns) {
      for (const { index, 0: found } of text.matchAll(pattern)) {
        if (found !== "") ranges.push({ from: index, to: index + found.length, first: true });
      }
    }
    return ranges.sort((a, b) => a.from - b.from);
  }
}

/** What a console says, without the secrets, as it comes. A line is given out when it is whole, since a secret may be in it. */
export class RedactedOutput {
  readonly #redactor: Redactor;
  #filter = new KernelLineFilter();
  #held = "";

  /** @param redactor What knows the secrets. */
  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /**
   * Takes what the console said next.
   *
   * @param raw The text, with its escape sequences.
   * @returns What can be shown by now; everything at once where there are no secrets.
   */
  push(raw: string): string {
    if (this.#redactor.idle && this.#held === "") return raw;
    /** Where the last line of the programs' own ended; the end of a kernel line is none, for it may have broken into one. */
    let end = 0;
    for (const piece of this.#filter.push(raw)) {
      if (piece.kind === "text" && piece.text.includes("\n")) {
        end = piece.at + piece.text.lastIndexOf("\n") + 1;
      }
    }
    this.#held += raw;
    if (end === 0 && this.#held.length > MAX_HELD_CHARS) {
      end = this.#redactor.safeCut(this.#held, this.#held.length - MAX_HELD_CHARS / 2);
    }
    return this.#give(end);
  }

  /** Says that nothing more comes; returns the rest. */
  end(): string {
    return this.#give(this.#held.length);
  }

  #give(end: number): string {
    if (end === 0) return "";
    const text = this.#redactor.redactConsole(this.#held.slice(0, end));
    this.#held = this.#held.slice(end);
    // The places begin anew with what is held.
    this.#filter = new KernelLineFilter();
    this.#filter.push(this.#held);
    return text;
  }
}

/** A part of a text that must not be seen. */
interface Range {
  from: number;
  to: number;
  /** Whether the secret begins with it. */
  first: boolean;
}

const FIRST = 1;
const HIDDEN = 2;

/** What is to be done with each character; null when all of them stay. */
function hiding(text: string, ranges: readonly Range[]): Uint8Array | null {
  if (ranges.length === 0) return null;
  const hidden = new Uint8Array(text.length);
  for (const { from, to, first } of ranges) {
    // Where a secret begins within another one, or at its end, one mark is enough.
    const mark = first && hidden[from] === 0;
    for (let at = from; at < to; at++) if (hidden[at] === 0) hidden[at] = HIDDEN;
    if (mark) hidden[from] = FIRST;
  }
  return hidden;
}

function rebuild(text: string, hidden: Uint8Array | null): string {
  if (hidden === null) return text;
  const parts: string[] = [];
  let shown = 0;
  for (let at = 0; at < text.length; at++) {
    if (hidden[at] === 0) continue;
    if (at > shown) parts.push(text.slice(shown, at));
    if (hidden[at] === FIRST) parts.push(MARK);
    shown = at + 1;
  }
  parts.push(text.slice(shown));
  return parts.join("");
}

function plainSlices(raw: string): TextSlice[] {
  const plain = new PlainText();
  const slices = consolePieces(raw).flatMap((piece) =>
    piece.kind === "text" ? plain.push(piece.text, piece.at) : []
  );
  return [...slices, ...plain.end()];
}

function patternsOf(secret: Secret): RegExp[] {
  if (typeof secret !== "string") {
    const flags = secret.flags.replace(/[gy]/g, "");
    return [new RegExp(secret.source, `${flags}g`)];
  }
  if (secret === "") throw new TypeError("Cannot redact an empty text: it would be everywhere");
  const lines = secret.split(/[\r\n]+/).filter((line) => line.length >= MIN_LINE_CHARS);
  return [...new Set([secret, ...lines])].map((text) => new RegExp(literal(text), "g"));
}

/** An expression for just this text. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
