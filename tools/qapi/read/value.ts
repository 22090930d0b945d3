import { describeToken, type Token } from "./lexer.ts";
import { type Place, SchemaError } from "./source_error.ts";

/** A value of the schema language, with its place. */
export type Value =
  | { readonly kind: "string"; readonly text: string; readonly place: Place }
  | { readonly kind: "boolean"; readonly value: boolean; readonly place: Place }
  | { readonly kind: "list"; readonly items: readonly Value[]; readonly place: Place }
  | ObjectValue;

/** An object, its members in their order. */
export interface ObjectValue {
  readonly kind: "object";
  readonly members: ReadonlyMap<string, Value>;
  readonly place: Place;
}

/** A value as an error names it. */
export function describeValue(value: Value | undefined): string {
  switch (value?.kind) {
    case undefined:
      return "nothing";
    case "string":
      return `'${value.text}'`;
    case "boolean":
      return String(value.value);
    case "list":
      return "a list";
    case "object":
      return "an object";
  }
}

/** A file's tokens, read one after the other. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #file: string;
  #at = 0;

  constructor(tokens: readonly Token[], file: string) {
    this.#tokens = tokens;
    this.#file = file;
  }

  /** The next token, which stays the next one. */
  peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", line: 1 };
  }

  /** The next token, and goes on. */
  next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  /** Where a token is. */
  placeOf(token: Token): Place {
    return { file: this.#file, line: token.line };
  }

  /** The error that says that something else than this token was expected. */
  unexpected(token: Token, expected: string): SchemaError {
    return new SchemaError(this.placeOf(token), expected, describeToken(token));
  }

  /** Goes past the next token if it is this punctuation. */
  skip(text: string): boolean {
    const token = this.peek();
    if (token.kind !== "punctuation" || token.text !== text) return false;
    this.#at++;
    return true;
  }
}

/**
 * Reads an object.
 *
 * @throws {SchemaError} When the next tokens are something else, or a member comes twice.
 */
export function readObject(reader: TokenReader): ObjectValue {
  const open = reader.peek();
  if (!reader.skip("{")) throw reader.unexpected(open, '"{"');
  const members = new Map<string, Value>();
  const place = reader.placeOf(open);
  if (reader.skip("}")) return { kind: "object", members, place };
  for (;;) {
    const key = reader.next();
    if (key.kind !== "string") throw reader.unexpected(key, "a member's name in single quotes");
    if (members.has(key.text)) {
      throw new SchemaError(reader.placeOf(key), "each member once", `'${key.text}' again`);
    }
    if (!reader.skip(":")) throw reader.unexpected(reader.peek(), `":" after '${key.text}'`);
    members.set(key.text, readValue(reader));
    if (reader.skip("}")) return { kind: "object", members, place };
    if (!reader.skip(",")) throw reader.unexpected(reader.peek(), '"," or "}"');
  }
}

function readValue(reader: TokenReader): Value {
  const token = reader.peek();
  const place = reader.placeOf(token);
  switch (token.kind) {
    case "string":
      reader.next();
      return { kind: "string", text: token.text, place };
    case "boolean":
      reader.next();
      return { kind: "boolean", value: token.value, place };
    case "punctuation":
      if (token.text === "{") return readObject(reader);
      if (token.text === "[") return readList(reader, place);
  }
  throw reader.unexpected(token, "a string, true, false, a list or an object");
}

function readList(reader: TokenReader, place: Place): Value {
  reader.next();
  const items: Value[] = [];
  if (reader.skip("]")) return { kind: "list", items, place };
  for (;;) {
    items.push(readValue(reader));
    if (reader.skip("]")) return { kind: "list", items, place };
    if (!reader.skip(",")) throw reader.unexpected(reader.peek(), '"," or "]"');
  }
}
