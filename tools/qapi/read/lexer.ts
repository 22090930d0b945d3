import { type Place, SchemaError } from "./source_error.ts";

/** What the schema language is made of. Comments are dropped, except for those that document something. */
export type Token =
  | { readonly kind: "punctuation"; readonly text: "{" | "}" | "[" | "]" | ":" | ","; readonly line: number }
  | { readonly kind: "string"; readonly text: string; readonly line: number }
  | { readonly kind: "boolean"; readonly value: boolean; readonly line: number }
  | { readonly kind: "doc"; readonly lines: readonly string[]; readonly line: number }
  | { readonly kind: "end"; readonly line: number };

const PUNCTUATION = /[{}[\]:,]/y;
const BLANK = /[ \t\r]+/y;
const STRING = /'((?:[^'\\\n]|\\\\)*)'/y;
const WORD = /[A-Za-z_][\w-]*/y;
const DOC_EDGE = /##[ \t\r]*(?:\n|$)/y;
const REST_OF_LINE = /[^\n]*/y;

/**
 * Splits a schema file into tokens.
 *
 * @param text The file's text.
 * @param file Its name, for errors.
 * @returns The tokens; the last one is `end`.
 * @throws {SchemaError} At what the language doesn't have.
 */
export function tokenize(text: string, file: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let lineStart = true;

  const place = (): Place => ({ file, line });
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };

  /** The lines between two `##`; both begin their line. */
  const doc = (): void => {
    const start = line;
    const lines: string[] = [];
    for (line++; at < text.length; line++) {
      if (match(DOC_EDGE) !== null) {
        at -= text[at - 1] === "\n" ? 1 : 0;
        tokens.push({ kind: "doc", lines, line: start });
        return;
      }
      const whole = match(REST_OF_LINE)?.[0].trimEnd() ?? "";
      // QEMU's own reader takes a line that is wholly empty for an empty comment, and 7.2 has some.
      if (whole !== "" && !/^#(?: |$)/.test(whole)) {
        throw new SchemaError(
          place(),
          '"# " and text, or the closing "##" of a documentation comment',
          shown(whole),
        );
      }
      lines.push(whole.slice(2));
      at++;
    }
    throw new SchemaError(
      { file, line: start },
      'a closing "##" for this documentation comment',
      "the end of the file",
    );
  };

  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === "\n") {
      at++;
      line++;
      lineStart = true;
      continue;
    }
    if (match(BLANK) !== null) continue;
    if (char === "#") {
      if (lineStart && match(DOC_EDGE) !== null) doc();
      else match(REST_OF_LINE);
      continue;
    }
    lineStart = false;
    if (match(PUNCTUATION) !== null) {
      tokens.push({ kind: "punctuation", text: char as "{", line });
      continue;
    }
    if (char === "'") {
      const string = match(STRING);
      if (string === null) throw new SchemaError(place(), "a string that ends on its line", restOf(text, at));
      tokens.push({ kind: "string", text: (string[1] ?? "").replaceAll("\\\\", "\\"), line });
      continue;
    }
    const word = match(WORD)?.[0];
    if (word !== "true" && word !== "false") {
      const found = word === undefined ? restOf(text, at) : shown(word);
      throw new SchemaError(place(), "a string in single quotes, true, false, or one of { } [ ] , :", found);
    }
    tokens.push({ kind: "boolean", value: word === "true", line });
  }
  tokens.push({ kind: "end", line });
  return tokens;
}

/** A token as an error names it. */
export function describeToken(token: Token): string {
  switch (token.kind) {
    case "punctuation":
      return shown(token.text);
    case "string":
      return `'${token.text}'`;
    case "boolean":
      return String(token.value);
    case "doc":
      return "a documentation comment";
    case "end":
      return "the end of the file";
  }
}

function restOf(text: string, at: number): string {
  return shown(
    text.slice(at, text.indexOf("\n", at) === -1 ? undefined : text.indexOf("\n", at)).slice(0, 30),
  );
}

function shown(text: string): string {
  return JSON.stringify(text);
}
