import type { Definition } from "../../../src/typegen/mod.ts";
import { readDefinition } from "./definitions.ts";
import { type Doc, readDoc } from "./doc_comment.ts";
import { tokenize } from "./lexer.ts";
import { checkKeys, listAt, objectAt, stringAt } from "./shape.ts";
import { type Place, SchemaError } from "./source_error.ts";
import { type ObjectValue, readObject, TokenReader } from "./value.ts";

/** A definition and where it is, for the errors of the checks that need all of them. */
export interface Placed {
  readonly definition: Definition;
  readonly place: Place;
}

/** Gives a file's text; null when there is no such file. */
export type ReadSchemaFile = (path: string) => string | null;

/** What a pragma may say: orders to QEMU's own generator, of which none changes what the schema means. */
const PRAGMAS = [
  "doc-required",
  "command-name-exceptions",
  "command-returns-exceptions",
  "documentation-exceptions",
  "member-name-exceptions",
];

/**
 * Reads a schema file and all that it includes, each file once.
 *
 * @param path The file that QEMU's build starts from.
 * @param read Gives the files' texts.
 * @returns The definitions, in the order of the files.
 * @throws {SchemaError} At the first thing that is wrong.
 */
export function loadSchema(path: string, read: ReadSchemaFile): Placed[] {
  const loader = new Loader(read);
  const text = read(path);
  if (text === null) throw new SchemaError({ file: path, line: 1 }, "a schema file", "no such file");
  loader.load(path, text, []);
  return loader.definitions;
}

class Loader {
  readonly definitions: Placed[] = [];
  readonly #read: ReadSchemaFile;
  readonly #loaded = new Set<string>();

  constructor(read: ReadSchemaFile) {
    this.#read = read;
  }

  load(file: string, text: string, includedBy: readonly string[]): void {
    this.#loaded.add(file);
    const reader = new TokenReader(tokenize(text, file), file);
    let doc: Doc | null = null;
    for (;;) {
      const token = reader.peek();
      if (token.kind === "end") return;
      if (token.kind === "doc") {
        reader.next();
        doc = readDoc(token.lines);
        continue;
      }
      const expression = readObject(reader);
      if (expression.members.has("include")) this.#include(expression, file, includedBy);
      else if (expression.members.has("pragma")) checkPragma(expression);
      else this.#define(expression, doc);
      doc = null;
    }
  }

  #define(expression: ObjectValue, doc: Doc | null): void {
    const definition = readDefinition(expression, doc);
    if (doc !== null && doc.name !== definition.name) {
      throw new SchemaError(
        expression.place,
        `the definition of '${doc.name}', which is documented above`,
        `'${definition.name}'`,
      );
    }
    this.definitions.push({ definition, place: expression.place });
  }

  #include(expression: ObjectValue, file: string, includedBy: readonly string[]): void {
    checkKeys(expression, "an include", ["include"], []);
    const path = resolvePath(file, stringAt(expression, "include"));
    const chain = [...includedBy, file];
    if (chain.includes(path)) {
      throw new SchemaError(
        expression.place,
        "a file that doesn't include this one",
        `'${path}', which does`,
      );
    }
    if (this.#loaded.has(path)) return;
    const text = this.#read(path);
    if (text === null) throw new SchemaError(expression.place, `a file '${path}'`, "no such file");
    this.load(path, text, chain);
  }
}

function checkPragma(expression: ObjectValue): void {
  checkKeys(expression, "a pragma", ["pragma"], []);
  const pragma = objectAt(expression, "pragma");
  checkKeys(pragma, "a pragma", [], PRAGMAS);
  for (const key of PRAGMAS.slice(1)) listAt(pragma, key);
}

/** A path relative to the file that names it, without `.` and `..`. */
function resolvePath(from: string, path: string): string {
  const parts = path.startsWith("/") ? [] : from.split("/").slice(0, -1);
  for (const part of path.split("/")) {
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== "." && (part !== "" || parts.length === 0)) parts.push(part);
  }
  return parts.join("/");
}
