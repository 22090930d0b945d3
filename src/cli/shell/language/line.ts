import { isObject, readJson, readJsonObject } from "./json_text.ts";
import { LineFault } from "./line_fault.ts";
import { splitWords, type Word } from "./tokens.ts";

/** A command's arguments: read already, or words that the schema helps to read. */
export type Arguments =
  | { readonly kind: "json"; readonly value: Record<string, unknown> }
  | { readonly kind: "words"; readonly words: readonly Word[] };

/** What a line of the shell asks for. */
export type ShellLine =
  | { readonly kind: "empty" }
  | { readonly kind: "exit" }
  | { readonly kind: "help"; readonly words: readonly Word[] }
  | { readonly kind: "hmp"; readonly command: string }
  | { readonly kind: "command"; readonly command: string; readonly args: Arguments }
  | {
    readonly kind: "message";
    readonly command: string;
    readonly args: Record<string, unknown>;
    readonly oob: boolean;
    /** The members that the reply has to have as well: its id, if there was one. */
    readonly echo: { readonly id?: unknown };
  }
  | { readonly kind: "transaction"; readonly action: Action | null; readonly closes: boolean };

/** One action of a transaction. */
export interface Action {
  readonly type: string;
  readonly args: Arguments;
}

/** What opens a transaction, and the word that closes it. */
const OPENING = "transaction(";
const CLOSING = ")";

/**
 * Reads a line of the shell: a command with `key=value` arguments or with a JSON object, a whole QMP message, `hmp` and a line of the
 * human monitor, a transaction, or a word to the shell itself. A line that begins with `#` is a comment.
 *
 * @param line The line.
 * @param inTransaction Whether a transaction is open, so that the line is one of its actions. Default: it is not.
 * @returns What it asks for.
 * @throws {LineFault} When it is none of these, at the place where that shows.
 */
export function readLine(line: string, inTransaction = false): ShellLine {
  const start = line.search(/[^ \t\r]/);
  if (start < 0 || line[start] === "#") return { kind: "empty" };
  if (line[start] === "{" && !inTransaction) return readMessage(line.slice(start).trimEnd(), start);
  const [name, ...words] = wordsOf(line, start);
  if (inTransaction) return readAction(line, name ? [name, ...words] : []);
  switch (name?.text) {
    case OPENING:
      return readAction(line, words);
    case "exit":
      return { kind: "exit" };
    case "help":
      return { kind: "help", words };
    case "hmp": {
      const [first] = words;
      if (first !== undefined) return { kind: "hmp", command: line.slice(first.at).trimEnd() };
      throw new LineFault(
        line.length,
        'Expected a line of the human monitor behind hmp, as in "hmp info status"',
      );
    }
    default:
      return { kind: "command", command: name?.text ?? "", args: readRest(line, words) };
  }
}

/** A command's name may be followed by its JSON without a blank between them. */
function wordsOf(line: string, start: number): readonly Word[] {
  const glued = /^[\w-]+(?=\{)/.exec(line.slice(start))?.[0];
  if (glued === undefined) return closedWords(line);
  const at = start + glued.length;
  return [{ text: glued, at: start }, { text: line.slice(at), at }];
}

function closedWords(line: string): readonly Word[] {
  const { words, open } = splitWords(line.trimEnd());
  // What is sent to the human monitor, or is JSON as a whole, has rules of its own.
  if (open === null || words[0]?.text === "hmp" || words[1]?.text.startsWith("{")) return words;
  throw new LineFault(open.at, `Expected something that closes the ${open.char} here`);
}

function readRest(line: string, words: readonly Word[]): Arguments {
  const [first] = words;
  if (!first?.text.startsWith("{")) return { kind: "words", words };
  return { kind: "json", value: readJsonObject(line.slice(first.at).trimEnd(), first.at) };
}

function readAction(line: string, words: readonly Word[]): ShellLine {
  const last = words.at(-1);
  const closes = last?.text === CLOSING;
  const [name, ...rest] = closes ? words.slice(0, -1) : words;
  if (name === undefined) return { kind: "transaction", action: null, closes };
  const stray = words.find(({ text }) => text === OPENING || text === CLOSING);
  if (stray !== undefined && !(closes && stray === last)) {
    throw new LineFault(stray.at, `Expected an action, or ) at the end, found ${JSON.stringify(stray.text)}`);
  }
  const args = readRest(closes ? line.slice(0, last.at) : line, rest);
  return { kind: "transaction", action: { type: name.text, args }, closes };
}

/** `{"execute": NAME, "arguments": {...}, "id": ANY}` */
function readMessage(text: string, at: number): ShellLine {
  const value = readJson(text, at);
  const { execute, "exec-oob": outOfBand, arguments: args = {}, ...others } = isObject(value) ? value : {};
  const { id: _id, ...strays } = others;
  const command = execute ?? outOfBand;
  const [stray] = Object.keys(strays);
  if (
    typeof command !== "string" || (execute !== undefined && outOfBand !== undefined) || stray !== undefined
  ) {
    const found = stray === undefined ? "" : `, found ${JSON.stringify(stray)}`;
    throw new LineFault(
      at,
      `Expected {"execute": "command", "arguments": {...}}, with "exec-oob" for a command out of band${found}`,
    );
  }
  if (!isObject(args)) {
    throw new LineFault(at, `Expected the arguments as a JSON object, found ${JSON.stringify(args)}`);
  }
  const echo = Object.hasOwn(others, "id") ? { id: others.id } : {};
  return { kind: "message", command, args, oob: outOfBand !== undefined, echo };
}
