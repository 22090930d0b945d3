import type { RunOptions } from "./run_types.ts";
import { shellQuote } from "./quote.ts";

/** The longest argument that Linux passes to a program is 128 KiB, with its end. */
const MAX_SCRIPT_BYTES = 131_000;

/**
 * The text for the guest's `sh -c`: its shell says on descriptor 9 that it exits, goes into the directory, sets the variables, and does what it is told.
 *
 * @param command The command.
 * @param options Directory and variables.
 * @returns The text, with all of its own on the command's first line.
 * @throws {TypeError} When something has a NUL, or a variable's name is none.
 * @throws {RangeError} When it is longer than an argument may be.
 */
export function commandScript(command: string, options: Pick<RunOptions, "cwd" | "env">): string {
  const { cwd, env = {} } = options;
  const parts = ["trap 'echo x >&9' 0"];
  if (cwd !== undefined) parts.push(`cd -- ${shellQuote(cwd)} || { echo c >&9; exit 1; }`);
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      throw new TypeError(
        `Cannot set the variable ${JSON.stringify(name)} in the guest: it is no shell variable's name`,
      );
    }
    parts.push(`export ${name}=${shellQuote(value)}`);
  }
  // Quoted for its check only.
  shellQuote(command);
  const script = `${parts.join("; ")}; ${command}\n`;
  const size = new TextEncoder().encode(script).length;
  if (size > MAX_SCRIPT_BYTES) {
    throw new RangeError(
      `Cannot run a command of ${size} bytes in the guest as it must have at most ${MAX_SCRIPT_BYTES}: copy it into a ` +
        "file with copyIn() and run that",
    );
  }
  return script;
}
