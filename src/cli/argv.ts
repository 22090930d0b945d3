import { compileArgv, configArch, configBinary, runPaths } from "../machine/mod.ts";
import type { Accel } from "../vm/mod.ts";
import { type Command, UsageError } from "./command.ts";
import { readConfigFile } from "./config_file.ts";
import { EXIT } from "./exit_codes.ts";
import { formatJson } from "./text.ts";

/** The run directory that is shown: each launch has one of its own, which is not known before. */
const RUN_DIR = "/run/qeeper/vm";

/** `qeeper argv`: what would be run. */
export const argv: Command = {
  usage: ["CONFIG [OPTIONS] [-- QEMU-ARGUMENTS]"],
  description: [
    "Prints the command line that CONFIG compiles to, quoted for a shell, and starts nothing. The files that CONFIG names are not looked at.",
    "",
    `A launch makes a run directory of its own for sockets and logs; ${RUN_DIR} stands for it here. To run the line by hand, name one ` +
    "that is there with --run-dir. Where accel is auto, a launch measures which accelerator works; here it is tcg, or what --accel says. " +
    "QEMU starts paused (-S), as at every launch.",
  ].join("\n"),
  operands: { min: 1, max: 1 },
  rest: "raw arguments for QEMU, after those of the config's extraArgs",
  options: [
    { name: "shell", description: "one line, quoted for a shell (the default)" },
    { name: "json", description: "a JSON array, one string for each argument" },
    { name: "run-dir", value: "DIR", description: `the run directory to show (default ${RUN_DIR})` },
    {
      name: "accel",
      value: "NAME",
      choices: ["kvm", "hvf", "tcg"],
      description: "what auto comes to (default tcg)",
    },
  ],
  examples: [
    ["qeeper argv vm.jsonc", "what would be run?"],
    ["qeeper argv vm.jsonc --json | jq -r '.[]'", "one argument a line"],
  ],
  async run({ operands, rest, flags, values }, io) {
    if (flags.has("shell") && flags.has("json")) {
      throw new UsageError("--shell and --json exclude each other");
    }
    const runDir = values.get("run-dir") ?? RUN_DIR;
    if (!runDir.startsWith("/")) {
      throw new UsageError(`--run-dir: expected an absolute path, found ${JSON.stringify(runDir)}`);
    }
    const { config } = await readConfigFile(operands[0] ?? "", rest);
    // The table of options has let only accelerators through.
    const auto = (values.get("accel") ?? "tcg") as Accel;
    const accel = config.accel === undefined || config.accel === "auto" ? auto : config.accel;
    const facts = {
      binary: configBinary(config),
      arch: configArch(config),
      accel,
      sandbox: Deno.build.os === "linux",
    };
    const line = compileArgv(config, facts, runPaths(runDir));
    await io.stdout.write(
      flags.has("json") ? `${formatJson(line, 2)}\n` : `${line.map(shellQuoted).join(" ")}\n`,
    );
    return EXIT.ok;
  },
};

/** Control characters, which a terminal would obey, except for the two that only move on in a text. */
const CONTROL = /((?:(?![\n\t])\p{Cc})+)/u;

/**
 * Quotes an argument for a POSIX shell.
 *
 * @param argument Any text.
 * @returns A word that the shell reads as that text. A control character is not in it itself: `printf` makes it.
 */
export function shellQuoted(argument: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(argument)) return argument;
  if (argument === "") return "''";
  // By turns what is between control characters, and these.
  const parts = argument.split(CONTROL).map((part, at) => at % 2 === 0 ? quoted(part) : printed(part));
  return parts.join("");
}

function quoted(text: string): string {
  return text === "" ? "" : `'${text.replaceAll("'", `'\\''`)}'`;
}

function printed(controls: string): string {
  const bytes = [...new TextEncoder().encode(controls)];
  return `"$(printf '${bytes.map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}')"`;
}
