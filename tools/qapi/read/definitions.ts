import type {
  AlternateDefinition,
  Branch,
  CommandDefinition,
  CommandFlag,
  Definition,
  EnumDefinition,
  EventDefinition,
  Payload,
  StructDefinition,
  UnionDefinition,
} from "../../../src/typegen/mod.ts";
import type { Doc } from "./doc_comment.ts";
import {
  asName,
  asObject,
  booleanAt,
  checkKeys,
  listAt,
  listed,
  objectAt,
  readCondition,
  readEnumValue,
  readMembers,
  readNamed,
  readTypeRef,
  stringAt,
} from "./shape.ts";
import { type Place, SchemaError } from "./source_error.ts";
import type { ObjectValue } from "./value.ts";

/** What any definition may have. `since` is no word of QEMU's: the facts files have it in place of the comments. */
const COMMON = ["if", "features", "since"];

const READERS: Readonly<Record<Definition["kind"], (object: ObjectValue, doc: Doc | null) => Definition>> = {
  enum: readEnum,
  struct: readStruct,
  union: readUnion,
  alternate: readAlternate,
  command: readCommand,
  event: readEvent,
};

/**
 * Reads one definition.
 *
 * @param object The expression.
 * @param doc Its documentation, if it has any.
 * @throws {SchemaError} When it is of no known kind, or its parts are not what they should be.
 */
export function readDefinition(object: ObjectValue, doc: Doc | null): Definition {
  for (const [kind, read] of Object.entries(READERS)) {
    if (object.members.has(kind)) return read(object, doc);
  }
  const kinds = listed([...Object.keys(READERS), "include", "pragma"]);
  throw new SchemaError(object.place, `one of ${kinds}`, listed([...object.members.keys()]));
}

function readEnum(object: ObjectValue, doc: Doc | null): EnumDefinition {
  checkKeys(object, "an enum", ["enum", "data"], ["prefix", ...COMMON]);
  const name = asName(object.members.get("enum"), object, "an enum");
  const values = listAt(object, "data").map((value) => readEnumValue(value, doc));
  refuseTwice(values, object.place, `enum '${name}'`);
  return { kind: "enum", ...readNamed(name, object, doc?.since), values };
}

function readStruct(object: ObjectValue, doc: Doc | null): StructDefinition {
  checkKeys(object, "a struct", ["struct", "data"], ["base", ...COMMON]);
  const name = asName(object.members.get("struct"), object, "a struct");
  return {
    kind: "struct",
    ...readNamed(name, object, doc?.since),
    ...(object.members.has("base") ? { base: stringAt(object, "base") } : {}),
    members: readMembers(objectAt(object, "data"), doc),
  };
}

function readUnion(object: ObjectValue, doc: Doc | null): UnionDefinition {
  checkKeys(object, "a union", ["union", "base", "discriminator", "data"], COMMON);
  const name = asName(object.members.get("union"), object, "a union");
  const base = object.members.get("base");
  return {
    kind: "union",
    ...readNamed(name, object, doc?.since),
    base: base?.kind === "object" ? readMembers(base, doc) : stringAt(object, "base"),
    discriminator: stringAt(object, "discriminator"),
    branches: readBranches(object, `union '${name}'`),
  };
}

function readAlternate(object: ObjectValue, doc: Doc | null): AlternateDefinition {
  checkKeys(object, "an alternate", ["alternate", "data"], COMMON);
  const name = asName(object.members.get("alternate"), object, "an alternate");
  const branches = readBranches(object, `alternate '${name}'`);
  return { kind: "alternate", ...readNamed(name, object, doc?.since), branches };
}

function readCommand(object: ObjectValue, doc: Doc | null): CommandDefinition {
  const flags = ["gen", "success-response", "allow-oob", "allow-preconfig", "coroutine"];
  checkKeys(object, "a command", ["command"], ["data", "boxed", "returns", ...flags, ...COMMON]);
  const name = asName(object.members.get("command"), object, "a command");
  const returns = object.members.get("returns");
  return {
    kind: "command",
    ...readNamed(name, object, doc?.since),
    payload: readPayload(object, doc),
    ...(returns === undefined ? {} : { returns: readTypeRef(returns, object) }),
    flags: readFlags(object),
  };
}

function readFlags(object: ObjectValue): CommandFlag[] {
  const flags: CommandFlag[] = [];
  for (const flag of ["allow-oob", "allow-preconfig", "coroutine"] as const) {
    if (booleanAt(object, flag) === true) flags.push(flag);
  }
  for (const flag of ["gen", "success-response"] as const) {
    if (booleanAt(object, flag) === false) flags.push(flag);
  }
  return flags;
}

function readEvent(object: ObjectValue, doc: Doc | null): EventDefinition {
  checkKeys(object, "an event", ["event"], ["data", "boxed", ...COMMON]);
  const name = asName(object.members.get("event"), object, "an event");
  return { kind: "event", ...readNamed(name, object, doc?.since), payload: readPayload(object, doc) };
}

function readPayload(object: ObjectValue, doc: Doc | null): Payload {
  const boxed = booleanAt(object, "boxed") ?? false;
  const data = object.members.get("data");
  if (data?.kind === "string") return { kind: "type", type: data.text, boxed };
  if (boxed) {
    throw new SchemaError(object.place, "a type's name for 'data', since 'boxed' is true", "something else");
  }
  const members = data === undefined ? [] : readMembers(objectAt(object, "data"), doc);
  return members.length === 0 ? { kind: "none" } : { kind: "members", members };
}

function readBranches(object: ObjectValue, what: string): Branch[] {
  const data = objectAt(object, "data");
  if (data.members.size === 0) throw new SchemaError(data.place, `at least one branch in ${what}`, "none");
  return [...data.members].map(([name, value]) => {
    const branch = asObject(value, "type");
    checkKeys(branch, `branch '${name}' of ${what}`, ["type"], ["if"]);
    const condition = branch.members.get("if");
    return {
      name,
      type: readTypeRef(branch.members.get("type"), value),
      ...(condition === undefined ? {} : { if: readCondition(condition) }),
    };
  });
}

function refuseTwice(parts: readonly { name: string }[], place: Place, what: string): void {
  const seen = new Set<string>();
  for (const { name } of parts) {
    if (seen.has(name)) throw new SchemaError(place, `each name once in ${what}`, `'${name}' again`);
    seen.add(name);
  }
}
