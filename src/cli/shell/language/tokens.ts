/** A word of a line. */
export interface Word {
  readonly text: string;
  /** Where it begins in the line, from 0. */
  readonly at: number;
}

/** A line in words. */
export interface Words {
  readonly words: readonly Word[];
  /** A quote or bracket that nothing closes, and where it is. */
  readonly open: { readonly char: string; readonly at: number } | null;
}

const CLOSING: Readonly<Record<string, string>> = { "{": "}", "[": "]" };

/**
 * Splits a line at blanks. A value, which begins a word or follows its first `=`, may hold blanks when it begins with a quote or a bracket:
 * it then goes on to the end of that.
 *
 * @param line The line, or a part of one.
 * @returns Its words.
 */
export function splitWords(line: string): Words {
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    while (isBlank(line[at])) at++;
    if (at >= line.length) return { words, open: null };
    const word = endOfWord(line, at);
    words.push({ text: line.slice(at, word.end), at });
    if (word.open !== null) return { words, open: word.open };
    at = word.end;
  }
}

interface End {
  readonly end: number;
  readonly open: Words["open"];
}

function endOfWord(line: string, start: number): End {
  let valueAt: number | null = start;
  let at = start;
  while (at < line.length && !isBlank(line[at])) {
    const char = line[at] ?? "";
    if (at === valueAt && (char === '"' || char === "'")) {
      const close = endOfQuote(line, at);
      if (close === null) return { end: line.length, open: { char, at } };
      at = close;
    } else if (at === valueAt && char in CLOSING) {
      const bracket = endOfBracket(line, at);
      if (bracket.open !== null) return bracket;
      at = bracket.end;
    } else {
      if (char === "=" && valueAt === start) valueAt = at + 1;
      at++;
    }
  }
  return { end: at, open: null };
}

/** Where a quoted text ends, behind its closing quote; null when it has none. */
function endOfQuote(line: string, start: number): number | null {
  for (let at = start + 1; at < line.length; at++) {
    if (line[at] === "\\") at++;
    else if (line[at] === line[start]) return at + 1;
  }
  return null;
}

function endOfBracket(line: string, start: number): End {
  const stack: { char: string; at: number }[] = [];
  for (let at = start; at < line.length; at++) {
    const char = line[at] ?? "";
    if (char === '"') {
      const close = endOfQuote(line, at);
      if (close === null) return { end: line.length, open: { char, at } };
      at = close - 1;
    } else if (char in CLOSING) {
      stack.push({ char, at });
    } else if (char === "}" || char === "]") {
      // A bracket that closes another kind is for the JSON parser to complain about.
      stack.pop();
      if (stack.length === 0) return { end: at + 1, open: null };
    }
  }
  return { end: line.length, open: stack.at(-1) ?? null };
}

function isBlank(char: string | undefined): boolean {
  return char === " " || char === "\t";
}
