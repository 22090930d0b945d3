import type { CommandDefinition, Definition, EventDefinition, Payload } from "../model.ts";
import { replacementOf } from "../replacements.ts";
import { block, indent, key, type Line, object } from "./layout.ts";
import { documentation } from "./prose.ts";
import { type EmitContext, memberLines, typeName, typeText } from "./type_text.ts";
import { type Direction, isEmptyObject } from "./usage.ts";

/** The map of a schema's commands: what each takes and returns. */
export function emitCommands(context: EmitContext, name: string): string[] {
  const commands = definitions(context, (definition) => definition.kind === "command" ? definition : null);
  return [
    "/** What each command takes and returns. */",
    `export interface ${name} {`,
    ...indent(block(commands.map((command) => commandLine(context, command)))),
    "}",
  ];
}

/** The map of a schema's events: what each carries. */
export function emitEvents(context: EmitContext, name: string): string[] {
  const events = definitions(context, (definition) => definition.kind === "event" ? definition : null);
  return [
    "/** The `data` of each event; `undefined` for those that carry none. */",
    `export interface ${name} {`,
    ...indent(block(events.map((event) => eventLine(context, event)))),
    "}",
  ];
}

function definitions<D extends Definition>(
  { model }: EmitContext,
  pick: (definition: Definition) => D | null,
): D[] {
  return [...model.definitions.values()].map(pick).filter((picked) => picked !== null);
}

function commandLine(context: EmitContext, command: CommandDefinition): Line {
  const notes: string[] = [];
  if (command.flags.includes("allow-oob")) notes.push("May be sent out of band.");
  if (command.flags.includes("success-response")) notes.push("Has no reply when it succeeds.");
  if (command.flags.includes("gen")) notes.push("Takes further members, which depend on the others.");
  const open = command.flags.includes("gen") ? [{ doc: [], text: ["[property: string]: unknown;"] }] : [];
  const returns = command.returns === undefined ? "Empty" : typeText(context, command.returns, "received");
  const inner: Line[] = [
    {
      doc: [],
      text: payloadText(context, command, "sent", "arguments: ", 2, open) ?? ["arguments: NoArguments;"],
    },
    { doc: [], text: [`returns: ${returns};`] },
  ];
  return {
    doc: documentation(command, notes, 1, replacementOf(context.model, command.name)),
    text: object(`${key(command.name)}: `, inner, ";", 1),
  };
}

function eventLine(context: EmitContext, event: EventDefinition): Line {
  const before = `${key(event.name)}: `;
  const text = payloadText(context, event, "received", before, 1, []) ?? [`${before}undefined;`];
  return { doc: documentation(event, [], 1), text };
}

/** What a command takes or an event carries, after `before`; null for nothing. */
function payloadText(
  context: EmitContext,
  { payload, since }: { payload: Payload; since?: string },
  direction: Direction,
  before: string,
  depth: number,
  more: readonly Line[],
): string[] | null {
  switch (payload.kind) {
    case "none":
      return null;
    case "type":
      if (isEmptyObject(context.model, payload.type)) return null;
      return [`${before}${typeName(context, payload.type, direction)};`];
    case "members": {
      const owner = { ...(since === undefined ? {} : { since }), depth: depth + 1 };
      return object(
        before,
        [...memberLines(context, payload.members, direction, owner), ...more],
        ";",
        depth,
      );
    }
  }
}
