import {
  baseMembers,
  type Definition,
  type Member,
  type Model,
  type Payload,
  type TypeDefinition,
} from "../model.ts";

/** Which way values of a type go. */
export type Direction = "sent" | "received";

/** Who uses a type: a command's arguments or result, an event's data, or another type. */
export type Use =
  | { readonly kind: "arguments" | "returns" | "event"; readonly name: string }
  | { readonly kind: "type"; readonly name: string };

/** What is known of the use of each type. */
export interface Usage {
  /** The ways in which values of a type go; empty for a type that the protocol doesn't use. */
  directions(type: string): ReadonlySet<Direction>;
  /** Who mentions the type, in the schema's order. */
  uses(type: string): readonly Use[];
  /** Whether what is received of this type must be typed in another way than what is sent. */
  differs(type: string): boolean;
}

/** Finds out how a model's types are used. */
export function findUsage(model: Model): Usage {
  const directions = new Map<string, Set<Direction>>();
  const uses = new Map<string, Use[]>();
  const mark = (type: string, direction: Direction): void => {
    const known = directions.get(type) ?? new Set();
    if (known.has(direction)) return;
    directions.set(type, known.add(direction));
    const definition = model.definitions.get(type);
    if (definition !== undefined) { for (const part of mentioned(definition)) mark(part, direction); }
  };
  const note = (type: string, use: Use): void => {
    uses.set(type, [...uses.get(type) ?? [], use]);
  };
  for (const definition of model.definitions.values()) {
    const { kind, name } = definition;
    if (kind === "command") {
      for (const type of payloadTypes(definition.payload)) {
        mark(type, "sent");
        note(type, { kind: "arguments", name });
      }
      if (definition.returns !== undefined) {
        mark(definition.returns.name, "received");
        note(definition.returns.name, { kind: "returns", name });
      }
    } else if (kind === "event") {
      for (const type of payloadTypes(definition.payload)) {
        mark(type, "received");
        note(type, { kind: "event", name });
      }
    } else for (const type of new Set(mentioned(definition))) note(type, { kind: "type", name });
  }
  const differing = findDiffering(model);
  return {
    directions: (type) => directions.get(type) ?? new Set(),
    uses: (type) => uses.get(type) ?? [],
    differs: (type) => differing.has(type),
  };
}

/** The types that a definition mentions. */
function mentioned(definition: Definition): string[] {
  switch (definition.kind) {
    case "enum":
      return [];
    case "struct":
      return [
        ...memberTypes(definition.members),
        ...(definition.base === undefined ? [] : [definition.base]),
      ];
    case "union":
      return [
        ...(typeof definition.base === "string" ? [definition.base] : memberTypes(definition.base)),
        ...definition.branches.map(({ type }) => type.name),
      ];
    case "alternate":
      return definition.branches.map(({ type }) => type.name);
    case "command":
    case "event":
      return payloadTypes(definition.payload);
  }
}

function payloadTypes(payload: Payload): string[] {
  switch (payload.kind) {
    case "none":
      return [];
    case "members":
      return [...new Set(memberTypes(payload.members))];
    case "type":
      return [payload.type];
  }
}

function memberTypes(members: readonly Member[]): string[] {
  return members.map(({ type }) => type.name);
}

/**
 * The objects and alternates whose received form is another one: those with a string that a newer QEMU may have more
 * of, with a member that not every build has, and those that contain such a one. Enums are not among them: where one
 * is received its use says that it is open.
 */
function findDiffering(model: Model): Set<string> {
  const types = [...model.definitions.values()].filter((definition): definition is TypeDefinition =>
    definition.kind !== "command" && definition.kind !== "event" && definition.kind !== "enum"
  );
  const differing = new Set<string>();
  for (let before = -1; before !== differing.size;) {
    before = differing.size;
    for (const type of types) {
      if (differsItself(model, type) || mentioned(type).some((name) => differing.has(name))) {
        differing.add(type.name);
      }
    }
  }
  return differing;
}

function differsItself(model: Model, type: TypeDefinition): boolean {
  const isEnum = (name: string) => model.definitions.get(name)?.kind === "enum";
  switch (type.kind) {
    case "enum":
      return false;
    case "union":
      return true;
    case "alternate":
      return type.branches.some((branch) => isEnum(branch.type.name));
    case "struct":
      return type.members.some((member) => isEnum(member.type.name) || isConditional(member));
  }
}

/** Whether a member that the schema has always there is only there in some builds. */
export function isConditional(member: Member): boolean {
  return !member.optional && member.if !== undefined;
}

/** Whether a union's or struct's value has no member at all. */
export function isEmptyObject(model: Model, name: string): boolean {
  const definition = model.definitions.get(name);
  if (definition?.kind === "union") return baseMembers(model, definition).length === 0;
  return definition?.kind === "struct" && definition.members.length === 0 &&
    (definition.base === undefined || isEmptyObject(model, definition.base));
}
