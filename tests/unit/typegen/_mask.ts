import type { SchemaInfo } from "../../../src/qapi/mod.ts";
import {
  allMembers,
  type Condition,
  type Definition,
  type Member,
  type Model,
  type Named,
  type Payload,
  type TypeRef,
} from "../../../src/typegen/mod.ts";

/** Which parts a QEMU was built with. */
export type Build = (condition: Condition) => boolean;

/** A schema as a QEMU says it, and what only its source knows. */
export interface Masked {
  readonly reply: readonly SchemaInfo[];
  /** The types' names by the numbers that stand for them; those without a name in the source are not there. */
  readonly names: ReadonlyMap<string, string>;
}

const JSON_TYPES: Readonly<Record<string, string>> = {
  str: "string",
  int: "int",
  number: "number",
  bool: "boolean",
  null: "null",
  any: "value",
};
const EMPTY = "q_empty";

/** Says a schema as QEMU's `query-qmp-schema` does: with numbers for types, and all that is reached from commands and events. */
export function mask(model: Model, build: Build = () => true): Masked {
  const masker = new Masker(model, build);
  for (const definition of model.definitions.values()) masker.say(definition);
  return { reply: masker.finish(), names: masker.names };
}

class Masker {
  readonly names = new Map<string, string>();
  readonly #model: Model;
  readonly #build: Build;
  readonly #ids = new Map<string, string>();
  readonly #entities: unknown[] = [];
  readonly #open: { id: string; say: (id: string) => object }[] = [];

  constructor(model: Model, build: Build) {
    this.#model = model;
    this.#build = build;
  }

  say(definition: Definition): void {
    if (!this.#has(definition)) return;
    if (definition.kind === "command") {
      this.#entities.push({
        name: definition.name,
        "meta-type": "command",
        ...features(definition),
        "arg-type": this.#payload(definition.name, definition.payload),
        "ret-type": definition.returns === undefined ? this.#empty() : this.#type(definition.returns),
        ...(definition.flags.includes("allow-oob") ? { "allow-oob": true } : {}),
      });
    } else if (definition.kind === "event") {
      const data = this.#payload(definition.name, definition.payload);
      const { name } = definition;
      this.#entities.push({ name, "meta-type": "event", ...features(definition), "arg-type": data });
    }
  }

  finish(): readonly SchemaInfo[] {
    // More is opened on the way.
    for (const { id, say } of this.#open) this.#entities.push({ ...say(id), name: id });
    return this.#entities as readonly SchemaInfo[];
  }

  #has(part: { readonly if?: Condition }): boolean {
    return part.if === undefined || this.#build(part.if);
  }

  /** The number of something, which is told later. */
  #id(key: string, say: (id: string) => object): string {
    const before = this.#ids.get(key);
    if (before !== undefined) return before;
    const id = `${this.#ids.size}`;
    this.#ids.set(key, id);
    this.#open.push({ id, say });
    return id;
  }

  #payload(owner: string, payload: Payload): string {
    if (payload.kind === "none") return this.#empty();
    if (payload.kind === "type") return this.#type({ name: payload.type, list: false });
    return this.#id(
      `q_obj_${owner}`,
      () => ({ "meta-type": "object", members: this.#members(payload.members) }),
    );
  }

  #empty(): string {
    return this.#id(EMPTY, () => ({ "meta-type": "object", members: [] }));
  }

  #type({ name, list }: TypeRef): string {
    const one = this.#one(name);
    if (!list) return one;
    const array = `[${one}]`;
    if (!this.#ids.has(array)) {
      this.#ids.set(array, array);
      this.#open.push({ id: array, say: () => ({ "meta-type": "array", "element-type": one }) });
    }
    return array;
  }

  #one(name: string): string {
    const definition = this.#model.definitions.get(name);
    if (definition === undefined) {
      const builtIn = JSON_TYPES[name] === undefined ? "int" : name;
      if (!this.#ids.has(builtIn)) {
        this.#ids.set(builtIn, builtIn);
        const json = JSON_TYPES[builtIn];
        this.#open.push({ id: builtIn, say: () => ({ "meta-type": "builtin", "json-type": json }) });
      }
      return builtIn;
    }
    const id = this.#id(name, () => this.#describe(definition));
    this.names.set(id, name);
    return id;
  }

  #describe(definition: Definition): object {
    const common = features(definition);
    switch (definition.kind) {
      case "enum": {
        const values = definition.values.filter((value) => this.#has(value));
        return {
          "meta-type": "enum",
          ...common,
          members: values.map((value) => ({ name: value.name, ...features(value) })),
          values: values.map(({ name }) => name),
        };
      }
      case "alternate": {
        const members = definition.branches.filter((branch) => this.#has(branch));
        return {
          "meta-type": "alternate",
          ...common,
          members: members.map(({ type }) => ({ type: this.#type(type) })),
        };
      }
      case "struct":
        return {
          "meta-type": "object",
          ...common,
          members: this.#members(allMembers(this.#model, definition.name)),
        };
      case "union": {
        const members = allMembers(this.#model, definition.name);
        const tag = members.find(({ name }) => name === definition.discriminator)?.type.name ?? "";
        const values = this.#model.definitions.get(tag);
        const there = values?.kind === "enum" ? values.values.filter((value) => this.#has(value)) : [];
        return {
          "meta-type": "object",
          ...common,
          members: this.#members(members),
          tag: definition.discriminator,
          variants: there.map(({ name }) => {
            const branch = definition.branches.find((branch) => branch.name === name);
            const isThere = branch !== undefined && this.#has(branch);
            return { case: name, type: isThere ? this.#type(branch.type) : this.#empty() };
          }),
        };
      }
      default:
        throw new Error(`${definition.name} is no type`);
    }
  }

  #members(members: readonly Member[]): object[] {
    return members.filter((member) => this.#has(member)).map((member) => ({
      name: member.name,
      type: this.#type(member.type),
      ...(member.optional ? { default: null } : {}),
      ...features(member),
    }));
  }
}

function features(named: Named): { features?: string[] } {
  return named.features === undefined ? {} : { features: named.features.map(({ name }) => name) };
}
