import {
  type CommandDefinition,
  type EventDefinition,
  hasFeature,
  type Model,
  replacementOf,
} from "../../src/typegen/mod.ts";

/** The run-time table of a schema's command names, with what is to be known before one is sent. */
export function emitCommandTable(model: Model, name: string): string[] {
  const rows = [...model.definitions.values()].flatMap((definition) =>
    definition.kind === "command" ? [row(definition.name, commandFacts(model, definition))] : []
  );
  return [
    "/** Every command's name, and what is to be known before it is sent. */",
    `export const ${name}: ReadonlyMap<string, CommandFacts> = new Map<string, CommandFacts>([`,
    ...rows,
    "]);",
  ];
}

/** The run-time table of a schema's event names. */
export function emitEventTable(model: Model, name: string): string[] {
  const rows = [...model.definitions.values()].flatMap((definition) =>
    definition.kind === "event" ? [row(definition.name, commonFacts(definition))] : []
  );
  return [
    "/** Every event's name, and whether it may go. */",
    `export const ${name}: ReadonlyMap<string, EventFacts> = new Map<string, EventFacts>([`,
    ...rows,
    "]);",
  ];
}

function commandFacts(model: Model, command: CommandDefinition): string[] {
  const facts = commonFacts(command);
  const replacement = replacementOf(model, command.name);
  if (replacement !== null) facts.push(`instead: ${JSON.stringify(replacement)}`);
  if (command.flags.includes("allow-oob")) facts.push("oob: true");
  if (command.flags.includes("allow-preconfig")) facts.push("preconfig: true");
  if (command.flags.includes("success-response")) facts.push("noReply: true");
  return facts;
}

function commonFacts(definition: CommandDefinition | EventDefinition): string[] {
  const facts: string[] = [];
  if (definition.since !== undefined) facts.push(`since: ${JSON.stringify(definition.since)}`);
  if (hasFeature(definition, "deprecated")) facts.push("deprecated: true");
  if (hasFeature(definition, "unstable")) facts.push("unstable: true");
  return facts;
}

function row(name: string, facts: readonly string[]): string {
  return `  [${JSON.stringify(name)}, ${facts.length === 0 ? "{}" : `{ ${facts.join(", ")} }`}],`;
}
