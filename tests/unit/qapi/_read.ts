import { checkSchema } from "../../../tools/qapi/read/check.ts";
import { loadSchema, type Placed } from "../../../tools/qapi/read/loader.ts";
import type { Model } from "../../../src/typegen/model.ts";

/** Reads schema files that are given as texts; the first one is where it begins. */
export function loadTexts(files: Readonly<Record<string, string>>): Placed[] {
  const first = Object.keys(files)[0] ?? "";
  return loadSchema(first, (path) => files[path] ?? null);
}

/** The model of one schema file's text, called `s.json`. */
export function modelOf(text: string): Model {
  return checkSchema(loadTexts({ "s.json": text }), "qmp", "10.2.2");
}
