import { didYouMean } from "../../command.ts";
import { formatTable } from "../../table.ts";
import { givenBy } from "./arguments.ts";
import { type CommandInfo, type LiveSchema, memberOf } from "./live_schema.ts";
import type { Word } from "./tokens.ts";

/** How deep members within members are listed, below what is asked for. */
const MAX_DEPTH = 2;

/** How a line of the shell looks. */
export const SHELL_HELP = `Type a command, and its arguments in one of these ways:
  query-status
  blockdev-add driver=raw node-name=n0 file.driver=file file.filename=/tmp/disk.img
  device_del {"id": "disk1"}
  {"execute": "query-status"}                 a whole QMP message, "exec-oob" as well

  transaction(                                each line is an action, as type key=value; ) ends it
  hmp info status                             a line of the human monitor
  help COMMAND [key=value...]                 what a command takes; with a union's key, also that variant
  help WORD                                   commands and events with WORD in their names
  exit                                        leaves the shell; QEMU stays (the command quit ends QEMU)

A value is a text, "a text in quotes", a number, true, false, null or JSON. A line that begins with # is a comment.
`;

/** The keys, for those who have a terminal. */
export const KEYS_HELP = `
TAB completes commands, arguments and values as this QEMU has them. Up and Down go through the history, and find what
begins as the line does. Ctrl-C drops the line, or stops waiting for a reply; Ctrl-D on an empty line leaves.
`;

/**
 * Explains a command or an event, from the schema of the QEMU that runs.
 *
 * @param words What is asked for: a name, and arguments that choose the variant of a union.
 * @param schema What this QEMU understands.
 * @returns Text.
 */
export function explain(words: readonly Word[], schema: LiveSchema): string {
  const [name = { text: "", at: 0 }, ...rest] = words;
  const command = schema.command(name.text);
  if (command !== undefined) {
    const { argType, returnType } = command;
    const given = givenBy(rest);
    return [
      `${name.text}: a command${marksOf(command)}\n`,
      membersSection("Arguments", argType, given, schema),
      ...unionsOf(argType, given, [], schema).map(({ key, value }) =>
        `More arguments depend on ${key}: help ${name.text} ${key}=${value}\n`
      ),
      returnSection(returnType, schema),
    ].join("");
  }
  const event = schema.eventType(name.text);
  if (event !== undefined) return `${name.text}: an event\n${membersSection("Data", event, {}, schema)}`;
  return search(name.text, schema);
}

function search(text: string, schema: LiveSchema): string {
  const all = [...schema.commands, ...schema.events];
  const found = all.filter((name) => name.toLowerCase().includes(text.toLowerCase()));
  if (found.length === 0) {
    return `There is no command or event ${JSON.stringify(text)}${didYouMean(text, all)}\n`;
  }
  return `Commands and events with ${JSON.stringify(text)} in their names:\n${
    found.map((name) => `  ${name}\n`).join("")
  }`;
}

function membersSection(title: string, type: string, given: unknown, schema: LiveSchema): string {
  const rows = memberRows(type, { given, path: [], around: new Set([type]), depth: 1 }, schema);
  return rows.length === 0 ? `${title}: none\n` : `${title}:\n${formatTable(rows, "  ")}`;
}

/** An object within the arguments. */
interface Level {
  /** What is known of it. */
  readonly given: unknown;
  readonly path: readonly string[];
  /** The types that it stands in. */
  readonly around: ReadonlySet<string>;
  /** How far it is below what is given. */
  readonly depth: number;
}

/** A row for each member, and for those inside of it by their keys with dots. */
function memberRows(type: string, level: Level, schema: LiveSchema): readonly (readonly string[])[] {
  const { given, path, around, depth } = level;
  const ordered = schema.members(type, given).toSorted((a, b) => Number(a.optional) - Number(b.optional));
  return ordered.flatMap(({ name, type, optional, features }) => {
    const notes = [...optional ? ["optional"] : [], ...features];
    const key = [...path, name];
    const own = [key.join("."), notes.join(", "), schema.describe(type)];
    const inner = memberOf(given, name);
    const asked = inner !== undefined;
    // A type may hold itself, as a block node holds the one below it; and what may also be a text need not be an object.
    const closed = around.has(type) || depth >= MAX_DEPTH || schema.kinds(type).size > 1;
    if (closed && !asked) return [own];
    const below = {
      given: inner,
      path: key,
      around: new Set([...around, type]),
      depth: asked ? 1 : depth + 1,
    };
    return [own, ...memberRows(type, below, schema)];
  });
}

/** The discriminators that bring in more members and are not given yet: of the arguments, and of the objects in them. */
function unionsOf(
  type: string,
  given: unknown,
  path: readonly string[],
  schema: LiveSchema,
): readonly { readonly key: string; readonly value: string }[] {
  const union = schema.union(type);
  const [value] = union?.cases ?? [];
  const open = union !== null && value !== undefined && memberOf(given, union.tag) === undefined;
  const own = open ? [{ key: [...path, union.tag].join("."), value }] : [];
  if (path.length + 1 >= MAX_DEPTH && given === undefined) return own;
  const inner = schema.members(type, given).filter((member) => schema.kinds(member.type).size === 1);
  return [
    ...own,
    ...inner.flatMap(({ name, type }) => unionsOf(type, memberOf(given, name), [...path, name], schema)),
  ];
}

function marksOf({ features, oob }: CommandInfo): string {
  const marks = features.map((name) => name === "deprecated" || name === "unstable" ? name : `has ${name}`);
  return [...marks, ...oob ? ["may be sent out of band (exec-oob)"] : []].map((mark) => `; ${mark}`)
    .join("");
}

function returnSection(type: string, schema: LiveSchema): string {
  const element = schema.element(type);
  const returned = element ?? type;
  const rows = memberRows(returned, { given: {}, path: [], around: new Set([returned]), depth: 1 }, schema);
  if (rows.length > 0) {
    return `${element === undefined ? "Returns" : "Returns a list of"}:\n${formatTable(rows, "  ")}`;
  }
  return schema.kinds(type).has("object") ? "" : `Returns: ${schema.describe(type)}\n`;
}
