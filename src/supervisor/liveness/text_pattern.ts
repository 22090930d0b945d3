import type { TextPattern } from "./probe.ts";

/**
 * Looks for a pattern.
 *
 * @param text Where.
 * @param pattern What for.
 * @returns Where its last match ends; -1 when there is none.
 */
export function endOfLastMatch(text: string, pattern: TextPattern): number {
  if (typeof pattern === "string") {
    const at = text.lastIndexOf(pattern);
    return at < 0 ? -1 : at + pattern.length;
  }
  const { source, flags } = toRegExp(pattern);
  let end = -1;
  for (const { 0: found, index } of text.matchAll(new RegExp(source, `${flags}g`))) {
    end = index + found.length;
  }
  return end;
}

/** A pattern for people. */
export function showTextPattern(pattern: TextPattern): string {
  return typeof pattern === "string" ? JSON.stringify(pattern) : `${toRegExp(pattern)}`;
}

/** @throws {SyntaxError} When it is none. */
export function toRegExp(pattern: Exclude<TextPattern, string>): RegExp {
  return new RegExp(pattern.regexp, pattern.flags);
}
