import { givenBy } from "./arguments.ts";
import { type Kind, type LiveSchema, memberOf, type Path } from "./live_schema.ts";
import { readPartialJson } from "./partial_json.ts";
import { splitWords, type Word } from "./tokens.ts";

/** What may stand where the cursor is. */
export interface Completion {
  /** The text before the cursor that each candidate replaces. */
  readonly typed: string;
  /** What it may become. A candidate that is all there is ends in what comes behind it, such as a blank. */
  readonly candidates: readonly string[];
}

/** Words to the shell itself. */
export const SHELL_WORDS: readonly string[] = ["exit", "help", "hmp", "transaction("];

/** How a part of the arguments is written: what its names and values look like. */
interface Style {
  member(name: string, kinds: ReadonlySet<Kind>): readonly string[];
  value(value: string): string;
  readonly behindValue: string;
}

/** The word under the cursor, which may have no letter yet, and those before it. */
interface Cursor {
  readonly before: string;
  readonly others: readonly Word[];
  readonly current: Word;
}

/**
 * What may stand at the end of a line, from the schema of the QEMU that will get it.
 *
 * @param before The line up to the cursor.
 * @param schema What this QEMU understands.
 * @param inTransaction Whether the line is an action of a transaction. Default: it is not.
 * @returns Candidates, sorted; required members before optional ones.
 */
export function complete(before: string, schema: LiveSchema, inTransaction = false): Completion {
  const start = before.search(/[^ \t]/);
  if (start >= 0 && before[start] === "{") return completeMessage(before.slice(start), schema);
  const { words, open } = splitWords(before);
  const fresh = open === null && (start < 0 || /[ \t]$/.test(before));
  const current = fresh ? undefined : words.at(-1);
  const cursor: Cursor = {
    before,
    others: current === undefined ? words : words.slice(0, -1),
    current: current ?? { text: "", at: before.length },
  };
  const [first] = cursor.others;
  if (inTransaction) return completeAction(cursor, schema);
  if (first?.text === "transaction(") return completeAction(behindFirst(cursor), schema);
  if (first?.text === "help") {
    return completeCommand(behindFirst(cursor), [...schema.commands, ...schema.events], schema);
  }
  return completeCommand(cursor, [...schema.commands, ...SHELL_WORDS], schema);
}

function behindFirst(cursor: Cursor): Cursor {
  return { ...cursor, others: cursor.others.slice(1) };
}

function completeCommand(cursor: Cursor, names: readonly string[], schema: LiveSchema): Completion {
  const [name] = cursor.others;
  if (name === undefined) return among(cursor.current.text, names.toSorted(), " ");
  const type = schema.command(name.text)?.argType;
  return type === undefined ? nothing() : completeArguments(type, behindFirst(cursor), schema);
}

function completeAction(cursor: Cursor, schema: LiveSchema): Completion {
  const actions = schema.at(schema.command("transaction")?.argType ?? "", ["actions", 0], {}) ?? "";
  const [name] = cursor.others;
  if (name === undefined) {
    const types = schema.at(actions, ["type"], {}) ?? "";
    return among(cursor.current.text, [")", ...schema.values(types).toSorted()], " ");
  }
  const type = schema.at(actions, ["data"], { type: name.text });
  return type === undefined ? nothing() : completeArguments(type, behindFirst(cursor), schema);
}

