import type { Definition, Model } from "./model.ts";
import { SHIPPED_DEFINITIONS, SHIPPED_QEMU } from "./shipped.gen.ts";

/**
 * The schema that Qeeper's own types are made from: what tells the names of a QEMU's types. It has no conditions and no features: those
 * a QEMU says of itself.
 */
export function shippedModel(): Model {
  const definitions: Definition[] = SHIPPED_DEFINITIONS.trim().split("\n").map((line) => JSON.parse(line));
  return {
    schema: "qmp",
    qemu: SHIPPED_QEMU,
    definitions: new Map(definitions.map((definition) => [definition.name, definition])),
  };
}
