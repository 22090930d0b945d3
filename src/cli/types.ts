import { configBinary } from "../machine/mod.ts";
import type { Command } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import type { Output } from "./io.ts";
import { askSchema } from "./qemu_schema.ts";
import { printable } from "./text.ts";

/** After how long without a result a word is said. */
const PATIENCE_MS = 2_000;
/** How many of the types that have no name of their own are told. */
const TOLD_NAMES = 5;

/** `qeeper types`: the types of one QEMU. */
export const types: Command = {
  usage: ["[--qemu BINARY] [--out FILE]"],
  description: [
    "Writes the commands, events and types of a QEMU as a TypeScript module, from what that QEMU says of itself. Qeeper's own types " +
    "are those of 10.2, open to other versions; these have what your QEMU has, and nothing else. QEMU is started without a guest for it.",
    "",
    "QEMU says all names but those of its types. These are found by comparing with 10.2; a type that 10.2 doesn't have is named after " +
    "where it is used.",
    "",
    "The module imports @qeeper/qeeper/qapi, so add Qeeper to the project (deno add jsr:@qeeper/qeeper). Write it again after each " +
    "upgrade of QEMU: what has gone then no longer compiles.",
  ].join("\n"),
  operands: { min: 0, max: 0 },
  options: [
    {
      name: "qemu",
      value: "BINARY",
      description: `the QEMU, a name for PATH or a path (default ${hostBinary()})`,
    },
    {
      name: "out",
      letter: "o",
      value: "FILE",
      description: "where to write the module (default: to stdout)",
    },
  ],
  examples: [
    ["qeeper types --out qemu.ts", "the types of this machine's QEMU"],
    [
      "qeeper types --qemu ./build/qemu-system-aarch64 --out qemu.ts",
      "those of a QEMU that you have built",
    ],
  ],
  tables: [{
    title: "How they are used",
    rows: [
      ['import { launch } from "@qeeper/qeeper";'],
      ['import type { QmpCommands, QmpEvents } from "./qemu.ts";'],
      ["await using vm = await launch(config);"],
      ["const qmp = vm.qmp.as<QmpCommands, QmpEvents>();"],
      ['await qmp.execute("query-status"); // your QEMU\'s commands, arguments and results'],
    ],
  }],
  async run({ values }, io) {
    const binary = values.get("qemu") ?? hostBinary();
    const file = values.get("out");
    const { text, told } = await withPatience(
      () => typesOf(binary),
      io.stderr,
      `Asking ${printable(binary)} for its schema...\n`,
    );
    if (file === undefined) {
      await io.stdout.write(text);
      return EXIT.ok;
    }
    await writeFile(file, text);
    await io.stderr.write(`${printable(file)}: ${told}\n`);
    return EXIT.ok;
  },
};

function hostBinary(): string {
  return configBinary({ arch: Deno.build.arch });
}

/** The module, and what is to be told of it. */
async function typesOf(binary: string): Promise<{ text: string; told: string }> {
  const schema = await askSchema(binary);
  const [{ shippedModel, writeLiveTypes }, { default: manifest }] = await Promise.all([
    import("../typegen/mod.ts"),
    import("../../deno.json", { with: { type: "json" } }),
  ]);
  const version = schema.package === "" ? schema.version : `${schema.version} (${schema.package})`;
  const header = [
    `// Written by qeeper types --qemu ${binary} (Qeeper ${manifest.version})`,
    `// from the schema of QEMU ${version}; edits are lost.`,
    "// deno-fmt-ignore-file",
  ].map((line) => printable(line).replaceAll("\n", " "));
  const { reply, version: qemu } = schema;
  const written = writeLiveTypes({ reply, qemu, header, known: shippedModel() });
  const { text, commands, events, types, namedByUse } = written;
  const counts = `QEMU ${qemu}, ${commands} commands, ${events} events, ${types} types`;
  return { text, told: namedByUse.length === 0 ? counts : `${counts}; ${describeNamed(namedByUse)}` };
}

function describeNamed(names: readonly string[]): string {
  const told = names.slice(0, TOLD_NAMES).join(", ");
  const more = names.length > TOLD_NAMES ? " and others" : "";
  return `named after where they are used: ${told}${more}`;
}

async function writeFile(file: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(file, text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot write ${file}: ${why}`, { cause: error });
  }
}

/** Does something, and says a word where it takes long. */
async function withPatience<T>(action: () => Promise<T>, output: Output, word: string): Promise<T> {
  let said = Promise.resolve();
  const timer = setTimeout(() => said = output.write(word).catch(() => {}), PATIENCE_MS);
  try {
    return await action();
  } finally {
    clearTimeout(timer);
    await said;
  }
}
