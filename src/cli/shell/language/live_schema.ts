import type { QmpSchema } from "../../../qmp/schema.ts";

/** One entry of `query-qmp-schema`. */
type Entity = QmpSchema["raw"][number];
type MetaType = "builtin" | "enum" | "array" | "object" | "alternate" | "command" | "event";
type EntityOf<Meta extends MetaType> = Extract<Entity, { "meta-type": Meta }>;

/** What a value may be, in JSON's words. */
export type Kind = "string" | "integer" | "number" | "boolean" | "null" | "object" | "list" | "any";

/** A member of an object. */
export interface Member {
  readonly name: string;
  /** Its type, as this schema names it. */
  readonly type: string;
  readonly optional: boolean;
  /** What is marked on it, such as `deprecated`. */
  readonly features: readonly string[];
}

/** A command, as this QEMU has it. */
export interface CommandInfo {
  readonly name: string;
  readonly argType: string;
  readonly returnType: string;
  /** It may be sent out of band. */
  readonly oob: boolean;
  readonly features: readonly string[];
}

/** Where something stands in the arguments: members by their names, elements of a list by their places. */
export type Path = readonly (string | number)[];

const KINDS: Readonly<Record<string, Kind>> = {
  string: "string",
  int: "integer",
  number: "number",
  boolean: "boolean",
  null: "null",
  object: "object",
  array: "list",
  value: "any",
};

/** A running QEMU's schema, to be walked along what a person types. Its types have numbers for names. */
export class LiveSchema {
  readonly #entities: ReadonlyMap<string, Entity>;
  /** The names of all commands, sorted. */
  readonly commands: readonly string[];
  /** The names of all events, sorted. */
  readonly events: readonly string[];

  /** @param raw The reply of `query-qmp-schema`. */
  constructor(raw: QmpSchema["raw"]) {
    this.#entities = new Map(raw.map((entity) => [entity.name, entity]));
    const named = (meta: MetaType) =>
      raw.filter((entity) => isA(entity, meta)).map(({ name }) => name).toSorted();
    this.commands = named("command");
    this.events = named("event");
  }

  /** A command by its name. */
  command(name: string): CommandInfo | undefined {
    const entity = this.#find(name, "command");
    return entity && {
      name,
      argType: entity["arg-type"],
      returnType: entity["ret-type"],
      oob: entity["allow-oob"] ?? false,
      features: entity.features ?? [],
    };
  }

  /** The type of an event's data. */
  eventType(name: string): string | undefined {
    return this.#find(name, "event")?.["arg-type"];
  }

  /**
   * The members that an object may have.
   *
   * @param type An object, or an alternate that may be one.
   * @param given What is known of it: the value of a union's discriminator brings that variant's members in.
   * @returns Those of all objects that this may be; none for another type.
   */
  members(type: string, given: unknown): readonly Member[] {
    return this.#objects(type).flatMap((object) => this.#membersOf(object, given));
  }

  /** The union that a type is: its discriminator, and the values that bring in further members. */
  union(type: string): { readonly tag: string; readonly cases: readonly string[] } | null {
    for (const { tag, variants = [] } of this.#objects(type)) {
      const cases = variants.filter((variant) => this.members(variant.type, {}).length > 0);
      if (tag !== undefined) return { tag, cases: cases.map((variant) => variant.case).toSorted() };
    }
    return null;
  }

