import type { Model } from "../model.ts";
import { emitCommands, emitEvents } from "./emit_maps.ts";
import { emitType } from "./emit_type.ts";
import { comment } from "./layout.ts";
import type { EmitContext } from "./type_text.ts";
import { findUsage } from "./usage.ts";

/** What a module of types has besides the types. */
export interface ModuleFrame {
  /** The lines that it begins with. */
  readonly header: readonly string[];
  /** Its documentation. */
  readonly about: readonly string[];
  /** What the map of commands is called. */
  readonly commands: string;
  /** What the map of events is called; null where there are none. */
  readonly events: string | null;
  /** Which types it may need from where; what it doesn't use is not imported. */
  readonly imports: readonly { readonly from: string; readonly names: readonly string[] }[];
}

/** Writes the commands, events and types of a model as a module of TypeScript. */
export function emitModule(model: Model, frame: ModuleFrame): string {
  const context: EmitContext = { model, usage: findUsage(model) };
  const types = [...model.definitions.values()].flatMap((definition) =>
    definition.kind === "command" || definition.kind === "event" ? [] : ["", ...emitType(context, definition)]
  );
  const body = [
    "",
    ...emitCommands(context, frame.commands),
    ...(frame.events === null ? [] : ["", ...emitEvents(context, frame.events)]),
    ...types,
  ];
  return joined([
    ...frame.header,
    ...comment([...frame.about, "", "@module"]),
    ...frame.imports.flatMap(({ from, names }) => importLines(body, from, names)),
    ...body,
  ]);
}

/** The import of those of these types that a module's lines mention. */
export function importLines(body: readonly string[], from: string, names: readonly string[]): string[] {
  const text = body.join("\n");
  const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  return used.length === 0 ? [] : [`import type { ${used.join(", ")} } from "${from}";`];
}

/** The lines of a file as its text. */
export function joined(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
