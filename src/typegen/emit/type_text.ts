import type { Branch, Member, Model, TypeRef } from "../model.ts";
import { key, type Line } from "./layout.ts";
import { memberDocumentation } from "./prose.ts";
import type { Direction, Usage } from "./usage.ts";

/** What the emitter needs to know everywhere. */
export interface EmitContext {
  readonly model: Model;
  readonly usage: Usage;
}

/** TypeScript for the types that every schema has. A number that may exceed 2^53 may be a bigint, both ways. */
const BUILT_IN: Readonly<Record<string, string>> = {
  str: "string",
  int: "number | bigint",
  int64: "number | bigint",
  uint64: "number | bigint",
  size: "number | bigint",
  number: "number",
  int8: "number",
  int16: "number",
  int32: "number",
  uint8: "number",
  uint16: "number",
  uint32: "number",
  bool: "boolean",
  null: "null",
  any: "unknown",
  QType: "string",
};

/** The name of a type's received form, where it is not the form that is sent. */
export function typeName(context: EmitContext, name: string, direction: Direction): string {
  return direction === "received" && hasReceivedForm(context, name) ? `${name}Received` : name;
}

/** Whether a type goes both ways and must be typed in another way when it is received. */
export function hasReceivedForm({ usage }: EmitContext, name: string): boolean {
  return usage.directions(name).size === 2 && usage.differs(name);
}

/** A mentioned type as TypeScript. Where an enum is received it is open. */
export function typeText(context: EmitContext, type: TypeRef, direction: Direction): string {
  const one = BUILT_IN[type.name] ?? namedText(context, type.name, direction);
  if (!type.list) return one;
  const item = one.includes(" ") && !one.includes("<") ? `(${one})` : one;
  return direction === "sent" ? `readonly ${item}[]` : `${item}[]`;
}

function namedText(context: EmitContext, name: string, direction: Direction): string {
  const definition = context.model.definitions.get(name);
  if (definition?.kind === "enum" && direction === "received") return `Open<${name}>`;
  return typeName(context, name, direction);
}

/** Members as lines of an interface or object type. */
export function memberLines(
  context: EmitContext,
  members: readonly Member[],
  direction: Direction,
  owner: { since?: string; depth: number },
): Line[] {
  return members.map((member) => {
    // A member that not every build has may be missing from what is received.
    const optional = member.optional || direction === "received" && member.if !== undefined;
    return {
      doc: memberDocumentation(member, owner.since, owner.depth),
      text: [`${key(member.name)}${optional ? "?" : ""}: ${typeText(context, member.type, direction)};`],
    };
  });
}

/** The parts of an alternate. */
export function alternativeTexts(
  context: EmitContext,
  branches: readonly Branch[],
  direction: Direction,
): string[] {
  const texts = branches.flatMap(({ type }) => typeText(context, type, direction).split(" | "));
  return [...new Set(texts)];
}
