import type { JsonValue } from "./json_value.ts";

/** What stands for something that JSON has no word for: an object with this one key. Keys of others that begin with `$` get one more. */
const TAGS = ["$bigint", "$date", "$error", "$number"] as const;
type Tag = typeof TAGS[number];

/**
 * Writes a value as JSON from which {@linkcode fromJson} makes it again: plain objects and lists, with numbers of any kind, `bigint`, `Date`
 * and `Error` (its name and message) in them. Members that are undefined are left out, as in JSON itself.
 *
 * @param value The value.
 * @returns JSON, to be given to `JSON.stringify`.
 */
export function toJson(value: unknown): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: nameOf(value) };
    case "bigint":
      return { $bigint: `${value}` };
    case "object":
      return value === null ? null : objectToJson(value);
    default:
      return null;
  }
}

/**
 * Makes again what {@linkcode toJson} wrote.
 *
 * @param json The JSON.
 * @returns The value.
 * @throws {TypeError} When it is not of {@linkcode toJson}'s making.
 */
export function fromJson(json: JsonValue): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (isList(json)) return json.map(fromJson);
  const entries = Object.entries(json);
  const [only] = entries;
  if (only !== undefined && entries.length === 1 && isTag(only[0])) return revive(only[0], only[1]);
  return Object.fromEntries(
    entries.map(([key, member]) => [key.startsWith("$") ? key.slice(1) : key, fromJson(member)]),
  );
}

/** `Array.isArray`, which does not know read-only lists. */
export function isList(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json);
}

function objectToJson(value: object): JsonValue {
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Date) {
    return { $date: Number.isNaN(value.getTime()) ? "invalid" : value.toISOString() };
  }
  if (value instanceof Error) return { $error: { name: value.name, message: value.message } };
  // fromEntries defines members: assigning "__proto__", which a guest may have sent, would do something else.
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => !["undefined", "function", "symbol"].includes(typeof member))
      .map(([key, member]) => [key.startsWith("$") ? `$${key}` : key, toJson(member)]),
  );
}

function nameOf(value: number): string {
  return Object.is(value, -0) ? "-0" : `${value}`;
}

function isTag(key: string): key is Tag {
  return TAGS.some((tag) => tag === key);
}

function revive(tag: Tag, json: JsonValue): unknown {
  if (tag === "$error" && isErrorJson(json)) {
    const error = new Error(json.message);
    // As an own member, not to be seen among the others, as `message` is.
    Object.defineProperty(error, "name", {
      value: json.name,
      configurable: true,
      writable: true,
      enumerable: false,
    });
    return error;
  }
  if (tag === "$bigint" && typeof json === "string" && /^-?\d+$/.test(json)) return BigInt(json);
  if (tag === "$date" && typeof json === "string") return new Date(json);
  if (tag === "$number" && typeof json === "string") return Number(json);
  throw new TypeError(`Cannot make a value of ${JSON.stringify({ [tag]: json })}`);
}

function isErrorJson(json: JsonValue): json is { name: string; message: string } {
  if (typeof json !== "object" || json === null || isList(json)) return false;
  return typeof json.name === "string" && typeof json.message === "string";
}