  /** The values that a type lists: an enum's, a boolean's, and null where it may be that. */
  values(type: string): readonly string[] {
    return this.#simple(type).flatMap((entity) => {
      if (isA(entity, "enum")) return valuesOf(entity);
      const [kind] = kindsOf(entity);
      if (kind === "boolean") return ["true", "false"];
      return kind === "null" ? ["null"] : [];
    });
  }

  /** Whether only the listed values will do for a string, and not any text. */
  isEnum(type: string): boolean {
    const strings = this.#simple(type).filter((entity) => kindsOf(entity).includes("string"));
    return strings.length > 0 && strings.every((entity) => isA(entity, "enum"));
  }

  /** What a value of this type may be. */
  kinds(type: string): ReadonlySet<Kind> {
    return new Set(this.#simple(type).flatMap(kindsOf));
  }

  /** The type of a list's elements. */
  element(type: string): string | undefined {
    for (const entity of this.#simple(type)) if (isA(entity, "array")) return entity["element-type"];
    return undefined;
  }

  /**
   * The type of what stands at a path.
   *
   * @param type Where the path begins.
   * @param path Members and places.
   * @param given What has been typed at the beginning of the path, for the discriminators on the way.
   * @returns The type; undefined where the schema has nothing there.
   */
  at(type: string, path: Path, given: unknown): string | undefined {
    const [step, ...rest] = path;
    if (step === undefined) return type;
    const inner = typeof step === "number"
      ? this.element(type)
      : this.members(type, given).find(({ name }) => name === step)?.type;
    return inner === undefined ? undefined : this.at(inner, rest, memberOf(given, step));
  }

  /**
   * A type in words: `string`, `a, b or c`, `list of integer`.
   *
   * @param type The type.
   * @returns Words; those of an object only say that it is one.
   */
  describe(type: string): string {
    const words = this.#simple(type).flatMap((entity) => {
      if (isA(entity, "enum")) return valuesOf(entity);
      if (isA(entity, "array")) return [`list of ${this.describe(entity["element-type"])}`];
      return kindsOf(entity).map((kind) => kind === "any" ? "any value" : kind);
    });
    const last = words.pop() ?? "any value";
    return words.length === 0 ? last : `${words.join(", ")} or ${last}`;
  }

  /** A type without its alternatives: what it may be, one by one. */
  #simple(type: string): readonly Entity[] {
    const entity = this.#entities.get(type);
    if (entity === undefined) return [];
    return isA(entity, "alternate")
      ? entity.members.flatMap((member) => this.#simple(member.type))
      : [entity];
  }

  #objects(type: string): readonly EntityOf<"object">[] {
    return this.#simple(type).filter((entity) => isA(entity, "object"));
  }

  #membersOf(object: EntityOf<"object">, given: unknown): readonly Member[] {
    const own = object.members.map((member) => ({
      name: member.name,
      type: member.type,
      optional: Object.hasOwn(member, "default"),
      features: member.features ?? [],
    }));
    if (object.tag === undefined) return own;
    const chosen = memberOf(given, object.tag);
    const variant = object.variants?.find((one) => one.case === chosen);
    return variant === undefined ? own : [...own, ...this.members(variant.type, given)];
  }

  #find<Meta extends MetaType>(name: string, meta: Meta): EntityOf<Meta> | undefined {
    const entity = this.#entities.get(name);
    return entity !== undefined && isA(entity, meta) ? entity : undefined;
  }
}

/**
 * A member of what has been typed, whatever that is.
 *
 * @param value Anything.
 * @param step A member's name, or a place in a list.
 * @returns What is there; undefined where there is nothing.
 */
export function memberOf(value: unknown, step: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Readonly<Record<string | number, unknown>>)[step];
}

/** A schema newer than the types may have kinds that they don't list, so what is not asked for is left alone. */
function isA<Meta extends MetaType>(entity: Entity, meta: Meta): entity is EntityOf<Meta> {
  return entity["meta-type"] === meta;
}

/** Up to 6.1 an enum had its values only; since then they are also there as members. */
function valuesOf(entity: EntityOf<"enum">): readonly string[] {
  return entity.members?.map((member) => member.name) ?? entity.values;
}

function kindsOf(entity: Entity): readonly Kind[] {
  if (isA(entity, "builtin")) return [KINDS[entity["json-type"]] ?? "any"];
  if (isA(entity, "enum")) return ["string"];
  if (isA(entity, "array")) return ["list"];
  return isA(entity, "object") ? ["object"] : ["any"];
}
