import { isObject } from "./json_text.ts";
import { LineFault } from "./line_fault.ts";
import { isAmbiguous, readLiteral } from "./literal.ts";
import type { LiveSchema } from "./live_schema.ts";
import type { Word } from "./tokens.ts";

/** What the schema says that arguments should be. */
export interface Typing {
  readonly schema: LiveSchema;
  /** The type of the arguments. */
  readonly type: string;
}

/** `file.driver=qcow2` in its parts. */
export interface Assignment {
  readonly path: readonly string[];
  readonly value: string;
  /** Where the value begins in the line. */
  readonly valueAt: number;
  readonly word: Word;
}

/**
 * Reads a command's arguments as QEMU's own qmp-shell takes them: `key=value`, with dots in the key for what is inside.
 *
 * @param words The words behind the command.
 * @param typing What the command takes; without it a value is read by its looks.
 * @returns The arguments.
 * @throws {LineFault} When a word is no `key=value`, a key comes twice, or a value is malformed.
 */
export function readArguments(words: readonly Word[], typing: Typing | null): Record<string, unknown> {
  const assignments = words.map(readAssignment);
  const given = typing === null ? {} : givenBy(words);
  const args: Record<string, unknown> = {};
  for (const { path, value, valueAt, word } of assignments) {
    const type = typing?.schema.at(typing.type, path, given);
    const kinds = type === undefined ? undefined : typing?.schema.kinds(type);
    assign(args, path, readLiteral(value, valueAt, kinds), word);
  }
  return args;
}

/**
 * What the words say, as far as they can be understood: enough to know which variant of a union is meant.
 *
 * @param words Words, finished or not.
 * @returns An object of texts, and of what is in brackets.
 */
export function givenBy(words: readonly Word[]): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const word of words) {
    try {
      const { path, value, valueAt } = readAssignment(word);
      // A discriminator is a text, whatever it looks like: there is a chardev backend "null".
      const text = /^["'[{]/.test(value) ? readLiteral(value, valueAt) : value;
      assign(given, path, text, word);
    } catch (error) {
      if (!(error instanceof LineFault)) throw error;
    }
  }
  return given;
}

/**
 * Whether the schema is needed to know what the words mean.
 *
 * @param words The words behind a command.
 * @returns Whether one of the values can be read in more than one way.
 */
export function needTypes(words: readonly Word[]): boolean {
  return words.some(({ text }) => isAmbiguous(text.slice(text.indexOf("=") + 1)));
}

function readAssignment(word: Word): Assignment {
  const equals = word.text.indexOf("=");
  if (equals < 0) throw new LineFault(word.at, `Expected key=value, found ${JSON.stringify(word.text)}`);
  const key = word.text.slice(0, equals);
  if (key === "") throw new LineFault(word.at, "Expected a key before =");
  const path = key.split(".");
  if (path.includes("")) {
    throw new LineFault(word.at, `Expected names around the dots of a key, found ${JSON.stringify(key)}`);
  }
  return { path, value: word.text.slice(equals + 1), valueAt: word.at + equals + 1, word };
}

function assign(args: Record<string, unknown>, path: readonly string[], value: unknown, word: Word): void {
  let object = args;
  for (const [index, name] of path.slice(0, -1).entries()) {
    if (!Object.hasOwn(object, name)) put(object, name, {});
    const inner = object[name];
    if (!isObject(inner)) {
      const key = path.slice(0, index + 1).join(".");
      throw new LineFault(
        word.at,
        `Expected no keys within ${JSON.stringify(key)}, which has a value already`,
      );
    }
    object = inner;
  }
  const name = path.at(-1) ?? "";
  if (Object.hasOwn(object, name)) {
    throw new LineFault(word.at, `Expected ${JSON.stringify(path.join("."))} once only`);
  }
  put(object, name, value);
}

/** Also where the name is `__proto__`. */
function put(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}
