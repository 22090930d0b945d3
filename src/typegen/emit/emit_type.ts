import {
  baseMembers,
  type EnumDefinition,
  type Member,
  type StructDefinition,
  type TypeDefinition,
  type UnionDefinition,
} from "../model.ts";
import { block, comment, fits, indent, key, union, wrap } from "./layout.ts";
import { documentation, useNotes, valueNotes } from "./prose.ts";
import { alternativeTexts, type EmitContext, hasReceivedForm, memberLines, typeName } from "./type_text.ts";
import { type Direction, isEmptyObject } from "./usage.ts";

/** The lines of a type: its sent form, its received form, or both where they differ. */
export function emitType(context: EmitContext, type: TypeDefinition): string[] {
  const directions = context.usage.directions(type.name);
  if (!hasReceivedForm(context, type.name) || type.kind === "enum") {
    // What the protocol doesn't use at all is written as if it were sent: the strict form.
    const direction = directions.has("sent") || directions.size === 0 ? "sent" : "received";
    return emitForm(context, type, direction);
  }
  return [...emitForm(context, type, "sent"), "", ...emitForm(context, type, "received")];
}

function emitForm(context: EmitContext, type: TypeDefinition, direction: Direction): string[] {
  const { model, usage } = context;
  const twoForms = hasReceivedForm(context, type.name) && type.kind !== "enum";
  const otherWay = direction === "sent" ? ["returns", "event"] : ["arguments"];
  const uses = usage.uses(type.name).filter(({ kind }) => !twoForms || !otherWay.includes(kind));
  const notes = useNotes(uses, model.schema.toUpperCase());
  if (twoForms && direction === "sent") notes.push(`QEMU itself says a {@linkcode ${type.name}Received}.`);
  if (twoForms && direction === "received") {
    notes.unshift(`A {@linkcode ${type.name}} as QEMU itself says it.`);
  }
  const doc = documentation(type, notes, 0);
  const values = type.kind === "enum" ? valueNotes(type.values, type.since) : [];
  const prose = values.length === 0 ? doc : insertNotes(doc, values);
  switch (type.kind) {
    case "enum":
      return [...comment(prose), ...emitEnum(type)];
    case "struct":
      return [...comment(prose), ...emitStruct(context, type, direction)];
    case "union":
      return emitUnion(context, type, direction, comment(prose));
    case "alternate": {
      const parts = alternativeTexts(context, type.branches, direction);
      const before = `export type ${typeName(context, type.name, direction)} =`;
      return [...comment(prose), ...union(before, parts, ";", 0)];
    }
  }
}

/** Puts notes behind the prose and before the tags. */
function insertNotes(doc: readonly string[], notes: readonly string[]): string[] {
  const tags = doc.findIndex((line) => line.startsWith("@"));
  const prose = tags === -1 ? doc : doc.slice(0, tags - 1);
  return [
    ...prose,
    ...notes.flatMap((note) => ["", ...wrap(note)]),
    ...(tags === -1 ? [] : doc.slice(tags - 1)),
  ];
}

function emitEnum(type: EnumDefinition): string[] {
  return union(`export type ${type.name} =`, type.values.map(({ name }) => JSON.stringify(name)), ";", 0);
}

function emitStruct(context: EmitContext, struct: StructDefinition, direction: Direction): string[] {
  const { model } = context;
  const name = typeName(context, struct.name, direction);
  const hasBase = struct.base !== undefined && !isEmptyObject(model, struct.base);
  const base = hasBase && struct.base !== undefined ? typeName(context, struct.base, direction) : null;
  if (struct.members.length === 0) return [`export type ${name} = ${base ?? "Empty"};`];
  const members = memberLines(context, struct.members, direction, { ...sinceOf(struct), depth: 1 });
  const head = `export interface ${name}${base === null ? "" : ` extends ${base}`} {`;
  return [head, ...indent(block(members)), "}"];
}

