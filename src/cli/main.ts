/**
 * The `qeeper` command: `qeeper run vm.jsonc` boots a guest, `qeeper qmp` and `qeeper info` talk to a running QEMU, `qeeper doctor` says
 * what this machine can run. `qeeper --help` lists everything.
 *
 * Install it with `deno install --global --allow-all --name qeeper jsr:@qeeper/qeeper/cli`, or run it in place with `deno run`.
 *
 * @example
 * ```ts
 * import { main } from "@qeeper/qeeper/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const silent = { terminal: false, write: () => Promise.resolve() };
 * const stdin = { terminal: false, read: () => Promise.resolve(null), raw: () => ({ [Symbol.dispose]() {} }) };
 * const io = { stdin, stdout: silent, stderr: silent, onStopSignal: () => ({ [Symbol.dispose]() {} }) };
 * assertEquals(await main(["no-such-command"], io), 2);
 * ```
 *
 * @module
 */
import { checkOperands, type Command, COMMON_OPTIONS, parseInvocation, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT } from "./exit_codes.ts";
import { describeFailure } from "./failure.ts";
import { formatHelp, formatOverview } from "./help.ts";
import { findCommand } from "./help_command.ts";
import { type Input, type Io, type Output, processIo } from "./io.ts";
import { printable } from "./text.ts";

export type { Input, Io, Output };

/**
 * Runs the command.
 *
 * @param args The arguments, as `Deno.args` has them.
 * @param io Standard streams and signals.
 * @returns The exit code; it never rejects.
 *
 * @example
 * ```ts
 * import { main } from "@qeeper/qeeper/cli";
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 *
 * let shown = "";
 * const stdout = { terminal: false, write: (text: string | Uint8Array) => Promise.resolve(void (shown += text)) };
 * const stdin = { terminal: false, read: () => Promise.resolve(null), raw: () => ({ [Symbol.dispose]() {} }) };
 * const io = { stdin, stdout, stderr: stdout, onStopSignal: () => ({ [Symbol.dispose]() {} }) };
 * assertEquals(await main(["--help"], io), 0);
 * assertStringIncludes(shown, "qeeper run vm.jsonc");
 * ```
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const at = args.findIndex((arg) => !arg.startsWith("-"));
  const name = args[at];
  try {
    if (name === undefined) return await withoutCommand(args, io);
    const entry = findCommand(name);
    const command = await entry.load();
    return await runCommand(entry, command, args.toSpliced(at, 1), io);
  } catch (error) {
    return await fail(error, args, io);
  }
}

async function withoutCommand(args: readonly string[], io: Io): Promise<number> {
  const options = [
    ...COMMON_OPTIONS,
    { name: "version", letter: "V", description: "say which version this is" },
  ];
  const { flags } = parseInvocation({ options }, args);
  if (flags.has("version")) {
    const { default: manifest } = await import("../../deno.json", { with: { type: "json" } });
    await io.stdout.write(`qeeper ${manifest.version} (Deno ${Deno.version.deno})\n`);
    return EXIT.ok;
  }
  // Without a word of what is wanted, the help is an error message.
  await (flags.has("help") ? io.stdout : io.stderr).write(formatOverview(COMMANDS));
  return flags.has("help") ? EXIT.ok : EXIT.usage;
}

async function runCommand(
  entry: (typeof COMMANDS)[number],
  command: Command,
  args: readonly string[],
  io: Io,
): Promise<number> {
  try {
    const invocation = parseInvocation(command, args);
    if (invocation.flags.has("help")) {
      await io.stdout.write(formatHelp(entry, command));
      return EXIT.ok;
    }
    checkOperands(command, invocation);
    return await command.run(invocation, io);
  } catch (error) {
    if (!(error instanceof UsageError) || error.about !== "command line") throw error;
    throw new UsageError(`${error.message}\nSee: qeeper ${entry.name} --help`, { cause: error });
  }
}

async function fail(error: unknown, args: readonly string[], io: Io): Promise<number> {
  // Whoever reads this has seen enough: `qeeper info ADDRESS | head -1`.
  if (error instanceof Deno.errors.BrokenPipe) return EXIT.ok;
  const end = args.indexOf("--");
  const debug = (end < 0 ? args : args.slice(0, end)).includes("--debug");
  const { code, message } = describeFailure(error);
  const trace = debug && error instanceof Error ? `\n${traceOf(error)}` : "";
  try {
    await io.stderr.write(`qeeper: ${printable(message)}${printable(trace)}\n`);
  } catch {
    // Nobody is there to be told.
  }
  return code;
}

/** Where an error comes from, and where its causes do. */
function traceOf(error: Error): string {
  const own = error.stack ?? "";
  return error.cause instanceof Error ? `${own}\nCaused by: ${traceOf(error.cause)}` : own;
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
