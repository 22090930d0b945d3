import {
  allMembers,
  type Branch,
  type Member,
  type Model,
  type TypeRef,
  type UnionDefinition,
} from "../../src/typegen/model.ts";

/** Where a value is not as its type says. `unlisted` is what the types leave room for; the others contradict them. */
export interface Deviation {
  readonly kind: "missing" | "wrong" | "unlisted";
  /** From the schema's type on: `StatusInfo.running`; a list's items are not told apart. */
  readonly at: string;
  readonly detail: string;
}

const INTEGER_RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int: [-(2n ** 63n), 2n ** 63n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int8: [-128n, 127n],
  uint64: [0n, 2n ** 64n - 1n],
  size: [0n, 2n ** 64n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  uint8: [0n, 255n],
};
/** Those that the generated types have as `number`: a bigint would contradict them. */
const NEVER_BIGINT = /^u?int(?:8|16|32)$/;

/** Checks what QEMU says against the model that the types are generated from. */
export class ReplyValidator {
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  /** What a command returned. */
  checkReply(command: string, reply: unknown): Deviation[] {
    const definition = this.#model.definitions.get(command);
    if (definition?.kind !== "command") {
      return [{ kind: "unlisted", at: command, detail: "an unknown command" }];
    }
    if (definition.returns === undefined) return this.#checkMembers(reply, [], command);
    return unique(this.#checkType(reply, definition.returns, command));
  }

  /** What an event carried; undefined where it carried nothing. */
  checkEvent(event: string, data: unknown): Deviation[] {
    const definition = this.#model.definitions.get(event);
    if (definition?.kind !== "event") return [{ kind: "unlisted", at: event, detail: "an unknown event" }];
    const { payload } = definition;
    if (payload.kind === "none") {
      return data === undefined ? [] : [{ kind: "unlisted", at: event, detail: "it carries something" }];
    }
    if (payload.kind === "members") return unique(this.#checkMembers(data, payload.members, event));
    return unique(this.#checkType(data, { name: payload.type, list: false }, event));
  }

  #checkType(value: unknown, type: TypeRef, at: string): Deviation[] {
    if (type.list) {
      if (!Array.isArray(value)) return [wrong(at, "a list", value)];
      return value.flatMap((item) => this.#checkType(item, { name: type.name, list: false }, at));
    }
    const definition = this.#model.definitions.get(type.name);
    switch (definition?.kind) {
      case "enum":
        if (typeof value !== "string") return [wrong(at, "a string", value)];
        if (definition.values.some(({ name }) => name === value)) return [];
        return [{ kind: "unlisted", at: type.name, detail: value }];
      case "struct":
        return this.#checkMembers(value, allMembers(this.#model, type.name), type.name);
      case "union":
        return this.#checkMembers(value, this.#unionMembers(value, definition), type.name);
      case "alternate":
        return this.#checkAlternate(value, definition.branches, type.name);
      default:
        return checkBuiltIn(value, type.name, at);
    }
  }

  #checkMembers(value: unknown, members: readonly Member[], at: string): Deviation[] {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return [wrong(at, "an object", value)];
    }
    const found = new Map<string, unknown>(Object.entries(value));
    const deviations = members.flatMap((member): Deviation[] => {
      const path = `${at}.${member.name}`;
      if (found.has(member.name)) return this.#checkType(found.get(member.name), member.type, path);
      const mayBeMissing = member.optional || member.if !== undefined;
      return mayBeMissing
        ? []
        : [{ kind: "missing", at: path, detail: `since ${member.since ?? "its owner"}` }];
    });
    for (const name of found.keys()) {
      if (members.some((member) => member.name === name)) continue;
      deviations.push({ kind: "unlisted", at: `${at}.${name}`, detail: "a member" });
    }
    return deviations;
  }

  /** The members of the variant that the value says it is. */
  #unionMembers(value: unknown, union: UnionDefinition): Member[] {
    const own = allMembers(this.#model, union.name);
    const tag = new Map<string, unknown>(Object.entries(value ?? {})).get(union.discriminator);
    const branch = union.branches.find(({ name }) => name === tag)?.type.name;
    if (branch === undefined) return [...own];
    const inner = this.#model.definitions.get(branch);
    const more = inner?.kind === "union" ? this.#unionMembers(value, inner) : allMembers(this.#model, branch);
    return [...own, ...more];
  }

  /** The value is of the branch that fits it; where none does, the first one's deviations say why. */
  #checkAlternate(value: unknown, branches: readonly Branch[], at: string): Deviation[] {
    const tried = branches.map(({ type }) => this.#checkType(value, type, at));
    return tried.find((deviations) => deviations.every(({ kind }) => kind !== "wrong")) ??
      [wrong(at, branches.map(({ type }) => `${type.name}${type.list ? "[]" : ""}`).join(" or "), value)];
  }
}

function checkBuiltIn(value: unknown, type: string, at: string): Deviation[] {
  const range = INTEGER_RANGES[type];
  if (range !== undefined) {
    const isInteger = typeof value === "bigint" || Number.isInteger(value);
    if (!isInteger || typeof value === "bigint" && NEVER_BIGINT.test(type)) return [wrong(at, type, value)];
    const exact = BigInt(value as number | bigint);
    return exact >= range[0] && exact <= range[1] ? [] : [wrong(at, type, value)];
  }
  const fits: Readonly<Record<string, boolean>> = {
    any: value !== undefined,
    bool: typeof value === "boolean",
    null: value === null,
    number: typeof value === "number",
    str: typeof value === "string",
    QType: typeof value === "string",
  };
  return fits[type] === true ? [] : [wrong(at, type, value)];
}

function wrong(at: string, expected: string, value: unknown): Deviation {
  return { kind: "wrong", at, detail: `${expected} expected, found ${Deno.inspect(value).slice(0, 60)}` };
}

function unique(deviations: readonly Deviation[]): Deviation[] {
  const byText = new Map(deviations.map((each) => [`${each.kind} ${each.at} ${each.detail}`, each]));
  return [...byText.values()];
}