/**
 * A union is one object type for each branch, with the discriminator's value in it, so that TypeScript tells them
 * apart. Values with the same members share one. What is received may also have a value that is not listed.
 */
function emitUnion(
  context: EmitContext,
  type: UnionDefinition,
  direction: Direction,
  doc: readonly string[],
): string[] {
  const name = typeName(context, type.name, direction);
  const others = baseMembers(context.model, type).filter((member) => member.name !== type.discriminator);
  const base = baseText(context, type, others, direction);
  const parts = groupValues(context, type, direction).map(({ values, branch }, index, groups) => {
    const tags = values.map((value) => JSON.stringify(value));
    if (direction === "received" && index === groups.length - 1) tags.push("Unlisted");
    const tail = branch === null ? null : typeName(context, branch, direction);
    return branchText(base, key(type.discriminator), tags, tail);
  });
  const variants = parts.flat();
  const alone = parts.length === 1 ? variants.map((line) => line.replace(/^\| \((.*)\)$/, "$1")) : [];
  const lines = [
    ...doc,
    ...(alone.length === 1
      ? [`export type ${name} = ${alone}`]
      : [`export type ${name} =`, ...indent(variants)]),
  ];
  lines.push(`${lines.pop()};`);
  if (typeof type.base === "string" || others.length === 0) return lines;
  const members = memberLines(context, others, direction, { ...sinceOf(type), depth: 1 });
  const own = comment([`What every {@linkcode ${name}} has besides \`${type.discriminator}\`.`]);
  return [...own, `export interface ${name}Base {`, ...indent(block(members)), "}", "", ...lines];
}

/** The type with the members that all branches have besides the discriminator; null when there are none. */
function baseText(
  context: EmitContext,
  type: UnionDefinition,
  others: readonly Member[],
  direction: Direction,
): string | null {
  if (others.length === 0) return null;
  if (typeof type.base !== "string") return `${typeName(context, type.name, direction)}Base`;
  const base = typeName(context, type.base, direction);
  // There the discriminator is open, and TypeScript tells nothing apart by an open string.
  return direction === "received" ? `Omit<${base}, ${JSON.stringify(type.discriminator)}>` : base;
}

/** The discriminator's values by the type of their branch, those without members of their own last. */
function groupValues(
  { model }: EmitContext,
  type: UnionDefinition,
  direction: Direction,
): { values: string[]; branch: string | null }[] {
  const tag = baseMembers(model, type).find(({ name }) => name === type.discriminator);
  const definition = tag === undefined ? undefined : model.definitions.get(tag.type.name);
  const values = definition?.kind === "enum" ? definition.values.map(({ name }) => name) : [];
  const groups = new Map<string | null, string[]>();
  for (const value of values) {
    const branch = type.branches.find(({ name }) => name === value)?.type.name;
    const key = branch === undefined || isEmptyObject(model, branch) ? null : branch;
    groups.set(key, [...groups.get(key) ?? [], value]);
  }
  const plain = groups.get(null) ?? [];
  groups.delete(null);
  const listed = [...groups].map(([branch, those]) => ({ values: those, branch }));
  return plain.length > 0 || direction === "received" ? [...listed, { values: plain, branch: null }] : listed;
}

function branchText(
  base: string | null,
  tag: string,
  values: readonly string[],
  tail: string | null,
): string[] {
  const before = base === null ? "" : `${base} & `;
  const after = tail === null ? "" : ` & ${tail}`;
  const [open, close] = before === "" && after === "" ? ["", ""] : ["(", ")"];
  const short = `| ${open}${before}{ ${tag}: ${values.join(" | ")} }${after}${close}`;
  if (fits(`${short};`, 1)) return [short];
  return [
    `| ${open}${before}{`,
    ...indent(union(`${tag}:`, values, ";", 2)),
    `}${after}${close}`,
  ];
}

function sinceOf({ since }: TypeDefinition): { since?: string } {
  return since === undefined ? {} : { since };
}
