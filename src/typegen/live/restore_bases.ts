import { allMembers, type Definition, type Member, type Model, type StructDefinition } from "../model.ts";
import { withSince } from "./with_since.ts";

/** What each base is made of; null where those that should have it don't agree. */
type Bases = ReadonlyMap<string, readonly Member[] | null>;

/**
 * Gives structs and unions the bases that they have in the source. A QEMU only says all members together.
 *
 * A base comes back where everything that has it agrees on its members; else these stay where they are, which means the same.
 *
 * @param model A model whose objects have no bases.
 * @param known A schema with bases.
 * @returns The model with bases, those among them that nothing else uses.
 */
export function restoreBases(model: Model, known: Model): Model {
  const bases = findBases(model, known);
  const definitions = new Map(model.definitions);
  for (const [name, members] of bases) {
    if (members === null || definitions.has(name)) continue;
    const base: StructDefinition = { kind: "struct", name, members };
    definitions.set(name, withSince(base, known.definitions.get(name), model.qemu));
  }
  for (const [name, definition] of definitions) definitions.set(name, withBase(definition, known, bases));
  return { ...model, definitions };
}

function findBases(model: Model, known: Model): Bases {
  const bases = new Map<string, readonly Member[] | null>();
  for (const definition of model.definitions.values()) {
    const members = membersOf(definition) ?? [];
    for (const name of baseChain(definition.name, known)) {
      const names = new Set(allMembers(known, name).map((member) => member.name));
      const found = members.filter((member) => names.has(member.name));
      const there = model.definitions.get(name);
      const before = bases.get(name) ?? membersOf(there) ?? found;
      const agrees = bases.get(name) !== null && found.length > 0 && isSame(before, found) &&
        (there === undefined || there.kind === "struct");
      bases.set(name, agrees ? found : null);
    }
  }
  return bases;
}

function withBase(definition: Definition, known: Model, bases: Bases): Definition {
  const members = membersOf(definition);
  const base = baseChain(definition.name, known).find((name) => (bases.get(name) ?? null) !== null);
  if (members === null || base === undefined) return definition;
  const inherited = new Set(bases.get(base)?.map(({ name }) => name));
  const own = members.filter(({ name }) => !inherited.has(name));
  if (definition.kind === "struct") return { ...definition, base, members: own };
  // A union has a base or members, not both.
  return definition.kind === "union" && own.length === 0 ? { ...definition, base } : definition;
}

/** The members of an object that has no base; null for all else. */
function membersOf(definition: Definition | undefined): readonly Member[] | null {
  if (definition?.kind === "struct") return definition.members;
  return definition?.kind === "union" && typeof definition.base !== "string" ? definition.base : null;
}

/** The bases of a type in the known schema, the nearest first. */
function baseChain(name: string, known: Model): string[] {
  const chain: string[] = [];
  for (let base = baseOf(name, known); base !== null; base = baseOf(base, known)) chain.push(base);
  return chain;
}

function baseOf(name: string, { definitions }: Model): string | null {
  const definition = definitions.get(name);
  if (definition?.kind === "struct") return definition.base ?? null;
  return definition?.kind === "union" && typeof definition.base === "string" ? definition.base : null;
}

function isSame(a: readonly Member[], b: readonly Member[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
