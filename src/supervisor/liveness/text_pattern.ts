import type { TextPattern } from "./probe.ts";

/**
 * Looks for a pattern.
 *
 * @param text Where.
 * @param pattern What for.
 * @returns Where its first match ends; -1 when there is none.
 */
export function endOfMatch(text: string, pattern: TextPattern): number {
  if (typeof pattern === "string") {
    const at = text.indexOf(pattern);
    return at < 0 ? -1 : at + pattern.length;
  }
  const found = toRegExp(pattern).exec(text);
  return found === null ? -1 : found.index + found[0].length;
}

/** A pattern for people. */
export function showTextPattern(pattern: TextPattern): string {
  return typeof pattern === "string" ? JSON.stringify(pattern) : `${toRegExp(pattern)}`;
}

/** @throws {SyntaxError} When it is none. */
export function toRegExp(pattern: Exclude<TextPattern, string>): RegExp {
  return new RegExp(pattern.regexp, pattern.flags);
}
