import {
  allMembers,
  type CommandDefinition,
  type Definition,
  type EventDefinition,
  type Member,
  type Model,
  type Named,
  type Payload,
  type TypeDefinition,
  type TypeRef,
} from "../model.ts";
import { jsonKind, liveJsonKind } from "./likeness.ts";
import type { LiveMember, LiveObject, LiveRef, LiveSchema, LiveType } from "./live_schema.ts";
import { withSince } from "./with_since.ts";

/** The integers that have the same form in JSON, and so are one type to a QEMU that is asked. */
const INTEGERS: ReadonlySet<string> = new Set([
  "int",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "size",
]);

/** What a model is made with. */
export interface LiveModelOptions {
  readonly live: LiveSchema;
  /** The names of all types that are used, by their numbers; a type without one is written where it is used. */
  readonly names: ReadonlyMap<string, string>;
  /** A schema with what no QEMU says of itself: since when things are there, and how large integers may be. */
  readonly known: Model;
  /** The QEMU's version. */
  readonly qemu: string;
}

/**
 * Makes a model of what a QEMU says of itself.
 *
 * @param options What it says, the names, and a schema that knows more.
 * @returns The model; its objects have no bases yet. What no command or event uses is not in it.
 */
export function makeLiveModel(options: LiveModelOptions): Model {
  const builder = new Builder(options);
  const { live, qemu } = options;
  const definitions = new Map<string, Definition>();
  const add = (definition: Definition) => definitions.set(definition.name, definition);
  for (const command of live.commands) add(builder.command(command));
  for (const event of live.events) add(builder.event(event));
  for (const [id, name] of options.names) {
    const type = live.types.get(id);
    if (type !== undefined) add(builder.type(name, type));
  }
  return { schema: "qmp", qemu, definitions };
}

class Builder {
  readonly #live: LiveSchema;
  readonly #names: ReadonlyMap<string, string>;
  readonly #known: Model;
  readonly #qemu: string;

  constructor({ live, names, known, qemu }: LiveModelOptions) {
    this.#live = live;
    this.#names = names;
    this.#known = known;
    this.#qemu = qemu;
  }

  command({ args, returns, oob, ...named }: LiveSchema["commands"][number]): CommandDefinition {
    const found = this.#known.definitions.get(named.name);
    const known = found?.kind === "command" ? found : undefined;
    const flags = known?.flags.filter((flag) => flag !== "allow-oob") ?? [];
    const result = this.#live.types.get(returns.id);
    const returnsNothing = result?.kind === "object" && !returns.list && isEmpty(result);
    return {
      kind: "command",
      ...this.#withSince(named, known),
      payload: this.#payload(args, known?.payload),
      ...(returnsNothing ? {} : { returns: this.#typeRef(returns, known?.returns) }),
      flags: oob ? [...flags, "allow-oob" as const].toSorted() : flags,
    };
  }

  event({ data, ...named }: LiveSchema["events"][number]): EventDefinition {
    const found = this.#known.definitions.get(named.name);
    const known = found?.kind === "event" ? found : undefined;
    return { kind: "event", ...this.#withSince(named, known), payload: this.#payload(data, known?.payload) };
  }

  type(name: string, type: LiveType): TypeDefinition {
    const found = this.#known.definitions.get(name);
    const known = found?.kind === "command" || found?.kind === "event" ? undefined : found;
    const { features } = type;
    const named = this.#withSince({ name, ...(features === undefined ? {} : { features }) }, known);
    switch (type.kind) {
      case "enum": {
        const values = known?.kind === "enum" ? known.values : [];
        return {
          kind: "enum",
          ...named,
          values: type.values.map((value) => this.#withSince(value, find(values, value))),
        };
      }
      case "alternate":
        return { kind: "alternate", ...named, branches: this.#alternatives(type.types, known) };
      case "object": {
        const members = this.#members(type.members, known === undefined ? [] : allMembers(this.#known, name));
        if (type.tag === null) return { kind: "struct", ...named, members };
        return {
          kind: "union",
          ...named,
          base: members,
          discriminator: type.tag,
          branches: this.#branches(type),
        };
      }
    }
  }

  #payload(id: string, known: Payload | undefined): Payload {
    const name = this.#names.get(id);
    // A union is only allowed as a whole, and any other object may be.
    if (name !== undefined) return { kind: "type", type: name, boxed: true };
    const type = this.#live.types.get(id);
    if (type?.kind !== "object" || isEmpty(type)) return { kind: "none" };
    const members = known?.kind === "members"
      ? known.members
      : known?.kind === "type"
      ? allMembers(this.#known, known.type)
      : [];
    return { kind: "members", members: this.#members(type.members, members) };
  }

  #members(live: readonly LiveMember[], known: readonly Member[]): Member[] {
    return live.map(({ type, optional, ...named }) => {
      const same = find(known, named);
      return { ...this.#withSince(named, same), type: this.#typeRef(type, same?.type), optional };
    });
  }

  #branches({ variants }: LiveObject) {
    return variants.flatMap(({ value, id }) => {
      const type = this.#live.types.get(id);
      if (type?.kind !== "object" || isEmpty(type)) return [];
      return [{ name: value, type: this.#typeRef({ id, list: false }, undefined) }];
    });
  }

  #alternatives(types: readonly LiveRef[], known: TypeDefinition | undefined) {
    const branches = known?.kind === "alternate" ? known.branches : [];
    return types.map((type, index) => {
      const kind = liveJsonKind(this.#live, type);
      const same = branches.find((branch) => jsonKind(this.#known, branch.type) === kind);
      return { name: same?.name ?? `${kind}${index}`, type: this.#typeRef(type, same?.type) };
    });
  }

  #withSince<N extends Named>(named: N, known: Named | undefined): N {
    return withSince(named, known, this.#qemu);
  }

  /** A type by its name. Of an integer only the known schema knows how large it may be. */
  #typeRef({ id, list }: LiveRef, known: TypeRef | undefined): TypeRef {
    if (id === "int" && known !== undefined && known.list === list && INTEGERS.has(known.name)) return known;
    const name = this.#names.get(id);
    if (name !== undefined) return { name, list };
    return { name: this.#live.types.has(id) ? "any" : id, list };
  }
}

function isEmpty(type: LiveObject): boolean {
  return type.members.length === 0 && type.variants.length === 0;
}

function find<N extends Named>(among: readonly N[], { name }: Named): N | undefined {
  return among.find((candidate) => candidate.name === name);
}
