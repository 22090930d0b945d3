/**
 * Generates the types in src/qapi, and what `qeeper types` needs to know, from QEMU's own schema: `deno task qapi -- SOURCE_TREE`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { firstDifference } from "./difference.ts";
import { emitFiles, emitShipped } from "./emit.ts";
import { decodeFacts, encodeFacts } from "./facts.ts";
import type { Model } from "../../src/typegen/mod.ts";
import { SchemaError } from "./read/source_error.ts";
import { readTree, TreeError } from "./tree.ts";

const SHIPPED_FILE = "src/typegen/shipped.gen.ts";

const HELP = `Generates the types in src/qapi from QEMU's own schema.

Usage: deno task qapi [--check] [--qemu-version VERSION] [SOURCE_TREE]

With a QEMU source tree (7.2 or newer) its schemas are read, what is needed of them is kept as facts in
tools/qapi/facts, and src/qapi/*.gen.ts and ${SHIPPED_FILE} are written. Without one they are
written from the facts.

Options:
  --check                 Write nothing; exit with 1 if a file is not what would be written
  --qemu-version VERSION  The tree's version, where it has no VERSION file and is not called qemu-VERSION
  --help                  Show this help`;

const ROOT = import.meta.dirname?.replace(/\/tools\/qapi$/, "") ?? ".";
const FACTS_FOLDER = "tools/qapi/facts";
const GENERATED_FOLDER = "src/qapi";
const ENCODER = new TextEncoder();

/** Returns the exit code. */
export function main(args: readonly string[]): number {
  const options = parseArgs([...args], {
    boolean: ["check", "help"],
    string: ["qemu-version"],
    "--": false,
    unknown: (arg, key) => {
      if (key !== undefined) throw new UsageError(`there is no option "${arg}"`);
      return true;
    },
  });
  if (options.help) {
    say(HELP);
    return 0;
  }
  const trees = options._.map(String);
  if (trees.length > 1) throw new UsageError(`one source tree at most, not ${trees.length}`);
  const version = options["qemu-version"];
  const files = generate(trees[0] ?? null, typeof version === "string" ? version : null);
  return options.check ? check(files) : write(files);
}

/** The command line is wrong. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What should be in the repository, by path. */
function generate(tree: string | null, version: string | null): ReadonlyMap<string, string> {
  const start = performance.now();
  const models = tree === null ? readFacts() : readTree(tree, version);
  const files = new Map<string, string>();
  for (const model of models) {
    const generated = emitFiles(model);
    if (tree !== null && generated.size > 0) files.set(factsPath(model.schema), encodeFacts(model));
    for (const [name, text] of generated) files.set(`${GENERATED_FOLDER}/${name}`, text);
    if (model.schema === "qmp") files.set(SHIPPED_FILE, emitShipped(model));
    say(`${model.schema} of QEMU ${model.qemu}: ${counts(model)}`);
  }
  say(`Generated in ${Math.round(performance.now() - start)} ms`);
  return files;
}

function readFacts(): Model[] {
  return ["qmp", "qga"].map((schema) => {
    const path = factsPath(schema);
    return decodeFacts(Deno.readTextFileSync(`${ROOT}/${path}`), path);
  });
}

function factsPath(schema: string): string {
  return `${FACTS_FOLDER}/${schema}.jsonl`;
}

function counts(model: Model): string {
  const kinds = Map.groupBy(model.definitions.values(), ({ kind }) => kind);
  const words = [...kinds].map(([kind, those]) => `${those.length} ${kind}${those.length === 1 ? "" : "s"}`);
  return words.join(", ");
}

function write(files: ReadonlyMap<string, string>): number {
  Deno.mkdirSync(`${ROOT}/${FACTS_FOLDER}`, { recursive: true });
  for (const [path, text] of files) {
    Deno.writeTextFileSync(`${ROOT}/${path}`, text);
    say(`Wrote ${path}`);
  }
  return 0;
}

function check(files: ReadonlyMap<string, string>): number {
  let wrong = 0;
  for (const [path, text] of files) {
    const difference = firstDifference(text, readIfThere(`${ROOT}/${path}`));
    if (difference === null) continue;
    wrong++;
    say(`${path} ${difference}`);
  }
  if (wrong > 0) {
    say("Run deno task qapi, or give it the source tree that the facts are from, and commit what it writes");
    return 1;
  }
  say(`${files.size} files are as they would be written`);
  return 0;
}

function readIfThere(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function say(text: string): void {
  Deno.stdout.writeSync(ENCODER.encode(`${text}\n`));
}

if (import.meta.main) {
  try {
    Deno.exitCode = main(Deno.args);
  } catch (error) {
    if (!(error instanceof SchemaError || error instanceof TreeError || error instanceof UsageError)) {
      throw error;
    }
    say(error instanceof UsageError ? `Cannot generate: ${error.message}\n\n${HELP}` : error.message);
    Deno.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
