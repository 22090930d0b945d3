import { allMembers, type Model, type TypeDefinition, type TypeRef } from "../model.ts";
import type { LiveRef, LiveSchema, LiveType } from "./live_schema.ts";

/** The words that a type is made of: an enum's values, an object's members and variants, an alternate's kinds of JSON values. */
export type Words = ReadonlySet<string>;

/** The words of a type that a QEMU says. */
export function liveWords(live: LiveSchema, type: LiveType): Words {
  switch (type.kind) {
    case "enum":
      return new Set(type.values.map(({ name }) => name));
    case "object":
      return new Set([
        ...type.members.map(({ name }) => name),
        ...type.variants.map(({ value }) => `${type.tag}=${value}`),
      ]);
    case "alternate":
      return new Set(type.types.map((ref) => liveJsonKind(live, ref)));
  }
}

/** The words of a type that has its name. */
export function namedWords(model: Model, type: TypeDefinition): Words {
  switch (type.kind) {
    case "enum":
      return new Set(type.values.map(({ name }) => name));
    case "struct":
      return new Set(allMembers(model, type.name).map(({ name }) => name));
    case "union": {
      const members = allMembers(model, type.name);
      const tag = members.find(({ name }) => name === type.discriminator)?.type.name ?? "";
      const values = model.definitions.get(tag);
      return new Set([
        ...members.map(({ name }) => name),
        ...(values?.kind === "enum" ? values.values.map(({ name }) => `${type.discriminator}=${name}`) : []),
      ]);
    }
    case "alternate":
      return new Set(type.branches.map((branch) => jsonKind(model, branch.type)));
  }
}

/** Whether a type may be that one at all: an object is a struct in one version, and a union in the next. */
export function isSameKind(live: LiveType, named: TypeDefinition): boolean {
  return live.kind === "object"
    ? named.kind === "struct" || named.kind === "union"
    : live.kind === named.kind;
}

/** How alike two types are: 1 when they are made of the same words, 0 when they share none. */
export function likeness(a: Words, b: Words): number {
  if (a.size === 0 && b.size === 0) return 1;
  const shared = [...a].filter((word) => b.has(word)).length;
  return shared / (a.size + b.size - shared);
}

/** What a value is in JSON, as far as an alternate has to tell it apart. */
export function jsonKind(model: Model, { name, list }: TypeRef): string {
  if (list) return "list";
  const kind = model.definitions.get(name)?.kind;
  if (kind !== undefined) return kind === "enum" ? "string" : "object";
  return builtInKind(name);
}

/** What a value is in JSON, as far as an alternate has to tell it apart. */
export function liveJsonKind({ types }: LiveSchema, { id, list }: LiveRef): string {
  if (list) return "list";
  const kind = types.get(id)?.kind;
  if (kind !== undefined) return kind === "enum" ? "string" : "object";
  return builtInKind(id);
}

function builtInKind(name: string): string {
  if (name === "str" || name === "QType") return "string";
  return name === "bool" || name === "null" || name === "any" ? name : "number";
}
