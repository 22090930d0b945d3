import type { Place } from "./place.ts";
import { MAX_SOCKET_PATH_BYTES, utf8Length } from "./socket_path.ts";

// In these schemas a message is what was expected, in words; the place puts where it is before it and the finding after it.

/**
 * Checks a value, and tells the place what is wrong with it.
 *
 * @returns The value, or a copy of it, as it is to be kept; undefined, or with undefined in it, when something is wrong.
 */
export type Schema<T> = (value: unknown, place: Place) => T | undefined;

/** What a string has to be besides, and what was expected if it is not: in words, or made of the words for what it is. */
type Test = readonly [RegExp | ((value: string) => boolean), string | ((what: string) => string)];

/** C ends a string at NUL, and a lone surrogate has no bytes of its own: both would reach QEMU as something else. */
const CARRIED: readonly Test[] = [
  [(value) => !value.includes("\0"), (what) => `${what} without NUL`],
  [(value) => value.isWellFormed(), (what) => `${what} in well-formed Unicode, without lone surrogates`],
];
const NOT_EMPTY: Test = [(value) => value !== "", (what) => `${what}, not empty`];

/**
 * A string that passes tests. Only the first that it fails is told.
 *
 * @param expected What it is, in words.
 * @param tests The tests.
 * @returns A schema.
 */
export function string(expected: string, ...tests: readonly Test[]): Schema<string> {
  return (value, place) => {
    if (typeof value !== "string") return place.wrong(value, expected);
    const failed = tests.find(([test]) => typeof test === "function" ? !test(value) : !test.test(value));
    if (failed === undefined) return value;
    const [, words] = failed;
    return place.wrong(value, typeof words === "function" ? words(expected) : words);
  };
}

/**
 * Any string that an argument can carry.
 *
 * @param expected What it is, in words.
 * @returns A schema.
 */
export function text(expected: string): Schema<string> {
  return string(expected, ...CARRIED);
}

/**
 * A name of something outside: not empty.
 *
 * @param expected What it names, in words.
 * @param tests What it has to be besides.
 * @returns A schema.
 */
export function name(expected: string, ...tests: readonly Test[]): Schema<string> {
  return string(expected, ...CARRIED, NOT_EMPTY, ...tests);
}

/**
 * A word that QEMU looks up in a list of its own. `help` and `?` would make it print that list and exit.
 *
 * @param expected What it is, in words.
 * @param first What it has to be before all else.
 * @returns A schema.
 */
export function word(expected: string, ...first: readonly Test[]): Schema<string> {
  return string(
    expected,
    ...first,
    [/^[A-Za-z0-9][A-Za-z0-9_.+-]*$/, `${expected}: letters, digits and _.+-`],
    [(value) => value !== "help", `${expected}, not the word that makes QEMU print a list`],
  );
}

/** An id as QEMU allows it (`id_wellformed`), short enough to be part of a file name. */
export const id: Schema<string> = string(
  "an id",
  [/^[A-Za-z][A-Za-z0-9._-]*$/, "an id: a letter, then letters, digits and ._-"],
  [(value) => value.length <= 64, "an id of at most 64 characters"],
);

/** The path of a unix socket. */
export const socketPath: Schema<string> = name("the path of a unix socket", [
  (path) => utf8Length(path) <= MAX_SOCKET_PATH_BYTES,
  `the path of a unix socket, at most ${MAX_SOCKET_PATH_BYTES} bytes`,
]);

/** An IPv4 address in numbers, which is what QEMU's user network takes. */
export const ipv4: Schema<string> = string("an IPv4 address", [
  (value) => /^\d{1,3}(\.\d{1,3}){3}$/.test(value) && value.split(".").every(isOctet),
  "an IPv4 address",
]);

/** A leading zero makes a number octal to some who read it. */
function isOctet(digits: string): boolean {
  return Number(digits) <= 255 && String(Number(digits)) === digits;
}

/**
 * A string of a limited length in bytes.
 *
 * @param expected What it is, in words.
 * @param most The most bytes.
 * @returns A schema.
 */
export function shortText(expected: string, most: number): Schema<string> {
  return name(expected, [(value) => utf8Length(value) <= most, `${expected}, at most ${most} bytes`]);
}

/**
 * A number.
 *
 * @param least The least.
 * @param most The most.
 * @param expected What it is, in words.
 * @returns A schema.
 */
export function number(least: number, most: number, expected: string): Schema<number> {
  return (value, place) => {
    const fits = typeof value === "number" && Number.isFinite(value) && value >= least && value <= most;
    return fits ? value : place.wrong(value, expected);
  };
}

/**
 * An integer.
 *
 * @param least The least.
 * @param most The most.
 * @param expected What it is, in words.
 * @returns A schema.
 */
export function integer(least: number, most: number, expected: string): Schema<number> {
  const fits = number(least, most, expected);
  return (value, place) => Number.isInteger(value) ? fits(value, place) : place.wrong(value, expected);
}

/** True or false. */
export const flag: Schema<boolean> = (value, place) =>
  typeof value === "boolean" ? value : place.wrong(value, "true or false");

