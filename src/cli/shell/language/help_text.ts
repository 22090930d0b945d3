import { didYouMean } from "../../command.ts";
import { formatTable } from "../../table.ts";
import { givenBy } from "./arguments.ts";
import { type LiveSchema, type Member, memberOf } from "./live_schema.ts";
import type { Word } from "./tokens.ts";

/** How deep members within members are listed. */
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
    const { argType, returnType, features, oob } = command;
    const marks = [...features, ...oob ? ["may be sent out of band (exec-oob)"] : []];
    return [
      `${name.text}: a command${marks.length > 0 ? `; ${marks.join(", ")}` : ""}\n`,
      membersSection("Arguments", argType, givenBy(rest), schema),
      unionSection(name.text, argType, givenBy(rest), schema),
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
  const rows = memberRows(schema.members(type, given), given, [], schema, new Set([type]));
  return rows.length === 0 ? `${title}: none\n` : `${title}:\n${formatTable(rows, "  ")}`;
}

/** A row for each member, and for those inside of it by their keys with dots. */
function memberRows(
  members: readonly Member[],
  given: unknown,
  path: readonly string[],
  schema: LiveSchema,
  around: ReadonlySet<string>,
): readonly (readonly string[])[] {
  const ordered = members.toSorted((a, b) => Number(a.optional) - Number(b.optional));
  return ordered.flatMap((member) => {
    const { name, type, optional, features } = member;
    const notes = [...optional ? ["optional"] : [], ...features];
    const key = [...path, name];
    const own = [key.join("."), notes.join(", "), schema.describe(type)];
    const inner = memberOf(given, name);
    // A type may hold itself, as a block node holds the one below it: that is shown where it is asked for.
    if (around.has(type) || (key.length >= MAX_DEPTH && inner === undefined)) return [own];
    const inside = inner === undefined && schema.kinds(type).size > 1 ? [] : schema.members(type, inner);
    return [own, ...memberRows(inside, inner, key, schema, new Set([...around, type]))];
  });
}

function unionSection(command: string, type: string, given: unknown, schema: LiveSchema): string {
  const union = schema.union(type);
  if (union === null || memberOf(given, union.tag) !== undefined || union.cases.length === 0) return "";
  return `More arguments depend on ${union.tag}: help ${command} ${union.tag}=${union.cases[0]}\n`;
}

function returnSection(type: string, schema: LiveSchema): string {
  const element = schema.element(type);
  const rows = memberRows(schema.members(element ?? type, {}), {}, [], schema, new Set([element ?? type]));
  if (rows.length > 0) {
    return `${element === undefined ? "Returns" : "Returns a list of"}:\n${formatTable(rows, "  ")}`;
  }
  return schema.kinds(type).has("object") ? "" : `Returns: ${schema.describe(type)}\n`;
}
