import {
  allMembers,
  type Member,
  type Model,
  type Payload,
  type TypeDefinition,
  type TypeRef,
} from "../model.ts";
import { isSameKind, jsonKind, likeness, liveJsonKind, liveWords, namedWords } from "./likeness.ts";
import type { LiveMember, LiveObject, LiveRef, LiveSchema, LiveType } from "./live_schema.ts";

/** With fewer words than this, that two types are made of the same ones says nothing. */
const TELLING_WORDS = 2;

/**
 * Finds the names of a QEMU's types, which it masks.
 *
 * Commands, events, members and values have their names. So a type is where the known schema has one in the same place (the result of
 * that command, that member of it, ...), and where several could be meant, it is the one that it is most like. What is in no such place
 * is the only type that is made of the same words, if there is one.
 *
 * @param live What the QEMU says.
 * @param known A schema with names.
 * @param nameless The types that have no name in the source; they get none.
 * @returns The names by the numbers that stand for them. No name is given twice.
 */
export function recoverNames(
  live: LiveSchema,
  known: Model,
  nameless: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const recovery = new Recovery(live, known, nameless);
  recovery.lookAtCommandsAndEvents();
  recovery.decide();
  for (let before = -1; before !== recovery.names.size;) {
    before = recovery.names.size;
    recovery.lookForSameWords();
    recovery.decide();
  }
  return recovery.names;
}

/** A type that could be that one. */
interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly likeness: number;
  /** In how many places. */
  places: number;
}

class Recovery {
  readonly names = new Map<string, string>();
  readonly #live: LiveSchema;
  readonly #known: Model;
  readonly #nameless: ReadonlySet<string>;
  readonly #candidates = new Map<string, Candidate>();

  constructor(live: LiveSchema, known: Model, nameless: ReadonlySet<string>) {
    this.#live = live;
    this.#known = known;
    this.#nameless = nameless;
  }

  lookAtCommandsAndEvents(): void {
    for (const { name, args, returns } of this.#live.commands) {
      const command = this.#known.definitions.get(name);
      if (command?.kind !== "command") continue;
      this.#comparePayload(args, command.payload);
      if (command.returns !== undefined) this.#compare(returns, command.returns);
    }
    for (const { name, data } of this.#live.events) {
      const event = this.#known.definitions.get(name);
      if (event?.kind === "event") this.#comparePayload(data, event.payload);
    }
  }

  /** Pairs what is left over, and what is in there. */
  lookForSameWords(): void {
    const given = new Set(this.names.values());
    const free = new Map<string, string[]>();
    for (const type of this.#known.definitions.values()) {
      if (type.kind === "command" || type.kind === "event" || given.has(type.name)) continue;
      const key = sameWordsKey(type.kind, namedWords(this.#known, type));
      if (key !== null) free.set(key, [...free.get(key) ?? [], type.name]);
    }
    for (const type of this.#live.types.values()) {
      if (this.names.has(type.id)) continue;
      const key = sameWordsKey(type.kind, liveWords(this.#live, type));
      const [name, another] = key === null ? [] : free.get(key) ?? [];
      if (name !== undefined && another === undefined) {
        this.#compare({ id: type.id, list: false }, { name, list: false });
      }
    }
  }

  /** Gives each name to the type that is most like it, each type one. What is given stays given. */
  decide(): void {
    const given = new Set(this.names.values());
    const candidates = [...this.#candidates.values()].toSorted((a, b) =>
      b.likeness - a.likeness || b.places - a.places
    );
    for (const { id, name } of candidates) {
      if (this.names.has(id) || given.has(name)) continue;
      this.names.set(id, name);
      given.add(name);
    }
  }

  #comparePayload(id: string, payload: Payload): void {
    const live = this.#live.types.get(id);
    if (payload.kind === "type") this.#compare({ id, list: false }, { name: payload.type, list: false });
    else if (payload.kind === "members" && live?.kind === "object") {
      this.#compareMembers(live.members, payload.members);
    }
  }

  /** Notes that two types are in the same place, and goes on with what is in them, the first time. */
  #compare(ref: LiveRef, { name, list }: TypeRef): void {
    const live = this.#live.types.get(ref.id);
    const known = this.#known.definitions.get(name);
    if (live === undefined || known === undefined || ref.list !== list || this.#nameless.has(ref.id)) return;
    if (known.kind === "command" || known.kind === "event" || !isSameKind(live, known)) return;
    const key = `${live.id} ${name}`;
    const before = this.#candidates.get(key);
    if (before !== undefined) {
      before.places++;
      return;
    }
    const alike = likeness(liveWords(this.#live, live), namedWords(this.#known, known));
    if (alike === 0) return;
    this.#candidates.set(key, { id: live.id, name, likeness: alike, places: 1 });
    this.#compareParts(live, known);
  }

  #compareParts(live: LiveType, known: TypeDefinition): void {
    if (live.kind === "object") {
      this.#compareMembers(live.members, allMembers(this.#known, known.name));
      if (known.kind === "union") this.#compareVariants(live, known.branches);
    } else if (live.kind === "alternate" && known.kind === "alternate") {
      for (const type of live.types) {
        const kind = liveJsonKind(this.#live, type);
        const branch = known.branches.find((branch) => jsonKind(this.#known, branch.type) === kind);
        if (branch !== undefined) this.#compare(type, branch.type);
      }
    }
  }

  #compareMembers(live: readonly LiveMember[], known: readonly Member[]): void {
    for (const member of live) {
      const there = known.find(({ name }) => name === member.name);
      if (there !== undefined) this.#compare(member.type, there.type);
    }
  }

  #compareVariants({ variants }: LiveObject, known: readonly { name: string; type: TypeRef }[]): void {
    for (const { value, id } of variants) {
      const branch = known.find(({ name }) => name === value);
      if (branch !== undefined) this.#compare({ id, list: false }, branch.type);
    }
  }
}

/** What two types of the same words have in common; null for a type of too few. */
function sameWordsKey(
  kind: LiveType["kind"] | TypeDefinition["kind"],
  words: ReadonlySet<string>,
): string | null {
  if (kind === "alternate" || words.size < TELLING_WORDS) return null;
  return JSON.stringify([kind === "enum", ...[...words].sort()]);
}
