import type { SchemaInfo } from "../../qapi/mod.ts";
import type { Feature, Named } from "../model.ts";

/** A type as it is mentioned: a number that stands for its name, or a built-in type's name; or a list of it. */
export interface LiveRef {
  readonly id: string;
  readonly list: boolean;
}

/** A member of an object. */
export interface LiveMember extends Named {
  readonly type: LiveRef;
  readonly optional: boolean;
}

/** A fixed set of strings. */
export interface LiveEnum {
  readonly kind: "enum";
  readonly id: string;
  readonly values: readonly Named[];
  readonly features?: readonly Feature[];
}

/** An object. Its members are all there, with those of the bases that it has in the source. */
export interface LiveObject {
  readonly kind: "object";
  readonly id: string;
  readonly members: readonly LiveMember[];
  /** The member whose value says which variant it is; null where there are none. */
  readonly tag: string | null;
  /** The object with the further members, for each value of the tag. */
  readonly variants: readonly { readonly value: string; readonly id: string }[];
  readonly features?: readonly Feature[];
}

/** One of several types. */
export interface LiveAlternate {
  readonly kind: "alternate";
  readonly id: string;
  readonly types: readonly LiveRef[];
  readonly features?: readonly Feature[];
}

/** Any type that has a name in the source, or is the members of a command or event. */
export type LiveType = LiveEnum | LiveObject | LiveAlternate;

/** A command. */
export interface LiveCommand extends Named {
  /** The object with its arguments. */
  readonly args: string;
  readonly returns: LiveRef;
  readonly oob: boolean;
}

/** An event. */
export interface LiveEvent extends Named {
  /** The object that it carries. */
  readonly data: string;
}

/** What a QEMU says of itself. Types have numbers in place of names. */
export interface LiveSchema {
  readonly types: ReadonlyMap<string, LiveType>;
  readonly commands: readonly LiveCommand[];
  readonly events: readonly LiveEvent[];
}

/** The built-in types by what they are in JSON. All integers are `int`. */
const BUILT_IN: Readonly<Record<string, string>> = {
  string: "str",
  int: "int",
  number: "number",
  boolean: "bool",
  null: "null",
  value: "any",
};

/**
 * Reads the reply of `query-qmp-schema`.
 *
 * @param reply The reply. What a newer QEMU may have beside what is known is left out, and a type that can't be told is `any`.
 * @returns The same, sorted.
 */
export function readLiveSchema(reply: readonly SchemaInfo[]): LiveSchema {
  const reader = new Reader(reply);
  const types = new Map<string, LiveType>();
  const commands: LiveCommand[] = [];
  const events: LiveEvent[] = [];
  for (const entity of reply) {
    switch (entity["meta-type"]) {
      case "command":
        commands.push({
          ...named(entity),
          args: entity["arg-type"],
          returns: reader.ref(entity["ret-type"]),
          oob: entity["allow-oob"] ?? false,
        });
        break;
      case "event":
        events.push({ ...named(entity), data: entity["arg-type"] });
        break;
      default: {
        const type = reader.type(entity);
        if (type !== null) types.set(type.id, type);
      }
    }
  }
  return { types, commands, events };
}

class Reader {
  readonly #entities: ReadonlyMap<string, SchemaInfo>;

  constructor(reply: readonly SchemaInfo[]) {
    this.#entities = new Map(reply.map((entity) => [entity.name, entity]));
  }

  /** Null for what is no type, or one that has no name in the source either. */
  type(entity: SchemaInfo): LiveType | null {
    const { name: id } = entity;
    switch (entity["meta-type"]) {
      case "enum": {
        // Up to 6.1 there were only the values.
        const values = entity.members?.map(named) ?? entity.values.map((name) => ({ name }));
        return { kind: "enum", id, values, ...features(entity) };
      }
      case "object":
        return {
          kind: "object",
          id,
          members: entity.members.map((member) => ({
            ...named(member),
            type: this.ref(member.type),
            optional: "default" in member,
          })),
          tag: entity.tag ?? null,
          variants: (entity.variants ?? []).map((variant) => ({ value: variant.case, id: variant.type })),
          ...features(entity),
        };
      case "alternate":
        return {
          kind: "alternate",
          id,
          types: entity.members.map(({ type }) => this.ref(type)),
          ...features(entity),
        };
      default:
        return null;
    }
  }

  ref(name: string): LiveRef {
    const entity = this.#entities.get(name);
    switch (entity?.["meta-type"]) {
      case "enum":
      case "object":
      case "alternate":
        return { id: name, list: false };
      case "builtin":
        return { id: BUILT_IN[entity["json-type"]] ?? "any", list: false };
      case "array": {
        const element = this.ref(entity["element-type"]);
        return element.list ? { id: "any", list: true } : { id: element.id, list: true };
      }
      default:
        return { id: "any", list: false };
    }
  }
}

function named(entity: { readonly name: string; readonly features?: readonly string[] }): Named {
  return { name: entity.name, ...features(entity) };
}

function features(entity: { readonly features?: readonly string[] }): { features?: readonly Feature[] } {
  const names = entity.features ?? [];
  return names.length === 0 ? {} : { features: names.map((name) => ({ name })) };
}
