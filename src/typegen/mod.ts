/**
 * QEMU's schema as TypeScript: the model of a schema, what writes it as a module of types, and what makes such a model from what a
 * running QEMU says of itself. The project's own types are written with it from QEMU's source (`tools/qapi`), and those of the
 * user's QEMU by `qeeper types`. Nothing of it is needed to run a guest.
 *
 * @module
 */
export { emitModule, importLines, joined, type ModuleFrame } from "./emit/emit_module.ts";
export { type LiveTypes, type LiveTypesOptions, writeLiveTypes } from "./live_types.ts";
export * from "./model.ts";
export { replacementOf } from "./replacements.ts";
export { shippedModel } from "./shipped.ts";
