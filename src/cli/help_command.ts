import { type Command, didYouMean, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT } from "./exit_codes.ts";
import { formatHelp, formatOverview } from "./help.ts";

/** `qeeper help`. */
export const help: Command = {
  usage: ["[COMMAND]"],
  description: "Explains a command, or lists them all.",
  operands: { min: 0, max: 1 },
  options: [],
  examples: [["qeeper help run", "what does qeeper run take?"]],
  async run({ operands: [name] }, io) {
    if (name === undefined) {
      await io.stdout.write(formatOverview(COMMANDS));
      return EXIT.ok;
    }
    const entry = findCommand(name);
    await io.stdout.write(formatHelp(entry, await entry.load()));
    return EXIT.ok;
  },
};

/**
 * A command by its name.
 *
 * @param name What was typed.
 * @returns The entry.
 * @throws {UsageError} When there is none; it names the nearest.
 */
export function findCommand(name: string): (typeof COMMANDS)[number] {
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry) return entry;
  const names = COMMANDS.map((command) => command.name);
  throw new UsageError(
    `Unknown command ${JSON.stringify(name)}${didYouMean(name, names) || `; there are ${names.join(", ")}`}`,
  );
}
