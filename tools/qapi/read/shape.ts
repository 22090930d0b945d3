import type { Condition, Feature, Member, Named, TypeRef } from "../../../src/typegen/mod.ts";
import type { Doc } from "./doc_comment.ts";
import { SchemaError } from "./source_error.ts";
import { describeValue, type ObjectValue, type Value } from "./value.ts";

/** A version as `since` has it. */
const VERSION = /^\d+(?:\.\d+)*$/;
const NAME = /^(?:__[a-z0-9.-]+_)?[A-Za-z][A-Za-z0-9_-]*$|^[0-9][A-Za-z0-9_-]*$/;

/**
 * Refuses members that an object may not have, and misses those that it must have.
 *
 * @param what What the object is, for the error.
 * @throws {SchemaError}
 */
export function checkKeys(
  object: ObjectValue,
  what: string,
  required: readonly string[],
  optional: readonly string[],
): void {
  for (const key of required) {
    if (!object.members.has(key)) {
      throw new SchemaError(object.place, `'${key}' in ${what}`, listed([...object.members.keys()]));
    }
  }
  for (const [key, value] of object.members) {
    if (!required.includes(key) && !optional.includes(key)) {
      throw new SchemaError(value.place, `${listed([...required, ...optional])} in ${what}`, `'${key}'`);
    }
  }
}

/** The text of a member that must be a string. */
export function stringAt(object: ObjectValue, key: string): string {
  return asString(object.members.get(key), object, `a string for '${key}'`);
}

/** The text of a value that must be a string. */
export function asString(
  value: Value | undefined,
  owner: { place: Value["place"] },
  expected: string,
): string {
  if (value?.kind === "string") return value.text;
  throw new SchemaError(value?.place ?? owner.place, expected, describeValue(value));
}

/** The text of a value that must be a name as QAPI allows them. */
export function asName(value: Value | undefined, owner: { place: Value["place"] }, what: string): string {
  const name = asString(value, owner, `${what}'s name`);
  if (NAME.test(name)) return name;
  throw new SchemaError(
    value?.place ?? owner.place,
    `${what}'s name of letters, digits, "-" and "_"`,
    `'${name}'`,
  );
}

/** The items of a member that must be a list where it is there. */
export function listAt(object: ObjectValue, key: string): readonly Value[] {
  const value = object.members.get(key);
  if (value === undefined) return [];
  if (value.kind === "list") return value.items;
  throw new SchemaError(value.place, `a list for '${key}'`, describeValue(value));
}

/** A member that must be an object. */
export function objectAt(object: ObjectValue, key: string): ObjectValue {
  const value = object.members.get(key);
  if (value?.kind === "object") return value;
  throw new SchemaError(value?.place ?? object.place, `an object for '${key}'`, describeValue(value));
}

/** A member that must be true or false where it is there. */
export function booleanAt(object: ObjectValue, key: string): boolean | undefined {
  const value = object.members.get(key);
  if (value === undefined || value.kind === "boolean") return value?.value;
  throw new SchemaError(value.place, `true or false for '${key}'`, describeValue(value));
}

/** A type: its name, or a list with its name. */
export function readTypeRef(value: Value | undefined, owner: { place: Value["place"] }): TypeRef {
  if (value?.kind === "string") return { name: value.text, list: false };
  const item = value?.kind === "list" && value.items.length === 1 ? value.items[0] : undefined;
  if (item?.kind === "string") return { name: item.text, list: true };
  throw new SchemaError(
    value?.place ?? owner.place,
    "a type's name, or a list with one type's name",
    describeValue(value),
  );
}

/** What every part has: since, features, condition. The facts say `since` themselves; a schema's comments do. */
export function readNamed(name: string, object: ObjectValue, since?: string): Named {
  const written = object.members.has("since") ? stringAt(object, "since") : since;
  if (written !== undefined && !VERSION.test(written)) {
    throw new SchemaError(object.place, "a version such as 7.2 for 'since'", `'${written}'`);
  }
  const features = listAt(object, "features").map(readFeature);
  const condition = object.members.get("if");
  return {
    name,
    ...(written === undefined ? {} : { since: written }),
    ...(features.length === 0 ? {} : { features }),
    ...(condition === undefined ? {} : { if: readCondition(condition) }),
  };
}

function readFeature(value: Value): Feature {
  if (value.kind !== "object") return { name: asName(value, value, "a feature") };
  checkKeys(value, "a feature", ["name"], ["if"]);
  const condition = value.members.get("if");
  const name = asName(value.members.get("name"), value, "a feature");
  return { name, ...(condition === undefined ? {} : { if: readCondition(condition) }) };
}

/** An `if`: a build symbol, or all, any or not of others. */
export function readCondition(value: Value): Condition {
  if (value.kind === "string" && /^[A-Z][A-Z0-9_]*$/.test(value.text)) return value.text;
  if (value.kind === "object" && value.members.size === 1) {
    const not = value.members.get("not");
    if (not !== undefined) return { not: readCondition(not) };
    if (value.members.has("all")) return { all: listAt(value, "all").map(readCondition) };
    if (value.members.has("any")) return { any: listAt(value, "any").map(readCondition) };
  }
  throw new SchemaError(
    value.place,
    "a build symbol in capitals, or an object with one of 'all', 'any', 'not' for 'if'",
    value.kind === "object" ? listed([...value.members.keys()]) : describeValue(value),
  );
}

/** An enum's values, each a string or an object. */
export function readEnumValue(value: Value, doc: Doc | null): Named {
  const object = asObject(value, "name");
  checkKeys(object, "an enum's value", ["name"], ["if", "features", "since"]);
  const name = asName(object.members.get("name"), value, "an enum value");
  return readNamed(name, object, doc?.partSince.get(name));
}

/** The members of a struct, a base, or a command's or event's data. */
export function readMembers(data: ObjectValue, doc: Doc | null): Member[] {
  return [...data.members].map(([key, value]) => {
    const optional = key.startsWith("*");
    const name = optional ? key.slice(1) : key;
    if (!NAME.test(name)) {
      throw new SchemaError(value.place, 'a member\'s name of letters, digits, "-" and "_"', `'${key}'`);
    }
    const object = asObject(value, "type");
    checkKeys(object, `member '${name}'`, ["type"], ["if", "features", "since"]);
    return {
      ...readNamed(name, object, doc?.partSince.get(name)),
      type: readTypeRef(object.members.get("type"), value),
      optional,
    };
  });
}

/** A value that may be written short: `X` for `{ 'key': X }`. */
export function asObject(value: Value, key: string): ObjectValue {
  return value.kind === "object"
    ? value
    : { kind: "object", members: new Map([[key, value]]), place: value.place };
}

/** Names as an error lists them. */
export function listed(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.map((name) => `'${name}'`).join(", ");
}
