import * as v from "valibot";
import { MAX_SOCKET_PATH_BYTES, utf8Length } from "./socket_path.ts";

// In these schemas a message is what was expected, in words; parse.ts puts the place before it and the finding after it.

/** A schema of strings. */
export type TextSchema = v.GenericSchema<string>;

/**
 * Any string that an argument can carry.
 *
 * @param expected What it is, in words.
 * @returns A schema.
 */
export function text(expected: string): TextSchema {
  return v.pipe(
    v.string(expected),
    // C ends a string at NUL, and a lone surrogate has no bytes of its own: both would reach QEMU as something else.
    v.check((value) => !value.includes("\0"), `${expected} without NUL`),
    v.check((value) => value.isWellFormed(), `${expected} in well-formed Unicode, without lone surrogates`),
  );
}

/**
 * A name of something outside: not empty.
 *
 * @param expected What it names, in words.
 * @returns A schema.
 */
export function name(expected: string): TextSchema {
  return v.pipe(text(expected), v.nonEmpty(`${expected}, not empty`));
}

/**
 * A word that QEMU looks up in a list of its own. `help` and `?` would make it print that list and exit.
 *
 * @param expected What it is, in words.
 * @returns A schema.
 */
export function word(expected: string): TextSchema {
  return v.pipe(
    v.string(expected),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9_.+-]*$/, `${expected}: letters, digits and _.+-`),
    v.check((value) => value !== "help", `${expected}, not the word that makes QEMU print a list`),
  );
}

/**
 * An id as QEMU allows it (`id_wellformed`), short enough to be part of a file name.
 *
 * @returns A schema.
 */
export function id(): TextSchema {
  return v.pipe(
    v.string("an id"),
    v.regex(/^[A-Za-z][A-Za-z0-9._-]*$/, "an id: a letter, then letters, digits and ._-"),
    v.maxLength(64, "an id of at most 64 characters"),
  );
}

/**
 * The path of a unix socket.
 *
 * @returns A schema.
 */
export function socketPath(): TextSchema {
  return v.pipe(
    name("the path of a unix socket"),
    v.check(
      (path) => utf8Length(path) <= MAX_SOCKET_PATH_BYTES,
      `the path of a unix socket, at most ${MAX_SOCKET_PATH_BYTES} bytes`,
    ),
  );
}

/**
 * An IPv4 address in numbers, which is what QEMU's user network takes.
 *
 * @returns A schema.
 */
export function ipv4(): TextSchema {
  return v.pipe(v.string("an IPv4 address"), v.ipv4("an IPv4 address"));
}

/**
 * A string of a limited length in bytes.
 *
 * @param expected What it is, in words.
 * @param most The most bytes.
 * @returns A schema.
 */
export function shortText(expected: string, most: number): TextSchema {
  return v.pipe(
    name(expected),
    v.check((value) => utf8Length(value) <= most, `${expected}, at most ${most} bytes`),
  );
}

/**
 * An integer.
 *
 * @param least The least.
 * @param most The most.
 * @param expected What it is, in words.
 * @returns A schema.
 */
export function integer(least: number, most: number, expected: string): v.GenericSchema<number> {
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(least, expected),
    v.maxValue(most, expected),
  );
}

/**
 * True or false.
 *
 * @returns A schema.
 */
export function flag(): v.GenericSchema<boolean> {
  return v.boolean("true or false");
}

/**
 * One of a few words.
 *
 * @param words The words.
 * @returns A schema.
 */
export function oneOf<const T extends readonly string[]>(words: T): v.GenericSchema<T[number]> {
  return v.picklist(words, alternatives(words));
}

/**
 * Alternatives in words: `"a", "b" or "c"`.
 *
 * @param words The alternatives.
 * @returns A phrase for a message.
 */
export function alternatives(words: readonly string[]): string {
  const quoted = words.map((one) => JSON.stringify(one));
  const last = quoted.pop() ?? "nothing";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

/** Makes the schema of a value when there is one to check: a config has few of its keys, and the schemas of all cost each launch 3 ms. */
type Make<T> = () => v.GenericSchema<T>;

/** A key that may be missing. */
interface OptionalKey<T> {
  readonly optional: Make<T>;
}

/** Every key of a type, each with what makes its schema: a key that is forgotten, or whose schema is of another type, does not compile. */
type Keys<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? OptionalKey<Required<T>[K]>
    : Make<T[K]>;
};

/**
 * A key that may be missing.
 *
 * @param make What makes the schema of its value.
 * @returns The key.
 */
export function optional<T>(make: Make<T>): OptionalKey<T> {
  return { optional: make };
}

/**
 * An object with these keys and no others.
 *
 * @param keys Its keys.
 * @returns A schema.
 */
export function object<T extends object>(keys: Keys<T>): v.GenericSchema<T> {
  const all = Object.entries<Make<unknown> | OptionalKey<unknown>>(keys);
  return v.lazy((input) => {
    const entries: Record<string, v.GenericSchema> = {};
    for (const [key, make] of all) {
      if (typeof make === "function") entries[key] = make();
      else if (typeof input === "object" && input !== null && Object.hasOwn(input, key)) {
        entries[key] = make.optional();
      }
    }
    return v.strictObject(entries, (issue) => {
      if (issue.expected === "Object") return "an object";
      if (issue.expected === "never") return Object.keys(keys).join("\n");
      const message = (entries[String(issue.path?.at(-1)?.key)] as { message?: unknown } | undefined)
        ?.message;
      return typeof message === "string" ? message : "a value";
    }) as v.GenericSchema<unknown> as v.GenericSchema<T>;
  });
}

/**
 * A list.
 *
 * @param item The schema of its items.
 * @param expected What they are, in words.
 * @returns A schema.
 */
export function list<T>(item: v.GenericSchema<T>, expected: string): v.GenericSchema<T[]> {
  return v.array(item, `a list of ${expected}`);
}

/**
 * One of several objects, told apart by a word in each.
 *
 * @param key The key that holds the word.
 * @param schemas The schema for each word.
 * @returns A schema.
 */
export function variant<T>(
  key: string,
  schemas: Readonly<Record<string, v.GenericSchema<T>>>,
): v.GenericSchema<T> {
  const words = Object.keys(schemas);
  return v.lazy((input) => {
    const found: unknown = typeof input === "object" && input !== null ? Reflect.get(input, key) : undefined;
    const schema = typeof found === "string" && Object.hasOwn(schemas, found) ? schemas[found] : undefined;
    return schema ?? noneOf(key, words);
  });
}

/** A schema that nothing passes: of an object with the wrong word only the word is said, its keys may be those of any. */
function noneOf(key: string, words: readonly string[]): v.GenericSchema<never> {
  return v.pipe(
    v.looseObject(
      { [key]: oneOf(words) },
      (issue) => issue.expected === "Object" ? `an object with ${key}` : alternatives(words),
    ),
    v.transform((): never => {
      throw new Error("Unreachable: the word was not among the known ones");
    }),
  ) as v.GenericSchema<unknown> as v.GenericSchema<never>;
}
