/** Words made of these only mean the same to a shell with quotes and without. */
const PLAIN_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;

/**
 * A word as a shell reads it, in quotes only where it needs them.
 *
 * @param word Any text without NUL, which no argument can hold.
 * @returns The word, quoted.
 */
export function shellWord(word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * A command line as one line of shell.
 *
 * @param argv The words.
 * @returns The line.
 */
export function shellLine(argv: readonly string[]): string {
  return argv.map((word, at) => at === 0 ? commandWord(word) : shellWord(word)).join(" ");
}

/**
 * A script that starts QEMU again as it was started, but for two things: its run directory is a new one, and it does not end with a script.
 *
 * @param argv The command line.
 * @param runDir The run directory that it names.
 * @param about What the script starts, for its comment.
 * @returns The script, for `sh`.
 */
export function launchScript(argv: readonly string[], runDir: string | null, about: string): string {
  const words = withoutTie(argv);
  const [command = "true", ...rest] = words.map((word, at) =>
    at === 0 ? commandWord(word) : inRunDir(word, runDir)
  );
  const secrets = words.some((word) =>
    runDir !== null && word.includes(`${runDir}/`) && /\.secret\b/.test(word)
  );
  return [
    "#!/bin/sh",
    `# Starts ${about.replaceAll(/\s+/g, " ")} again, in a new run directory.`,
    "# The guest is held until its monitor is told to go on:",
    '#   echo cont | socat - UNIX-CONNECT:"$run"/hmp        and its console: socat -,raw,echo=0 UNIX-CONNECT:"$run"/console',
    ...(secrets
      ? ["# Secrets are not kept: write those that it names into the run directory before QEMU starts."]
      : []),
    "set -eu",
    'run=$(mktemp -d "${TMPDIR:-/tmp}/qemu.XXXXXX")',
    'cd "$run"',
    `echo "run=$run" >&2`,
    `exec ${[command, ...joinOptions(rest)].join(" \\\n  ")}`,
    "",
  ].join("\n");
}

/** A word like `a=b` at the beginning of a line would set a variable. */
function commandWord(word: string): string {
  return word.includes("=") ? `'${word.replaceAll("'", `'\\''`)}'` : shellWord(word);
}

/** QEMU connects to it at its start, and ends where nobody listens any more. */
function withoutTie(argv: readonly string[]): string[] {
  const isTie = (at: number) =>
    argv[at] === "-chardev" && (argv[at + 1]?.startsWith("socket,id=tie,") ?? false);
  return argv.filter((_, at) => !isTie(at) && !isTie(at - 1));
}

function inRunDir(word: string, runDir: string | null): string {
  if (runDir === null || !word.includes(`${runDir}/`)) return shellWord(word);
  return word.split(`${runDir}/`)
    .map((part, at) => (at === 0 ? "" : '"$run"/') + (part === "" ? "" : shellWord(part)))
    .join("");
}

/** An option and its argument on one line. Words are quoted already: an option needs none. */
function joinOptions(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && /^-\S+$/.test(last) && !word.startsWith("-")) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
