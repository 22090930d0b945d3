import { parseJson } from "../../text.ts";
import { LineFault } from "./line_fault.ts";

/**
 * Reads JSON within a line.
 *
 * @param text The JSON.
 * @param at Where it begins in the line.
 * @returns The value; an integer that a number can't hold is a `bigint`.
 * @throws {LineFault} When it is no JSON, at the place where that shows.
 */
export function readJson(text: string, at: number): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    // V8 says the place in its message only, and none where the text ends too early.
    const place = Number(/ at position (\d+)/.exec(said)?.[1] ?? text.length);
    const reason = said.replace(/(?: in JSON)? at position \d+.*$/s, "");
    throw new LineFault(at + place, `Malformed JSON: ${reason}`, { cause: error });
  }
}

/**
 * Reads a JSON object within a line.
 *
 * @param text The JSON.
 * @param at Where it begins in the line.
 * @returns The object.
 * @throws {LineFault} When it is no JSON, or no object.
 */
export function readJsonObject(text: string, at: number): Record<string, unknown> {
  const value = readJson(text, at);
  if (isObject(value)) return value;
  throw new LineFault(at, `Expected the arguments as a JSON object, found ${text}`);
}

/**
 * Whether a value is a JSON object.
 *
 * @param value Any value.
 * @returns Whether it has members by name.
 */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
