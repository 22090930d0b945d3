import { parseExact } from "../qmp/exact_json.ts";

/** What a terminal might obey, or show in another place than it stands: control characters and those that turn the direction of text. */
// deno-lint-ignore no-control-regex -- finding control characters is what it is for
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Makes text harmless to a terminal or a log: what QEMU or a guest said may hold anything.
 *
 * @param text Any text.
 * @returns The same, with control characters as escapes; tabs and line feeds stay.
 */
export function printable(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNSAFE, escaped);
}

/**
 * Makes one line of a text.
 *
 * @param text Any text.
 * @returns It as one harmless line; line ends and what is indented after them become ` / `.
 */
export function oneLine(text: string): string {
  return printable(text).trim().replace(/\s*\n\s*/g, " / ").replaceAll("\t", " ");
}

/** `JSON.rawJSON`, which V8 has and TypeScript's library does not declare yet. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/**
 * Writes a value as JSON, whatever QEMU sent: no digit of a 64-bit integer is lost, and no control character gets out.
 *
 * @param value The value.
 * @param indent How far each level is indented; 0 is all on one line.
 * @returns JSON.
 */
export function formatJson(value: unknown, indent: number = 0): string {
  const text = JSON.stringify(value, (_key, member) => {
    if (typeof member === "bigint") return rawJson(`${member}`);
    return member instanceof Error ? member.message : member;
  }, indent);
  // JSON itself escapes only the first 32. Outside strings there are none of these but line feeds, which no match holds.
  return (text ?? "null").replace(UNSAFE, unicodeEscaped);
}

/**
 * Reads JSON from a command line or a person.
 *
 * @param text One JSON text.
 * @returns The value; an integer that a number can't hold is a `bigint`.
 * @throws {SyntaxError} When it is no JSON.
 */
export function parseJson(text: string): unknown {
  return parseExact(text, true);
}

function escaped(char: string): string {
  const code = char.charCodeAt(0);
  return code > 0xff ? unicodeEscaped(char) : `\\x${code.toString(16).padStart(2, "0")}`;
}

function unicodeEscaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
