/** When QEMU has a part: a build symbol, or a combination of some. */
export type Condition =
  | string
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

/** Something that the schema says of a thing: `deprecated`, `unstable`, or that it can do what it once could not. */
export interface Feature {
  readonly name: string;
  readonly if?: Condition;
}

/** What every part of a schema has. */
export interface Named {
  readonly name: string;
  /** The QEMU version that brought it, where the schema's comments say so. */
  readonly since?: string;
  /** Never empty. */
  readonly features?: readonly Feature[];
  readonly if?: Condition;
}

/** A type as it is mentioned: by name, or a list of it. */
export interface TypeRef {
  readonly name: string;
  readonly list: boolean;
}

/** A member of a struct, a union's base, or a command's or event's data. */
export interface Member extends Named {
  readonly type: TypeRef;
  readonly optional: boolean;
}

/** A fixed set of strings. */
export interface EnumDefinition extends Named {
  readonly kind: "enum";
  readonly values: readonly Named[];
}

/** An object, perhaps with another's members before its own. */
export interface StructDefinition extends Named {
  readonly kind: "struct";
  readonly base?: string;
  readonly members: readonly Member[];
}

/** An object with further members for each value of one of its members. */
export interface UnionDefinition extends Named {
  readonly kind: "union";
  /** A struct's name, or the members themselves. */
  readonly base: string | readonly Member[];
  readonly discriminator: string;
  /** By value of the discriminator; a value without a branch has the base's members only. */
  readonly branches: readonly Branch[];
}

/** A branch of a union (its type is an object) or of an alternate. */
export interface Branch {
  readonly name: string;
  readonly type: TypeRef;
  readonly if?: Condition;
}

/** One of several types, told apart by the kind of JSON value. */
export interface AlternateDefinition extends Named {
  readonly kind: "alternate";
  readonly branches: readonly Branch[];
}

/** What a command takes or an event carries. */
export type Payload =
  | { readonly kind: "none" }
  | { readonly kind: "members"; readonly members: readonly Member[] }
  | { readonly kind: "type"; readonly type: string; readonly boxed: boolean };

/** What a command's flags are called, as the schema spells them where they are not what is usual. */
export type CommandFlag = "gen" | "success-response" | "allow-oob" | "allow-preconfig" | "coroutine";

/** A command. */
export interface CommandDefinition extends Named {
  readonly kind: "command";
  readonly payload: Payload;
  readonly returns?: TypeRef;
  /** Those that are not as usual: `gen` and `success-response` mean false, the others true. In alphabetical order. */
  readonly flags: readonly CommandFlag[];
}

/** An event. */
export interface EventDefinition extends Named {
  readonly kind: "event";
  readonly payload: Payload;
}

/** A type of the schema. */
export type TypeDefinition = EnumDefinition | StructDefinition | UnionDefinition | AlternateDefinition;

/** Anything that the schema defines. */
export type Definition = TypeDefinition | CommandDefinition | EventDefinition;

/** Which of QEMU's schemas. */
export type SchemaName = "qmp" | "qga" | "storage-daemon";

/** A whole schema, checked: every type that it mentions is there and of the right kind. */
export interface Model {
  readonly schema: SchemaName;
  /** The QEMU version that it is of. */
  readonly qemu: string;
  /** By name, in the order of the schema. */
  readonly definitions: ReadonlyMap<string, Definition>;
}

/** The types that every schema has. */
export const BUILT_IN_TYPES: ReadonlySet<string> = new Set([
  "str",
  "int",
  "number",
  "bool",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "size",
  "null",
  "any",
  "QType",
]);

/** The members of a union's base, wherever they are written. */
export function baseMembers(model: Model, union: UnionDefinition): readonly Member[] {
  return typeof union.base === "string" ? allMembers(model, union.base) : union.base;
}

/** A struct's members with those of its bases before them; a union's are its base's. */
export function allMembers(model: Model, name: string): readonly Member[] {
  const definition = model.definitions.get(name);
  switch (definition?.kind) {
    case "struct":
      return definition.base === undefined
        ? definition.members
        : [...allMembers(model, definition.base), ...definition.members];
    case "union":
      return baseMembers(model, definition);
    default:
      return [];
  }
}

/** Whether a thing has a feature of this name. */
export function hasFeature(named: Named, name: string): boolean {
  return named.features?.some((feature) => feature.name === name) ?? false;
}
