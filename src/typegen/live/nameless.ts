import type { Model } from "../model.ts";
import type { LiveSchema, LiveType } from "./live_schema.ts";

/**
 * Finds the objects that the source doesn't name: the members of one command or event, written where it is defined, and the object
 * without members that stands for none.
 *
 * @param live What a QEMU says.
 * @param known A schema with names, which has some of the same commands and events.
 * @returns Their numbers. Where it can't be told whether the source has a name, it is taken to have none.
 */
export function findNameless(live: LiveSchema, known: Model): ReadonlySet<string> {
  const uses = countUses(live);
  const nameless = new Set<string>();
  for (const { returns: { id, list } } of live.commands) {
    if (!list && isEmpty(live, id)) nameless.add(id);
  }
  const payloads = [
    ...live.commands.map(({ name, args }) => ({ name, id: args })),
    ...live.events.map(({ name, data }) => ({ name, id: data })),
  ];
  for (const { name, id } of payloads) {
    const type = live.types.get(id);
    if (type?.kind !== "object" || type.variants.length > 0) continue;
    const definition = known.definitions.get(name);
    const isNamed = (definition?.kind === "command" || definition?.kind === "event") &&
      definition.payload.kind === "type";
    if (isEmpty(live, id) || !isNamed && uses.get(id) === 1) nameless.add(id);
  }
  return nameless;
}

function isEmpty({ types }: LiveSchema, id: string): boolean {
  const type = types.get(id);
  return type?.kind === "object" && type.members.length === 0 && type.variants.length === 0;
}

/** In how many places each type is mentioned. */
function countUses({ types, commands, events }: LiveSchema): ReadonlyMap<string, number> {
  const mentioned = [
    ...commands.flatMap(({ args, returns }) => [args, returns.id]),
    ...events.map(({ data }) => data),
    ...[...types.values()].flatMap(partsOf),
  ];
  const uses = new Map<string, number>();
  for (const id of mentioned) uses.set(id, (uses.get(id) ?? 0) + 1);
  return uses;
}

/** The types that a type mentions, built-in ones as well. */
function partsOf(type: LiveType): string[] {
  switch (type.kind) {
    case "enum":
      return [];
    case "object":
      return [...type.members.map((member) => member.type.id), ...type.variants.map(({ id }) => id)];
    case "alternate":
      return type.types.map(({ id }) => id);
  }
}