/** The arguments of a command or an action, as `key=value` or as JSON. */
function completeArguments(
  type: string,
  { before, others, current }: Cursor,
  schema: LiveSchema,
): Completion {
  const [first = current] = others;
  if (first.text.startsWith("{")) return completeJson(type, before.slice(first.at), schema);
  const given = givenBy(others);
  const equals = current.text.indexOf("=");
  if (equals < 0) return completeKey(type, current.text, given, schema);
  const valueType = schema.at(type, current.text.slice(0, equals).split("."), given);
  if (valueType === undefined) return nothing();
  const value = current.text.slice(equals + 1);
  if (/^[[{]/.test(value)) return completeJson(valueType, value, schema);
  return completeValue(valueType, value, KEY_VALUE, schema);
}

const KEY_VALUE: Style = {
  member(name, kinds) {
    // What is an object is written with a dot; what may be one, in both ways.
    const inner = kinds.has("object") ? [`${name}.`] : [];
    return kinds.size === inner.length ? inner : [`${name}=`, ...inner];
  },
  value: (value) => value,
  behindValue: " ",
};

const JSON_STYLE: Style = {
  member: (name) => [`"${name}": `],
  value: (value) => /^(?:true|false|null)$/.test(value) ? value : JSON.stringify(value),
  behindValue: "",
};

function completeKey(type: string, key: string, given: unknown, schema: LiveSchema): Completion {
  const path = key.split(".").slice(0, -1);
  const container = schema.at(type, path, given);
  if (container === undefined) return nothing();
  const prefix = path.map((name) => `${name}.`).join("");
  const names = memberNames(container, valueAt(given, path), KEY_VALUE, schema);
  return among(key, names.map((name) => prefix + name), "");
}

/** The members that an object still may get: the required ones first. */
function memberNames(type: string, given: unknown, style: Style, schema: LiveSchema): readonly string[] {
  const open = schema.members(type, given).filter(({ name }) => {
    const there = memberOf(given, name);
    // More can be put into an object by keys with dots.
    return there === undefined || (style === KEY_VALUE && typeof there === "object");
  });
  const ranked = open.toSorted((a, b) =>
    Number(a.optional) - Number(b.optional) || (a.name < b.name ? -1 : 1)
  );
  return ranked.flatMap((member) => style.member(member.name, schema.kinds(member.type)));
}

function completeValue(type: string, typed: string, style: Style, schema: LiveSchema): Completion {
  const kinds = schema.kinds(type);
  if (typed === "") {
    const brackets = [...kinds.has("object") ? ["{"] : [], ...kinds.has("list") ? ["["] : []];
    // Where any text will do, the one listed value, such as null, is not to be put in unasked.
    const anyText = kinds.has("any") || (kinds.has("string") && !schema.isEnum(type));
    if (anyText) return { typed, candidates: [] };
    if (brackets.length > 0) return { typed, candidates: brackets };
  }
  const values = schema.values(type).map(style.value).toSorted();
  const [quote] = style === KEY_VALUE ? /^["']/.exec(typed) ?? [""] : [""];
  return among(typed, values.map((value) => `${quote}${value}${quote}`), style.behindValue);
}

function completeJson(type: string, text: string, schema: LiveSchema): Completion {
  const { value, path, slot } = readPartialJson(text);
  const at = schema.at(type, path, value);
  if (slot === null || at === undefined) return nothing();
  if (slot.kind === "value") return completeValue(at, slot.text, JSON_STYLE, schema);
  const names = memberNames(at, valueAt(value, path), JSON_STYLE, schema);
  return amongJson(slot.text, names);
}

/** `{"execute": ..., "arguments": ...}` */
function completeMessage(text: string, schema: LiveSchema): Completion {
  const { value, path: [first, ...path], slot } = readPartialJson(text);
  if (slot === null) return nothing();
  if (first === undefined) {
    const members = ["execute", "exec-oob", "arguments", "id"].filter((name) =>
      memberOf(value, name) === undefined
    );
    return amongJson(slot.text, members.map((name) => `"${name}": `));
  }
  const outOfBand = first === "exec-oob";
  if (path.length === 0 && (first === "execute" || outOfBand)) {
    const names = schema.commands.filter((name) => !outOfBand || schema.command(name)?.oob);
    return amongJson(slot.text, names.map((name) => JSON.stringify(name)));
  }
  const command = memberOf(value, "execute") ?? memberOf(value, "exec-oob");
  const type = typeof command === "string" ? schema.command(command)?.argType : undefined;
  const args = memberOf(value, "arguments");
  const at = first === "arguments" && type !== undefined ? schema.at(type, path, args) : undefined;
  if (at === undefined) return nothing();
  if (slot.kind === "value") return completeValue(at, slot.text, JSON_STYLE, schema);
  return amongJson(slot.text, memberNames(at, valueAt(args, path), JSON_STYLE, schema));
}

function among(typed: string, names: readonly string[], behind: string): Completion {
  const candidates = names.filter((name) => name.startsWith(typed));
  return {
    typed,
    candidates: candidates.length === 1 ? candidates.map((name) => name + behind) : candidates,
  };
}

/** Names in JSON are also found when their opening quote is missing. */
function amongJson(typed: string, names: readonly string[]): Completion {
  const begun = typed.startsWith('"') ? typed : `"${typed}`;
  return { typed, candidates: names.filter((name) => name.startsWith(begun)) };
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => memberOf(inner, step), value);
}

function nothing(): Completion {
  return { typed: "", candidates: [] };
}
