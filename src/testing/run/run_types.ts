/** Which way commands go into a guest: the guest agent, a port that a shell of the guest reads, or its console, at which somebody has logged in. */
export type RunChannel = "agent" | "port" | "console";

/**
 * A part of a command's output, as it came.
 *
 * @example
 * ```ts
 * import type { RunOutput } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const lines: string[] = [];
 * const onOutput = ({ stream, text }: RunOutput) => void lines.push(`${stream}: ${text}`);
 * onOutput({ stream: "stderr", text: "no space\n", bytes: new TextEncoder().encode("no space\n") });
 * assertEquals(lines, ["stderr: no space\n"]);
 * ```
 */
export interface RunOutput {
  /** Where the command wrote it. */
  readonly stream: "stdout" | "stderr";
  /** It as text; a character that was cut in two comes with the next part. */
  readonly text: string;
  /** It as bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * What a command takes beside its text.
 *
 * @example
 * ```ts
 * import type { RunOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * // What `run("make test", options)` is to do: in a directory, and with an error when it fails.
 * const options: RunOptions = { cwd: "/src", env: { JOBS: "2" }, timeoutMs: 30_000, check: true };
 * assertEquals(options.check, true);
 * ```
 */
export interface RunOptions {
  /**
   * Kills the command, with its whole process group, after this many milliseconds, and rejects with a `RunTimeoutError` that has the output so
   * far. The time until the guest answers at all is part of it. `Infinity` for no limit.
   *
   * @default {60000}
   */
  timeoutMs?: number;
  /** Kills the command likewise, and rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Told the output while the command runs, about every tenth of a second. The result has all of it all the same. When it throws, the command is killed and
   * the error is `run`'s.
   */
  onOutput?: (output: RunOutput) => void;
  /** What the command reads from its standard input: bytes, or text as UTF-8. Default: nothing. */
  input?: Uint8Array | string;
  /** Variables beside those that the guest's shell has. */
  env?: Readonly<Record<string, string>>;
  /** The directory in which it runs. Default: that of the guest's shell. */
  cwd?: string;
  /**
   * Throws a `RunFailedError`, with the end of stderr in its message, when the command does not exit with 0.
   *
   * @default {false}
   */
  check?: boolean;
}

/** What `copyIn` and `copyOut` take. */
export interface CopyOptions {
  /**
   * Gives up after this many milliseconds.
   *
   * @default {60000}
   */
  timeoutMs?: number;
  /** Gives up; rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * What `copyIn` takes beside data and path.
 *
 * @example
 * ```ts
 * import type { CopyInOptions } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: CopyInOptions = { mode: 0o755 }; // a script that is to be run
 * assertEquals(options.mode?.toString(8), "755");
 * ```
 */
export interface CopyInOptions extends CopyOptions {
  /** The file's permissions. Default: what it has, and for a new one what the guest's umask says. */
  mode?: number;
}

/** What a channel is told to run. */
export interface GuestCommand {
  /** What the caller wants done, for messages. */
  readonly text: string;
  /** The whole text for the guest's `sh -c`. */
  readonly script: string;
  /** What it reads. */
  readonly input: Uint8Array;
  /** Told the output as it comes; null when nobody listens. */
  readonly onOutput: ((stream: "stdout" | "stderr", bytes: Uint8Array<ArrayBuffer>) => void) | null;
}

/** What a command wrote. */
export interface Outputs {
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** How it ended: by itself, or killed since the limit was over. */
export type CommandEnd =
  | Outputs & {
    readonly kind: "ended";
    /** `$?` of its shell. */
    readonly status: number;
    readonly how: "exited" | "no-directory" | null;
  }
  | Outputs & {
    readonly kind: "killed";
    /** Whether the guest has said that it is dead. */
    readonly known: "dead" | "unknown";
  };

/** A way into the guest. One command at a time. */
export interface CommandChannel extends AsyncDisposable {
  readonly kind: RunChannel;
  /**
   * Waits until the guest answers.
   *
   * @param limit Gives up.
   */
  ready(limit: AbortSignal): Promise<void>;
  /**
   * Runs a command. Once the limit is over the command is killed.
   *
   * @param command The command.
   * @param limit When to kill it.
   * @returns How it ended. Rejects with the limit's reason when it was not begun.
   */
  run(command: GuestCommand, limit: AbortSignal): Promise<CommandEnd>;
}
