import { type Command, COMMON_OPTIONS, type OptionSpec } from "./command.ts";
import { formatTable } from "./table.ts";

/** What the overview says of a command. */
export interface CommandSummary {
  readonly name: string;
  readonly summary: string;
}

/** How wide the text of the help is. */
const WIDTH = 100;

/**
 * The help of the whole command.
 *
 * @param commands Its subcommands.
 * @returns Text.
 */
export function formatOverview(commands: readonly CommandSummary[]): string {
  return [
    "qeeper launches QEMU, keeps guests running, and tells you truthfully why one stopped.\n",
    `Usage: qeeper COMMAND [ARGUMENTS]\n`,
    `Commands:\n${formatTable(commands.map(({ name, summary }) => [name, summary]), "  ")}`,
    `Options:\n${
      optionTable([
        ...COMMON_OPTIONS,
        { name: "version", letter: "V", description: "say which version this is" },
      ])
    }`,
    `Examples:\n${
      exampleLines([
        ["qeeper doctor", "what can this machine run?"],
        ["qeeper run vm.jsonc", "boot a guest, with its console here"],
        ["qeeper help run", "the same as qeeper run --help"],
      ])
    }`,
  ].join("\n");
}

/**
 * The help of one subcommand.
 *
 * @param summary Its name and summary.
 * @param command Its tables.
 * @returns Text.
 */
export function formatHelp({ name, summary }: CommandSummary, command: Command): string {
  const usage = command.usage.map((form, index) =>
    `${index === 0 ? "Usage:" : "      "} qeeper ${name} ${form}`
  );
  const tables = (command.tables ?? []).map(({ title, rows }) => `${title}:\n${formatTable(rows, "  ")}`);
  return [
    `qeeper ${name}: ${summary}\n`,
    `${usage.join("\n")}\n`,
    `${wrap(command.description)}\n`,
    `Options:\n${optionTable([...command.options, ...COMMON_OPTIONS])}${restLine(command.rest)}`,
    ...tables,
    `Examples:\n${exampleLines(command.examples)}`,
  ].join("\n");
}

function restLine(rest: string | undefined): string {
  return rest === undefined ? "" : `\nAfter --: ${rest}\n`;
}

function optionTable(options: readonly OptionSpec[]): string {
  const rows = options.map(({ name, letter, value, choices, description }) => {
    const long = `--${name}${value === undefined ? "" : ` ${value}`}`;
    const words = choices === undefined ? "" : `: ${choices.join(", ")}`;
    return [letter === undefined ? `    ${long}` : `-${letter}, ${long}`, `${description}${words}`] as const;
  });
  const width = Math.max(...rows.map(([option]) => option.length));
  return rows.map(([option, description]) => {
    const text = wrap(description, WIDTH - width - 4).replaceAll("\n", `\n${" ".repeat(width + 4)}`);
    return `  ${option.padEnd(width)}  ${text}\n`;
  }).join("");
}

function exampleLines(examples: Command["examples"]): string {
  return examples.map(([line, what]) => `  # ${what}\n  ${line}\n`).join("");
}

/** Breaks lines at blanks. Paragraphs stay apart. */
function wrap(text: string, width: number = WIDTH): string {
  return text.split("\n").map((paragraph) => {
    const lines = [""];
    for (const word of paragraph.split(" ")) {
      const line = lines.at(-1) ?? "";
      if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
      else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
    }
    return lines.join("\n");
  }).join("\n");
}