/**
 * True, false, or something else.
 *
 * @param other The schema of what else; it knows what to expect of a value that is neither.
 * @returns A schema.
 */
export function flagOr<T>(other: Schema<T>): Schema<boolean | T> {
  return (value, place) => typeof value === "boolean" ? value : other(value, place);
}

/**
 * One word.
 *
 * @param only The word.
 * @param expected What was expected if it is another; the word by default.
 * @returns A schema.
 */
export function literal<const T extends string>(only: T, expected?: string): Schema<T> {
  return oneOf([only], expected);
}

/**
 * One of a few words.
 *
 * @param words The words.
 * @param expected What was expected if it is none of them; the words by default.
 * @returns A schema.
 */
export function oneOf<const T extends readonly string[]>(
  words: T,
  expected: string = alternatives(words),
): Schema<T[number]> {
  return (value, place) =>
    typeof value === "string" && words.includes(value) ? value : place.wrong(value, expected, words);
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

/**
 * A schema that is made when it is first asked: most configs have few of the parts that there are.
 *
 * @param make Makes it.
 * @returns A schema.
 */
export function lazy<T>(make: () => Schema<T>): Schema<T> {
  let made: Schema<T> | null = null;
  return (value, place) => (made ??= make())(value, place);
}

/** A key that may be missing. */
interface OptionalKey<T> {
  readonly optional: Schema<T>;
}

/** Every key of a type, each with its schema: a key that is forgotten, or whose schema is of another type, does not compile. */
type Keys<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? OptionalKey<Required<T>[K]>
    : Schema<T[K]>;
};

/**
 * A key that may be missing.
 *
 * @param schema The schema of its value.
 * @returns The key.
 */
export function optional<T>(schema: Schema<T>): OptionalKey<T> {
  return { optional: schema };
}

/**
 * An object with these keys. A key whose value is undefined counts as absent.
 *
 * @param keys Its keys.
 * @param others What becomes of any other key. What people write is refused, what a newer version wrote may be left out.
 * @returns A schema.
 */
export function object<T extends object>(
  keys: Keys<T>,
  others: "refused" | "left-out" = "refused",
): Schema<T> {
  const schemas = Object.entries<Schema<unknown> | OptionalKey<unknown>>(keys);
  const known = Object.keys(keys);
  return (value, place) => {
    if (!isObject(value)) return place.wrong(value, "an object");
    const kept: Record<string, unknown> = {};
    for (const [key, schema] of schemas) {
      const item = Object.hasOwn(value, key) ? value[key] : undefined;
      if (typeof schema === "function") kept[key] = schema(item, place.at(key));
      else if (item !== undefined) kept[key] = schema.optional(item, place.at(key));
    }
    if (others === "refused") place.refuseOthers(value, known);
    return kept as T;
  };
}

/**
 * Null, or something else.
 *
 * @param other The schema of what else.
 * @returns A schema.
 */
export function nullable<T>(other: Schema<T>): Schema<T | null> {
  return (value, place) => value === null ? null : other(value, place);
}

/**
 * An object of properties with any names.
 *
 * @param key The schema of a name.
 * @param item The schema of a value.
 * @param expected What it is, in words.
 * @returns A schema.
 */
export function record<T>(
  key: Schema<string>,
  item: Schema<T>,
  expected: string,
): Schema<Record<string, T>> {
  return (value, place) => {
    if (!isObject(value)) return place.wrong(value, expected);
    const there = Object.entries(value).filter(([, each]) => each !== undefined);
    const kept = there.map(([name, each]) => {
      const here = place.at(name);
      return [key(name, here), item(each, here)];
    });
    return Object.fromEntries(kept);
  };
}

/**
 * A list.
 *
 * @param item The schema of its items.
 * @param expected What they are, in words.
 * @returns A schema.
 */
export function list<T>(item: Schema<T>, expected: string): Schema<T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) return place.wrong(value, `a list of ${expected}`);
    // By its length: a hole is nothing too, and what the list itself says of its items is not asked.
    return Array.from({ length: value.length }, (_, index) => item(value[index], place.at(index)) as T);
  };
}

/**
 * One of several objects, told apart by a word in each. Of one with the wrong word only the word is told: its keys may be those of any.
 *
 * @param key The key that holds the word.
 * @param schemas The schema for each word.
 * @returns A schema.
 */
export function variant<T>(key: string, schemas: Readonly<Record<string, Schema<T>>>): Schema<T> {
  const words = Object.keys(schemas);
  return (value, place) => {
    if (!isObject(value)) return place.wrong(value, `an object with ${key}`);
    const word = Object.hasOwn(value, key) ? value[key] : undefined;
    const schema = typeof word === "string" && Object.hasOwn(schemas, word) ? schemas[word] : undefined;
    return schema === undefined
      ? place.at(key).wrong(word, alternatives(words), words)
      : schema(value, place);
  };
}

/**
 * Tells an object from all else, lists included.
 *
 * @param value Anything.
 * @returns Whether it is one.
 */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
