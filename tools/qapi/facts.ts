import type {
  Branch,
  Definition,
  Member,
  Model,
  Named,
  Payload,
  SchemaName,
  TypeRef,
} from "../../src/typegen/mod.ts";
import { checkSchema } from "./read/check.ts";
import { readDefinition } from "./read/definitions.ts";
import type { Placed } from "./read/loader.ts";
import { type Place, SchemaError } from "./read/source_error.ts";
import type { ObjectValue, Value } from "./read/value.ts";

/**
 * Writes a model as facts: JSON lines, the first one saying what it is of, then one line for each definition in the
 * schema language's own form, with `since` in place of the comments.
 */
export function encodeFacts(model: Model): string {
  const lines = [JSON.stringify({ qemu: model.qemu, schema: model.schema })];
  for (const definition of model.definitions.values()) {
    lines.push(JSON.stringify(encodeDefinition(definition)));
  }
  return `${lines.join("\n")}\n`;
}

/**
 * Reads facts back.
 *
 * @param text What `encodeFacts` wrote.
 * @param file The file's name, for errors.
 * @throws {SchemaError} When they are damaged.
 */
export function decodeFacts(text: string, file: string): Model {
  const [first = "", ...lines] = text.trimEnd().split("\n");
  const head = parseLine(first, { file, line: 1 });
  const { qemu, schema } = head as { qemu?: unknown; schema?: unknown };
  if (typeof qemu !== "string" || !["qmp", "qga", "storage-daemon"].includes(schema as string)) {
    throw new SchemaError({ file, line: 1 }, '{"qemu": a version, "schema": which one}', first.slice(0, 60));
  }
  const placed: Placed[] = lines.map((line, index) => {
    const place = { file, line: index + 2 };
    const value = toValue(parseLine(line, place), place);
    if (value.kind !== "object") throw new SchemaError(place, "an object", value.kind);
    return { definition: readDefinition(value, null), place };
  });
  return checkSchema(placed, schema as SchemaName, qemu);
}

function parseLine(line: string, place: Place): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new SchemaError(place, "an object as JSON", JSON.stringify(line.slice(0, 60)));
}

/** JSON as the schema language's values, so that one reader serves both. */
function toValue(json: unknown, place: Place): Value {
  if (typeof json === "string") return { kind: "string", text: json, place };
  if (typeof json === "boolean") return { kind: "boolean", value: json, place };
  if (Array.isArray(json)) return { kind: "list", items: json.map((item) => toValue(item, place)), place };
  if (typeof json === "object" && json !== null) {
    const members = Object.entries(json).map(([key, value]) => [key, toValue(value, place)] as const);
    return { kind: "object", members: new Map(members), place } satisfies ObjectValue;
  }
  throw new SchemaError(place, "a string, true, false, a list or an object", String(json));
}

function encodeDefinition(definition: Definition): object {
  const { kind, name } = definition;
  const common = encodeNamed(definition);
  switch (kind) {
    case "enum":
      return { enum: name, data: definition.values.map(encodeValue), ...common };
    case "struct": {
      const base = definition.base === undefined ? {} : { base: definition.base };
      return { struct: name, ...base, data: encodeMembers(definition.members), ...common };
    }
    case "union": {
      const { base, discriminator, branches } = definition;
      const encoded = typeof base === "string" ? base : encodeMembers(base);
      return { union: name, base: encoded, discriminator, data: encodeBranches(branches), ...common };
    }
    case "alternate":
      return { alternate: name, data: encodeBranches(definition.branches), ...common };
    case "command": {
      const { returns, flags } = definition;
      return {
        command: name,
        ...encodePayload(definition.payload),
        ...(returns === undefined ? {} : { returns: encodeType(returns) }),
        ...Object.fromEntries(flags.map((flag) => [flag, flag !== "gen" && flag !== "success-response"])),
        ...common,
      };
    }
    case "event":
      return { event: name, ...encodePayload(definition.payload), ...common };
  }
}

function encodeNamed({ since, features, if: condition }: Named): Record<string, unknown> {
  return {
    ...(since === undefined ? {} : { since }),
    ...(features === undefined
      ? {}
      : { features: features.map((feature) => feature.if === undefined ? feature.name : feature) }),
    ...(condition === undefined ? {} : { if: condition }),
  };
}

function encodeValue(value: Named): unknown {
  const more = encodeNamed(value);
  return Object.keys(more).length === 0 ? value.name : { name: value.name, ...more };
}

function encodeType({ name, list }: TypeRef): unknown {
  return list ? [name] : name;
}

function encodeMembers(members: readonly Member[]): object {
  return Object.fromEntries(members.map((member) => {
    const more = encodeNamed(member);
    const type = encodeType(member.type);
    const key = member.optional ? `*${member.name}` : member.name;
    return [key, Object.keys(more).length === 0 ? type : { type, ...more }];
  }));
}

function encodeBranches(branches: readonly Branch[]): object {
  return Object.fromEntries(branches.map(({ name, type, if: condition }) => {
    return [name, condition === undefined ? encodeType(type) : { type: encodeType(type), if: condition }];
  }));
}

function encodePayload(payload: Payload): object {
  switch (payload.kind) {
    case "none":
      return {};
    case "members":
      return { data: encodeMembers(payload.members) };
    case "type":
      return { data: payload.type, ...(payload.boxed ? { boxed: true } : {}) };
  }
}
