/** QEMU answers deeper nesting with a thousand errors that carry no id (its limit is 1024 on 7.2 and 10.0). */
const MAX_DEPTH = 1000;

/**
 * QEMU's JSON reader takes none of the 66 code points that Unicode keeps for no character: U+FDD0 to U+FDEF, and the last two of each
 * plane. They are spelled out, those beyond U+FFFF by their surrogates: to look their property up costs each script 0.4 ms.
 */
const NONCHARACTER =
  /[\uFDD0-\uFDEF\uFFFE\uFFFF]|[\uD83F\uD87F\uD8BF\uD8FF\uD93F\uD97F\uD9BF\uD9FF\uDA3F\uDA7F\uDABF\uDAFF\uDB3F\uDB7F\uDBBF\uDBFF][\uDFFE\uDFFF]/;

/** `JSON.rawJSON`, which V8 has and TypeScript's library does not declare yet. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/**
 * Writes one command as it goes on the wire, but for its id, which `withId` adds: no spaces, no newline, no empty `arguments`, since QEMU reads byte by byte
 * (8.6 µs each) and an unread newline turns its end of file into a reset.
 *
 * What QEMU's parser would answer with an error that carries no id is refused here, because such an error ends the
 * connection for all calls: a lone surrogate, a noncharacter, or nesting deeper than 1000.
 *
 * @param command The command's name.
 * @param args Its arguments, a plain object; `bigint` values are written with all their digits.
 * @param oob Whether to send it out of band (`exec-oob`).
 * @returns The command's text, unfinished.
 * @throws {TypeError} When the arguments can't be written as JSON that QEMU reads.
 */
export function encodeCommand(command: string, args: unknown, oob: boolean): string {
  const name = encodeValue(command, command);
  const verb = oob ? "exec-oob" : "execute";
  const body = args === undefined ? "{}" : encodeValue(args, command);
  if (!body?.startsWith("{")) {
    throw new TypeError(`Cannot send "${command}": its arguments must be an object, found ${kindOf(args)}`);
  }
  return body === "{}" ? `{"${verb}":${name}` : `{"${verb}":${name},"arguments":${body}`;
}

/**
 * Finishes a command.
 *
 * @param text What `encodeCommand` returned.
 * @param id The reply's id.
 * @returns The whole command.
 */
export function withId(text: string, id: number): string {
  return `${text},"id":${id}}`;
}

function encodeValue(value: unknown, command: string): string | undefined {
  const text = stringify(value);
  if (text === undefined) return undefined;
  // JSON.stringify writes a lone surrogate as an escape, so this is a cheap test that is only seldom passed.
  if (text.includes("\\ud")) assertWellFormed(JSON.parse(text), command);
  if (NONCHARACTER.test(text)) {
    throw new TypeError(
      `Cannot send "${command}": a string in its arguments holds a code point that is no character, such as U+FFFF`,
    );
  }
  if (text.length > MAX_DEPTH) assertDepth(text, command);
  return text;
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // A bigint, which is rare; what is wrong in another way (a cycle) throws again here.
    return JSON.stringify(
      value,
      (_key, member) => typeof member === "bigint" ? rawJson(`${member}`) : member,
    );
  }
}

function assertWellFormed(value: unknown, command: string): void {
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new TypeError(
      `Cannot send "${command}": a string in its arguments holds half of a surrogate pair, which is no Unicode character`,
    );
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    assertWellFormed(key, command);
    assertWellFormed(member, command);
  }
}

function assertDepth(text: string, command: string): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (inString) {
      if (char === "\\") i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    if (depth > MAX_DEPTH) {
      throw new TypeError(
        `Cannot send "${command}": its arguments are nested deeper than ${MAX_DEPTH} levels`,
      );
    }
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}
