/** How long an unfinished kernel line may get, in characters. The kernel's own limit for a record is 1024. */
const MAX_LINE_CHARS = 4096;

/**
 * A part of what a console said: what programs wrote, or a line of the kernel's log.
 */
export type ConsolePiece =
  | {
    readonly kind: "text";
    /** What programs wrote, with their own line ends. */
    readonly text: string;
    /** Where it began, counted in characters from the first one pushed. */
    readonly at: number;
  }
  | {
    readonly kind: "kernel";
    /** The line with its time, without its line end. */
    readonly line: string;
    /** The same without level, time and caller. */
    readonly message: string;
    /** Where it began. */
    readonly at: number;
    /** Where it ended, line end included. */
    readonly end: number;
  };

/**
 * Takes the kernel's log lines (`[    1.234567] text`) out of what programs wrote on the same console.
 *
 * Linux writes a line of its log in one go, with the port locked: it may break into the middle of what a program writes, even between two
 * letters, but nothing breaks into it. So everything from its time to its line end is the kernel's, and what is before and after it belongs
 * together. The time is what `printk.time` makes of it: seconds in at least five places, six digits after the point
 * (`Documentation/core-api/printk-basics.rst`); a level before it (`console_msg_format=syslog`) and a caller after it
 * (`CONFIG_PRINTK_CALLER`) are understood as well.
 *
 * The pieces do not depend on how the text was cut into chunks, but for where text that belongs together is cut.
 */
export class KernelLineFilter {
  /** What may become a kernel line. */
  #held = "";
  /** Where `#held` begins. */
  #at = 0;

  /** What came and can't be told yet: it may be a kernel line, or its beginning. */
  get held(): string {
    return this.#held;
  }

  /**
   * Takes what the console said next.
   *
   * @param chunk Any part of the text.
   * @returns The pieces that are certain by now, in order.
   */
  push(chunk: string): ConsolePiece[] {
    const pieces: ConsolePiece[] = [];
    const buffer = this.#held + chunk;
    /** Up to where the buffer was given out. */
    let done = 0;
    let from = 0;
    const text = (until: number) => {
      if (until > done) pieces.push({ kind: "text", text: buffer.slice(done, until), at: this.#at + done });
    };
    const finish = (from: number) => {
      text(from);
      this.#at += from;
      this.#held = buffer.slice(from);
      return pieces;
    };
    for (;;) {
      const start = nextBracket(buffer, from);
      if (start < 0) return finish(buffer.length);
      const prefix = readPrefix(buffer, start);
      if (prefix === "partial") return finish(start);
      if (prefix === null) {
        from = start + 1;
        continue;
      }
      const end = lineEnd(buffer, prefix);
      if (end === "partial") return finish(start);
      if (end === null) {
        from = prefix;
        continue;
      }
      text(start);
      const line = buffer.slice(start, end).replace(/[\r\n]+$/, "");
      pieces.push({
        kind: "kernel",
        line,
        message: line.slice(prefix - start),
        at: this.#at + start,
        end: this.#at + end,
      });
      done = end;
      from = end;
    }
  }

  /**
   * Says that nothing more comes.
   *
   * @returns What was held back: an unfinished kernel line is one, half a time is text.
   */
  end(): ConsolePiece[] {
    const [text, at] = [this.#held, this.#at];
    this.#held = "";
    this.#at += text.length;
    if (text === "") return [];
    const prefix = readPrefix(text, 0);
    if (typeof prefix !== "number") return [{ kind: "text", text, at }];
    return [{ kind: "kernel", line: text, message: text.slice(prefix), at, end: at + text.length }];
  }
}

/**
 * The parts of a whole text: see {@link KernelLineFilter}.
 *
 * @param text What a console said.
 * @returns Its pieces, in order.
 */
export function consolePieces(text: string): ConsolePiece[] {
  const filter = new KernelLineFilter();
  return [...filter.push(text), ...filter.end()];
}

const LINE_FEED = 10;
const ANGLE = 60;
const SQUARE = 91;

/** Where the next bracket is that may begin a kernel line, or -1. */
function nextBracket(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === SQUARE || code === ANGLE) return at;
  }
  return -1;
}

/**
 * The end of a kernel line: after its line feed, or where the next one breaks in.
 *
 * @returns `"partial"` while neither has come; null when it would be longer than any kernel's.
 */
function lineEnd(text: string, from: number): number | "partial" | null {
  const limit = from + MAX_LINE_CHARS;
  for (let at = from; at < Math.min(text.length, limit); at++) {
    const code = text.charCodeAt(at);
    if (code === LINE_FEED) return at + 1;
    if (code !== SQUARE && code !== ANGLE) continue;
    const prefix = readPrefix(text, at);
    if (prefix === "partial") return "partial";
    if (prefix !== null) return at;
  }
  return text.length < limit ? "partial" : null;
}

/** Level, time and caller, and how they look while their end is missing. */
const LEVEL = /^<\d{1,3}>/;
const HALF_LEVEL = /^<\d{0,3}$/;
const TIME = /^\[(?: {4}\d| {3}\d{2}| {2}\d{3}| \d{4}|\d{5,10})\.\d{6}\]/;
const HALF_TIME =
  /^(?:\[(?: {0,4}| {4}\d| {3}\d{1,2}| {2}\d{1,3}| \d{1,4}|\d{1,10}|(?: {4}\d| {3}\d{2}| {2}\d{3}| \d{4}|\d{5,10})\.\d{0,6}))?$/;
const CALLER = /^\[ {0,5}[TC]\d{1,7}\]/;
const HALF_CALLER = /^\[ {0,5}(?:[TC]\d{0,7})?$/;
/** More than level, time and caller can have together. */
const MAX_PREFIX_CHARS = 64;

/**
 * Looks for level, time and caller.
 *
 * @returns Where they end; `"partial"` when the text ends within them; null when this is something else.
 */
function readPrefix(text: string, start: number): number | "partial" | null {
  // Most brackets are something else, and that is quickly said.
  if (!/[\d ]/.test(text[start + 1] ?? " ")) return null;
  const head = text.slice(start, start + MAX_PREFIX_CHARS);
  const level = LEVEL.exec(head)?.[0].length ?? 0;
  const afterLevel = head.slice(level);
  const time = TIME.exec(afterLevel)?.[0].length;
  if (time === undefined) return HALF_LEVEL.test(afterLevel) || HALF_TIME.test(afterLevel) ? "partial" : null;
  const afterTime = afterLevel.slice(time);
  const caller = CALLER.exec(afterTime)?.[0].length ?? 0;
  const rest = afterTime.slice(caller);
  if (rest === "" || (caller === 0 && HALF_CALLER.test(rest))) return "partial";
  return rest.startsWith(" ") ? start + level + time + caller + 1 : null;
}
