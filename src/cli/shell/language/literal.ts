import { readJson } from "./json_text.ts";
import { LineFault } from "./line_fault.ts";
import type { Kind } from "./live_schema.ts";

/** QEMU's own words for a boolean, where nothing else can be meant. */
const SWITCHES: ReadonlyMap<string, boolean> = new Map([["on", true], ["off", false]]);

const WORDS: ReadonlyMap<string, boolean | null> = new Map([["true", true], ["false", false], [
  "null",
  null,
]]);

/**
 * Reads the value of `key=value`: JSON in brackets, a text in quotes, a number, true, false or null, else a plain text. Where the
 * schema says what is wanted, that decides: `id=1` is a text where a text is wanted, and a number where it is not known.
 *
 * @param text The value.
 * @param at Where it begins in the line.
 * @param kinds What may stand there. Default: not known.
 * @returns The value.
 * @throws {LineFault} When a quote or a bracket is not closed, or the JSON is malformed.
 */
export function readLiteral(text: string, at: number, kinds?: ReadonlySet<Kind>): unknown {
  const first = text[0] ?? "";
  if (first === '"' || first === "'") return readQuoted(text, at);
  const wantsText = kinds?.has("string") ?? false;
  if (first === "{" || first === "[") {
    const wantsBrackets = kinds === undefined ||
      ["object", "list", "any"].some((kind) => kinds.has(kind as Kind));
    return wantsText && !wantsBrackets ? text : readJson(text, at);
  }
  const literal = plainLiteral(text, kinds);
  return literal.kind === "string" || accepts(kinds, literal.kind) || !wantsText ? literal.value : text;
}

/**
 * Whether a value can be read in more than one way, so that it takes the schema to know which one is meant.
 *
 * @param text The value.
 * @returns Whether it is more than a plain or quoted text.
 */
export function isAmbiguous(text: string): boolean {
  return /^[[{]|^0x/i.test(text) || SWITCHES.has(text) || plainLiteral(text).kind !== "string";
}

/** A text in quotes as what it says: in double ones with JSON's escapes, in single ones with a backslash before what is meant as it is. */
function readQuoted(text: string, at: number): string {
  const quote = text[0] ?? "";
  const close = closingQuote(text);
  if (close === null) throw new LineFault(at, `Expected a closing ${quote} for the one here`);
  if (close !== text.length - 1) {
    throw new LineFault(
      at + close + 1,
      `Expected a blank behind the closing quote, found ${JSON.stringify(text.slice(close + 1))}`,
    );
  }
  return quote === '"' ? String(readJson(text, at)) : text.slice(1, -1).replace(/\\(.)/gs, "$1");
}

function closingQuote(text: string): number | null {
  for (let at = 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === text[0]) return at;
  }
  return null;
}

function plainLiteral(text: string, kinds?: ReadonlySet<Kind>): { kind: Kind; value: unknown } {
  if (/^[+-]?\d+$/.test(text)) return { kind: "integer", value: integer(text) };
  if (/^0x[0-9a-f]+$/i.test(text) && kinds?.has("integer")) return { kind: "integer", value: integer(text) };
  if (/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text)) return { kind: "number", value: Number(text) };
  const word = WORDS.get(text.toLowerCase());
  if (word !== undefined) return { kind: word === null ? "null" : "boolean", value: word };
  const onOff = SWITCHES.get(text);
  if (onOff !== undefined && kinds?.has("boolean") && !kinds.has("string")) {
    return { kind: "boolean", value: onOff };
  }
  return { kind: "string", value: text };
}

/** All of its digits count. */
function integer(text: string): number | bigint {
  const value = BigInt(text.replace("+", ""));
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function accepts(kinds: ReadonlySet<Kind> | undefined, kind: Kind): boolean {
  if (kinds === undefined || kinds.has("any") || kinds.has(kind)) return true;
  return kind === "integer" && kinds.has("number");
}
