import { withoutTie } from "../../machine/monitors.ts";

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

/** What a guest was restored from, which its command line does not say. */
export interface Restored {
  /** The file with the state of the machine. */
  readonly state: string;
  /** Whether that has no memory in it, which QEMU then has from a file that its command line names. */
  readonly memory: "kept" | "included";
  /** The folder of the files that the guest had for itself, which end with it. */
  readonly ownDir: string;
  /** Those files, by their names, and what they began as. */
  readonly copies: readonly { readonly name: string; readonly of: string }[];
}

/**
 * A script that starts QEMU again as it was started, but for two things: its run directory is a new one, and it does not end with a script.
 *
 * @param argv The command line.
 * @param runDir The run directory that it names.
 * @param about What the script starts, for its comment.
 * @param restored What the guest was restored from; null where it was booted.
 * @returns The script, for `sh`.
 */
export function launchScript(
  argv: readonly string[],
  runDir: string | null,
  about: string,
  restored: Restored | null = null,
): string {
  const words = withoutTie(argv);
  const dirs = [runDir, restored?.ownDir].filter((dir) => typeof dir === "string");
  const [command = "true", ...rest] = words.map((word, at) =>
    at === 0 ? commandWord(word) : inRunDir(word, dirs)
  );
  const secrets = words.some((word) =>
    runDir !== null && word.includes(`${runDir}/`) && /\.secret\b/.test(word)
  );
  return [
    "#!/bin/sh",
    `# Starts ${about.replaceAll(/\s+/g, " ")} again, in a new run directory.`,
    "# The guest is held until its monitor is told to go on:",
    '#   echo cont | socat - UNIX-CONNECT:"$run"/hmp        and its console: socat -,raw,echo=0 UNIX-CONNECT:"$run"/console',
    ...restoreComment(restored),
    ...(secrets
      ? ["# Secrets are not kept: write those that it names into the run directory before QEMU starts."]
      : []),
    "set -eu",
    'run=$(mktemp -d "${TMPDIR:-/tmp}/qemu.XXXXXX")',
    'cd "$run"',
    `echo "run=$run" >&2`,
    ...(restored?.copies ?? []).map(({ name, of }) => `cp ${shellWord(of)} ${shellWord(name)}`),
    ...(restored === null ? [] : [`exec 9<${shellWord(restored.state)}`]),
    `exec ${[command, ...joinOptions(rest)].join(" \\\n  ")}`,
    "",
  ].join("\n");
}

/** A word like `a=b` at the beginning of a line would set a variable. */
function commandWord(word: string): string {
  return word.includes("=") ? `'${word.replaceAll("'", `'\\''`)}'` : shellWord(word);
}

function inRunDir(word: string, dirs: readonly string[]): string {
  const dir = dirs.find((dir) => word.includes(`${dir}/`));
  if (dir === undefined) return shellWord(word);
  return word.split(`${dir}/`)
    .map((part, at) => (at === 0 ? "" : '"$run"/') + (part === "" ? "" : inRunDir(part, dirs)))
    .join("");
}

/** A guest that was restored waits for its state before it can go on. */
function restoreComment(restored: Restored | null): string[] {
  if (restored === null) return [];
  const commands = [
    ...(restored.memory === "kept" ? ["'migrate_set_capability x-ignore-shared on'"] : []),
    "'migrate_incoming fd:9'",
  ];
  return [
    "# Before that it is given the state that it was restored from, as long as its template is kept:",
    `#   printf '%s\\n' ${commands.join(" ")} | socat - UNIX-CONNECT:"$run"/hmp`,
  ];
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
