import {
  allMembers,
  type AlternateDefinition,
  BUILT_IN_TYPES,
  type CommandDefinition,
  type Definition,
  type EventDefinition,
  type Member,
  type Model,
  type SchemaName,
  type StructDefinition,
  type TypeRef,
  type UnionDefinition,
} from "../../../src/typegen/mod.ts";
import type { Placed } from "./loader.ts";
import { type Place, SchemaError } from "./source_error.ts";

/**
 * Makes definitions into a model: each name once, and every type that is mentioned there and of the right kind.
 *
 * @param placed What was loaded.
 * @param schema Which schema it is.
 * @param qemu The QEMU version that it is of.
 * @throws {SchemaError} At the definition that is wrong.
 */
export function checkSchema(placed: readonly Placed[], schema: SchemaName, qemu: string): Model {
  const places = new Map<string, Place>();
  const definitions = new Map<string, Definition>();
  for (const { definition, place } of placed) {
    const before = places.get(definition.name);
    if (before !== undefined || BUILT_IN_TYPES.has(definition.name)) {
      const where = before === undefined ? "which is built in" : `also at ${before.file}:${before.line}`;
      throw new SchemaError(place, "a name that is not taken", `'${definition.name}', ${where}`);
    }
    places.set(definition.name, place);
    definitions.set(definition.name, definition);
  }
  const model: Model = { schema, qemu, definitions };
  const checkers = placed.map(({ definition, place }) => new Checker(model, definition, place));
  // Bases first: with bases in a circle nobody could ask for a struct's members.
  for (const checker of checkers) checker.checkBases();
  for (const checker of checkers) checker.check();
  return model;
}

/** Checks one definition within its model. */
class Checker {
  readonly #model: Model;
  readonly #definition: Definition;
  readonly #place: Place;

  constructor(model: Model, definition: Definition, place: Place) {
    this.#model = model;
    this.#definition = definition;
    this.#place = place;
  }

  checkBases(): void {
    if (this.#definition.kind !== "struct") return;
    const chain = [this.#definition.name];
    for (let { base } = this.#definition; base !== undefined; { base } = this.#structNamed(base)) {
      if (chain.includes(base)) {
        this.#refuse("a base that doesn't have this struct as its own", `'${base}'`);
      }
      chain.push(base);
    }
  }

  check(): void {
    const definition = this.#definition;
    switch (definition.kind) {
      case "enum":
        return;
      case "struct":
        return this.#checkStruct(definition);
      case "union":
        return this.#checkUnion(definition);
      case "alternate":
        return this.#checkAlternate(definition);
      case "command":
        this.#checkPayload(definition);
        if (definition.returns !== undefined) this.#checkType(definition.returns, "'returns'");
        return;
      case "event":
        return this.#checkPayload(definition);
    }
  }

  #checkStruct(struct: StructDefinition): void {
    const chain = [struct.name];
    for (let base = struct.base; base !== undefined;) {
      if (chain.includes(base)) this.#refuse("a base that doesn't have this struct as its own", `'${base}'`);
      chain.push(base);
      base = this.#structNamed(base).base;
    }
    this.#checkMembers(struct.members);
    this.#refuseTwice(allMembers(this.#model, struct.name), "");
  }

  #checkUnion(union: UnionDefinition): void {
    if (typeof union.base === "string") this.#structNamed(union.base);
    else this.#checkMembers(union.base);
    const base = allMembers(this.#model, union.name);
    this.#refuseTwice(base, "");
    const tag = base.find(({ name }) => name === union.discriminator);
    if (tag === undefined) return this.#refuse(`a member '${union.discriminator}' in the base`, "none");
    const values = this.#model.definitions.get(tag.type.name);
    if (values?.kind !== "enum" || tag.type.list || tag.optional) {
      const found = `${tag.optional ? "an optional " : ""}'${tag.type.name}'${tag.type.list ? " list" : ""}`;
      return this.#refuse(`an enum that is always there as discriminator '${tag.name}'`, found);
    }
    for (const branch of union.branches) {
      if (!values.values.some(({ name }) => name === branch.name)) {
        this.#refuse(`a value of enum '${values.name}' as branch`, `'${branch.name}'`);
      }
      const type = this.#model.definitions.get(branch.type.name);
      if (branch.type.list || type?.kind !== "struct" && type?.kind !== "union") {
        this.#refuse(`a struct or union for branch '${branch.name}'`, this.#describe(branch.type));
      }
      this.#refuseTwice(
        [...base, ...allMembers(this.#model, branch.type.name)],
        ` with branch '${branch.name}'`,
      );
    }
  }

  #checkAlternate(alternate: AlternateDefinition): void {
    const seen = new Map<string, string>();
    for (const branch of alternate.branches) {
      this.#checkType(branch.type, `branch '${branch.name}'`);
      const json = this.#jsonKind(branch.type);
      const other = seen.get(json);
      if (other !== undefined) {
        this.#refuse(`branches of different JSON kinds`, `'${other}' and '${branch.name}', both ${json}`);
      }
      seen.set(json, branch.name);
    }
  }

  #checkPayload({ payload, kind }: CommandDefinition | EventDefinition): void {
    if (payload.kind === "members") {
      this.#checkMembers(payload.members);
      this.#refuseTwice(payload.members, "");
    } else if (payload.kind === "type") {
      const type = this.#model.definitions.get(payload.type);
      const allowed = type?.kind === "struct" || payload.boxed && type?.kind === "union";
      if (!allowed) {
        const expected = payload.boxed ? "a struct or union" : "a struct, or a union with 'boxed'";
        this.#refuse(
          `${expected} as data of this ${kind}`,
          this.#describe({ name: payload.type, list: false }),
        );
      }
    }
  }

  #checkMembers(members: readonly Member[]): void {
    for (const member of members) this.#checkType(member.type, `member '${member.name}'`);
  }

  #checkType(type: TypeRef, where: string): void {
    const known = BUILT_IN_TYPES.has(type.name) || isType(this.#model.definitions.get(type.name));
    if (!known) this.#refuse(`a type for ${where}`, this.#describe(type));
  }

  #refuseTwice(members: readonly Member[], where: string): void {
    const seen = new Set<string>();
    for (const { name } of members) {
      if (seen.has(name)) this.#refuse(`each member once${where}`, `'${name}' again`);
      seen.add(name);
    }
  }

  #structNamed(name: string): StructDefinition {
    const base = this.#model.definitions.get(name);
    if (base?.kind === "struct") return base;
    return this.#refuse("a struct as base", this.#describe({ name, list: false }));
  }

  /** Only what JSON can tell apart can be told apart. */
  #jsonKind({ name, list }: TypeRef): string {
    if (list) return "lists";
    const definition = this.#model.definitions.get(name);
    if (definition?.kind === "enum" || name === "str" || name === "QType") return "strings";
    if (definition !== undefined) return "objects";
    return name === "bool" ? "booleans" : name === "null" ? "null" : name === "any" ? "anything" : "numbers";
  }

  #describe({ name, list }: TypeRef): string {
    const kind = this.#model.definitions.get(name)?.kind ??
      (BUILT_IN_TYPES.has(name) ? "built-in type" : "unknown name");
    return `${list ? "a list of " : ""}${kind} '${name}'`;
  }

  #refuse(expected: string, found: string): never {
    throw new SchemaError(
      this.#place,
      `${expected} (in ${this.#definition.kind} '${this.#definition.name}')`,
      found,
    );
  }
}

function isType(definition: Definition | undefined): boolean {
  return definition !== undefined && definition.kind !== "command" && definition.kind !== "event";
}
