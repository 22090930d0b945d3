import { UsageError } from "./command.ts";
import { parseJson } from "./text.ts";

/** A line of the shell. */
export type QmpLine =
  | { kind: "empty" }
  | { kind: "help" }
  | { kind: "command"; command: string; args: object; oob: boolean }
  | { kind: "hmp"; command: string };

/**
 * Reads a line of the shell: a whole QMP command, a command's name and its arguments as JSON, or `hmp` and a command of the human monitor.
 *
 * @param line The line.
 * @returns What it asks for.
 * @throws {UsageError} When it is none of these.
 */
export function parseQmpLine(line: string): QmpLine {
  const text = line.trim();
  if (text === "") return { kind: "empty" };
  if (text === "help") return { kind: "help" };
  if (text.startsWith("{")) return parseMessage(text);
  const [, word = "", rest = ""] = /^([^\s{]+)\s*([\s\S]*)$/.exec(text) ?? [];
  if (word === "hmp") {
    if (rest === "") throw new UsageError('hmp needs a command, as in "hmp info status"');
    return { kind: "hmp", command: rest };
  }
  return { kind: "command", command: word, args: parseArguments(rest), oob: false };
}

/**
 * Reads a command's arguments.
 *
 * @param text A JSON object, or nothing.
 * @returns The object.
 * @throws {UsageError} When it is no JSON object.
 */
export function parseArguments(text: string): object {
  if (text.trim() === "") return {};
  const value = parseOrRefuse(text);
  if (isObject(value)) return value;
  throw new UsageError(`Expected the arguments as a JSON object, found ${text}`);
}

/** `{"execute": NAME, "arguments": {...}, "id": ANY}`; the id is not needed, as replies come one by one. */
function parseMessage(text: string): QmpLine {
  const value = parseOrRefuse(text);
  const { execute, "exec-oob": outOfBand, arguments: args = {}, id: _id, ...others } = isObject(value)
    ? value
    : {};
  const command = execute ?? outOfBand;
  const [stray] = Object.keys(others);
  if (
    typeof command !== "string" || (execute !== undefined && outOfBand !== undefined) || stray !== undefined
  ) {
    const found = stray === undefined ? "" : `, found ${JSON.stringify(stray)}`;
    throw new UsageError(`Expected {"execute": "command", "arguments": {...}}${found}`);
  }
  if (!isObject(args)) throw new UsageError("Expected the arguments as a JSON object");
  return { kind: "command", command, args, oob: outOfBand !== undefined };
}

function parseOrRefuse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UsageError(`Malformed JSON: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
