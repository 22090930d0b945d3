import type { SchemaInfo } from "../qapi/mod.ts";

/** What is marked on a command, an event or a member: `deprecated`, `unstable`, or a feature of its own name. */
export type SchemaFeatures = readonly string[];

type InfoOf<Kind extends SchemaInfo["meta-type"]> = Extract<SchemaInfo, { "meta-type": Kind }>;

/**
 * What one running QEMU understands, from its own `query-qmp-schema`. Ask it for a feature rather than for a version: distributions
 * build QEMU with parts left out, and bring others back.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const schema = await vm.qmp.schema();
 *
 * assertEquals(schema.hasCommand("blockdev-add"), true);
 * assertEquals(schema.hasEvent("SHUTDOWN"), true);
 * assertEquals(schema.accepts("blockdev-add", "driver", "qcow2", "lazy-refcounts"), true);
 * assertEquals(schema.accepts("blockdev-add", "driver", "abacus"), false);
 * ```
 */
export class QmpSchema {
  /** The reply of `query-qmp-schema`, as it came. Type names in it are masked by numbers. */
  readonly raw: readonly SchemaInfo[];
  readonly #entities: ReadonlyMap<string, SchemaInfo>;

  /** @param raw The reply of `query-qmp-schema`. */
  constructor(raw: readonly SchemaInfo[]) {
    this.raw = raw;
    this.#entities = new Map(raw.map((entity) => [entity.name, entity]));
  }

  /** Does this QEMU have a command of this name? */
  hasCommand(name: string): boolean {
    return this.#entities.get(name)?.["meta-type"] === "command";
  }

  /** Can this QEMU send an event of this name? */
  hasEvent(name: string): boolean {
    return this.#entities.get(name)?.["meta-type"] === "event";
  }

  /** What is marked on a command or an event, such as `deprecated`; empty where nothing is, or there is no such name. */
  features(name: string): SchemaFeatures {
    return this.#entities.get(name)?.features ?? [];
  }

  /**
   * Does a command take this? The path goes from the command's arguments inwards: members by their names, enum values
   * by theirs. Lists are gone through by themselves; after the value of a union's discriminator come that variant's members.
   *
   * @param command The command.
   * @param path Members and values, such as `"driver", "file", "aio", "io_uring"`.
   * @returns Whether this QEMU understands all of it; false where it has no such command.
   */
  accepts(command: string, ...path: readonly string[]): boolean {
    const entity = this.#entities.get(command);
    return entity !== undefined && isA(entity, "command") && this.#takes(entity["arg-type"], path);
  }

  #takes(typeName: string, path: readonly string[]): boolean {
    if (path.length === 0) return true;
    const type = this.#entities.get(typeName);
    if (type === undefined) return false;
    if (isA(type, "array")) return this.#takes(type["element-type"], path);
    if (isA(type, "alternate")) return type.members.some((member) => this.#takes(member.type, path));
    if (isA(type, "enum")) return path.length === 1 && valuesOf(type).includes(path[0] ?? "");
    return isA(type, "object") && this.#objectTakes(type, path);
  }

  #objectTakes(type: InfoOf<"object">, path: readonly string[]): boolean {
    const [name, ...inner] = path;
    const member = type.members.find((candidate) => candidate.name === name);
    const variants = type.variants ?? [];
    if (member === undefined) return variants.some((variant) => this.#takes(variant.type, path));
    const [value, ...deeper] = inner;
    if (type.tag !== name || value === undefined || deeper.length === 0) {
      return this.#takes(member.type, inner);
    }
    // The discriminator's value chooses what else there is.
    if (!this.#takes(member.type, [value])) return false;
    const chosen = variants.find((variant) => variant.case === value);
    return this.#objectTakes({ ...type, variants: chosen ? [chosen] : [] }, deeper);
  }
}

/** A schema newer than the types may have kinds that they don't list, so what is not asked for is left alone. */
function isA<Kind extends "command" | "array" | "alternate" | "enum" | "object">(
  entity: SchemaInfo,
  kind: Kind,
): entity is InfoOf<Kind> {
  return entity["meta-type"] === kind;
}

/** Up to 6.1 an enum had its values only; since then they are also there as members, with features. */
function valuesOf(type: InfoOf<"enum">): readonly string[] {
  return type.members?.map((member) => member.name) ?? type.values;
}
