import type { Model, SchemaName } from "../../src/typegen/mod.ts";
import { checkSchema } from "./read/check.ts";
import { loadSchema } from "./read/loader.ts";

/** Where each schema begins in a QEMU source tree. */
const ENTRY_FILES: Readonly<Record<SchemaName, string>> = {
  qmp: "qapi/qapi-schema.json",
  qga: "qga/qapi-schema.json",
  "storage-daemon": "storage-daemon/qapi/qapi-schema.json",
};

/** A source tree that the generator can't use as a whole. The message says what to do. */
export class TreeError extends Error {
  override readonly name = "TreeError";
}

/**
 * Reads the schemas of a QEMU source tree.
 *
 * @param tree The tree's folder.
 * @param version Its QEMU version, where it doesn't say so itself.
 * @returns The schemas that it has; those of QEMU and of the guest agent are always among them.
 * @throws {SchemaError} When a schema is wrong, or not there.
 * @throws {TreeError} When the version can't be told, or the storage daemon's schema is not part of QEMU's.
 */
export function readTree(tree: string, version: string | null): Model[] {
  const folder = tree.replace(/\/+$/, "");
  if (readText(`${folder}/${ENTRY_FILES.qmp}`) === null) {
    throw new TreeError(
      `Cannot generate from ${folder}: it is no QEMU source tree, for it has no ${ENTRY_FILES.qmp}`,
    );
  }
  const qemu = version ?? treeVersion(folder);
  const models = (["qmp", "qga"] as const).map((schema) => readSchema(folder, schema, qemu));
  if (readText(`${folder}/${ENTRY_FILES["storage-daemon"]}`) === null) return models;
  const daemon = readSchema(folder, "storage-daemon", qemu);
  const strange = [...daemon.definitions.keys()].filter((name) => !models[0]?.definitions.has(name));
  if (strange.length > 0) {
    throw new TreeError(
      `Cannot generate from ${folder}: the storage daemon's schema has ${
        strange.join(", ")
      }, which QEMU's own has not`,
    );
  }
  return [...models, daemon];
}

function readSchema(folder: string, schema: SchemaName, qemu: string): Model {
  return checkSchema(loadSchema(`${folder}/${ENTRY_FILES[schema]}`, readText), schema, qemu);
}

/** The version that the tree's VERSION file has, or else its folder's name. */
function treeVersion(folder: string): string {
  const written = readText(`${folder}/VERSION`)?.trim();
  const version = written ?? /qemu-(\d+\.\d+(?:\.\d+)?)[^/]*$/.exec(folder)?.[1];
  if (version !== undefined) return version;
  throw new TreeError(
    `Cannot tell the QEMU version of ${folder}: it has no VERSION file and is not called qemu-X.Y; give it with --qemu-version`,
  );
}

function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
