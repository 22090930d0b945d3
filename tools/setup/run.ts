/** How often a package manager is asked again while another one holds its lock. */
const LOCK_RETRY_MS = 1_000;
const LOCK_LIMIT_MS = 300_000;

/** A command that could not be run or failed; the message says all that there is to say. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Options of {@link run}. */
export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** How long it may take, in milliseconds; then it is ended, and that is a failure. Default: as long as it takes. */
  timeoutMs?: number;
}

/**
 * Runs a command to its end.
 *
 * @param command The program and its arguments.
 * @param options Where and with which environment.
 * @returns What it wrote to its standard output.
 * @throws {CommandError} If it is missing or ends with anything but 0; the message has what it said.
 */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const [program = "", ...args] = command;
  const { timeoutMs, ...where } = options;
  const late = new AbortController();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => late.abort(), timeoutMs);
  // An async function, since a program that is not there is thrown at once.
  const start = async () =>
    await new Deno.Command(program, {
      ...where,
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: late.signal,
    }).output();
  const output = await start().catch((error) => {
    throw new CommandError(`Cannot run ${command.join(" ")}: ${error.message}`, { cause: error });
  }).finally(() => clearTimeout(timer));
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout);
  if (late.signal.aborted) {
    throw new CommandError(
      `Cannot finish ${command.join(" ")}: it took longer than ${(timeoutMs ?? 0) / 1000} s`,
    );
  }
  const said = (decoder.decode(output.stderr) || decoder.decode(output.stdout)).trim();
  throw new CommandError(`Cannot finish ${command.join(" ")}: exit code ${output.code}\n${said}`);
}

/**
 * Runs a command of a package manager, whose output the person sees. While another one is at work, it waits:
 * apt-get's own patience (`DPkg::Lock::Timeout`) does not cover `update`.
 *
 * @param command The program and its arguments.
 * @throws {CommandError} If it fails for another reason, or the lock is still held after five minutes.
 */
export async function runShown(command: readonly string[]): Promise<void> {
  const start = performance.now();
  for (let attempt = 1;; attempt++) {
    const [program = "", ...args] = command;
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "inherit", stderr: "piped" })
      .spawn();
    const stderr = new Response(child.stderr).text();
    const { success, code } = await child.status;
    const said = await stderr;
    if (success) return;
    const isLocked = /could not get lock|unable to lock/i.test(said);
    if (!isLocked || performance.now() - start > LOCK_LIMIT_MS) {
      throw new CommandError(`Cannot finish ${command.join(" ")}: exit code ${code}\n${said.trim()}`);
    }
    if (attempt === 1) say("Another package manager is at work; waiting for it.");
    await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
  }
}

/**
 * Finds a program on the PATH.
 *
 * @param program Its name.
 * @returns Its path, or null if there is none.
 */
export async function which(program: string): Promise<string | null> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${folder}/${program}`;
    const info = await Deno.stat(path).catch(() => null); // an unreadable folder has no program for us
    if (info !== null && info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return path;
  }
  return null;
}

/** Tells the person what goes on. */
export function say(line: string): void {
  // deno-lint-ignore no-console -- a tool talks to people
  console.log(line);
}
