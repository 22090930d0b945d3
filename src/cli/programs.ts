/** How long a program may take to say what it is, in milliseconds. */
const LIMIT_MS = 10_000;

/** What a program said. */
export interface ProgramOutput {
  /** Null when it could not be started, or did not end in time. */
  readonly code: number | null;
  readonly stdout: string;
}

/**
 * Runs a program to its end.
 *
 * @param program A name for PATH, or a path.
 * @param args Its arguments.
 * @returns Its exit code and stdout.
 */
export async function runProgram(program: string, args: readonly string[]): Promise<ProgramOutput> {
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const command = new Deno.Command(program, { args: [...args], stdin: "null", stderr: "null", signal });
    const { code, stdout } = await command.output();
    return { code: signal.aborted ? null : code, stdout: new TextDecoder().decode(stdout) };
  } catch {
    return { code: null, stdout: "" };
  }
}

/**
 * Finds programs on PATH by their names.
 *
 * @param pattern Which names.
 * @returns Each with its path, by name; the first of a name wins, as it does when it is run.
 */
export async function findPrograms(
  pattern: RegExp,
): Promise<(readonly [name: string, path: string])[]> {
  const found = new Map<string, string>();
  const onPath = (await environment("PATH") ?? "").split(":").filter((folder) => folder !== "");
  for (const folder of onPath) {
    for (const name of await namesIn(folder)) {
      const path = `${folder}/${name}`;
      if (pattern.test(name) && !found.has(name) && await isExecutable(path)) found.set(name, path);
    }
  }
  return [...found].sort(([a], [b]) => a < b ? -1 : 1);
}

/** The first line of a text. */
export function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? "";
}

async function environment(variable: string): Promise<string | undefined> {
  const { state } = await Deno.permissions.query({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch {
    // Missing, or not to be looked at.
    return [];
  }
}

/** Is it a file that can be executed, as far as its mode says? */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
