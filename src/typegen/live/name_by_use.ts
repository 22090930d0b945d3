import type { LiveRef, LiveSchema } from "./live_schema.ts";

/** What a module of types has beside the types of the schema, and what TypeScript has and such a module needs. */
const TAKEN: readonly string[] = [
  "QmpCommands",
  "QmpEvents",
  "Empty",
  "NoArguments",
  "Open",
  "Unlisted",
  "Omit",
];
/** What is written behind a type's name where it has a second form, or a base of its own. */
const OTHER_FORMS: readonly string[] = ["Received", "Base"];

/**
 * Names the types whose names are not known after where they are used: `FooBarState` is the `state` of what `foo-bar` takes, or of
 * the type `FooBar`. The first use counts, and of all uses the one that is the least deep.
 *
 * @param live What a QEMU says.
 * @param names The names that are known.
 * @param nameless The types that need none: their members are written where they are used.
 * @returns Names for all the others that commands and events use, by their numbers; those that are known among them.
 */
export function nameByUse(
  live: LiveSchema,
  names: ReadonlyMap<string, string>,
  nameless: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  const taken = new Set([...TAKEN, ...names.values()].flatMap(allForms));
  /** What is still to be looked at, with what it would be called. */
  const queue: { id: string; wish: string }[] = [
    ...live.commands.flatMap(({ name, args, returns }) => [
      { id: args, wish: nameless.has(args) ? pascal(name) : `${pascal(name)}Arguments` },
      { id: returns.id, wish: `${pascal(name)}Result` },
    ]),
    ...live.events.map(({ name, data }) => ({
      id: data,
      wish: nameless.has(data) ? pascal(name) : `${pascal(name)}Data`,
    })),
  ];
  const seen = new Set<string>();
  // The queue grows on the way: what is less deep comes first.
  for (const { id, wish } of queue) {
    const type = live.types.get(id);
    if (type === undefined || seen.has(id)) continue;
    seen.add(id);
    const name = nameless.has(id) ? wish : names.get(id) ?? freeName(wish, taken);
    if (!nameless.has(id)) given.set(id, name);
    for (const form of allForms(name)) taken.add(form);
    if (type.kind === "object") {
      for (const member of type.members) {
        queue.push({ id: member.type.id, wish: `${name}${pascal(member.name)}` });
      }
      for (const { value, id } of type.variants) queue.push({ id, wish: `${name}${pascal(value)}` });
    } else if (type.kind === "alternate") {
      for (const ref of type.types) queue.push({ id: ref.id, wish: `${name}${alternative(live, ref)}` });
    }
  }
  return given;
}

/** A word of the schema as a part of a type's name: `x-foo_bar` is `XFooBar`. */
export function pascal(word: string): string {
  const parts = word.split(/[^A-Za-z0-9]+/).map((part) => {
    const tail = part.slice(1);
    // Events are written in capitals.
    return `${part.slice(0, 1).toUpperCase()}${/[a-z]/.test(word) ? tail : tail.toLowerCase()}`;
  });
  const name = parts.join("");
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

function alternative({ types }: LiveSchema, { id, list }: LiveRef): string {
  const kind = types.get(id)?.kind ?? "";
  return `${kind === "object" ? "Object" : kind === "enum" ? "Name" : "Value"}${list ? "List" : ""}`;
}

function freeName(wish: string, taken: ReadonlySet<string>): string {
  let name = wish;
  for (let count = 2; allForms(name).some((form) => taken.has(form)); count++) name = `${wish}${count}`;
  return name;
}

function allForms(name: string): string[] {
  return [name, ...OTHER_FORMS.map((form) => `${name}${form}`)];
}
