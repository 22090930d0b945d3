/**
 * What can go wrong with a command in the guest, beside its own exit code, which is a result:
 *
 * ```text
 * RunError
 *  ├─ RunChannelError      "channel"      no way into the guest, or nobody at its other end
 *  ├─ RunTimeoutError      "timeout"      it took too long and was killed; has the output so far
 *  ├─ RunFailedError       "failed"       with `check: true`: it did not exit with 0
 *  ├─ RunInterruptedError  "interrupted"  the guest, its shell or QEMU went under it
 *  └─ GuestFileError       "file"         a file could not be copied
 * ```
 *
 * @module
 */
import type { RunResult } from "./run_result.ts";

/** Which error it is, for a `switch`. */
export type RunErrorKind = "channel" | "timeout" | "failed" | "interrupted" | "file";

/** How much of an output a message shows. */
const SHOWN_CHARS = 800;

/**
 * The root of the errors of commands in the guest; `kind` says which one it is.
 *
 * @example
 * ```ts
 * import { RunError, RunInterruptedError } from "@qeeper/qeeper/testing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const error: unknown = new RunInterruptedError("make", "its shell was started anew");
 * assert(error instanceof RunError);
 * assertEquals(error.kind, "interrupted");
 * ```
 */
export abstract class RunError extends Error {
  static {
    // On the prototype, so that V8 has it when it writes the first line of the stack.
    this.prototype.name = "RunError";
  }
  /** Which error it is. */
  abstract readonly kind: RunErrorKind;
}

/** What is missing: a channel in the VM, or somebody in the guest at its other end. */
export type RunChannelAbsence = "channel" | "answer";

/**
 * There is no way to run a command in this guest, or nobody in it answers. Nothing was run.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { RunChannelError, runInGuest } from "@qeeper/qeeper/testing";
 * import { assertRejects, assertStringIncludes } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * const error = await assertRejects(() => runInGuest(vm, "uname -r"), RunChannelError);
 * assertStringIncludes(error.message, "withRunPort");
 * ```
 */
export class RunChannelError extends RunError {
  static {
    this.prototype.name = "RunChannelError";
  }
  override readonly kind = "channel";
  /** What is missing. */
  readonly missing: RunChannelAbsence;

  /**
   * @param missing What is missing.
   * @param message All of it.
   * @param options `cause`, if there is one.
   */
  constructor(missing: RunChannelAbsence, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.missing = missing;
  }
}

/**
 * The command took too long. It was killed in the guest, with its process group; the guest goes on.
 *
 * @example
 * ```ts
 * import { RunTimeoutError } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const none = new Uint8Array();
 * const error = new RunTimeoutError("sleep 9", 50, { kind: "killed", known: "dead", stdout: none, stderr: none });
 * assertEquals(error.message, "Command `sleep 9` was killed in the guest as it had not ended within 50 ms; it wrote nothing");
 * ```
 */
export class RunTimeoutError extends RunError {
  static {
    this.prototype.name = "RunTimeoutError";
  }
  override readonly kind = "timeout";
  /** The command. */
  readonly command: string;
  /** How long it had, in milliseconds. */
  readonly timeoutMs: number;
  /** What it had written to its standard output, as text. */
  readonly stdout: string;
  /** What it had written to its standard error, as text. */
  readonly stderr: string;
  /** What it had written to its standard output. */
  readonly stdoutBytes: Uint8Array<ArrayBuffer>;
  /** What it had written to its standard error. */
  readonly stderrBytes: Uint8Array<ArrayBuffer>;
  /** Whether the guest has said that the command is dead. A guest that is paused or hangs can't; it kills the command once it goes on. */
  readonly known: "dead" | "unknown";

  /**
   * @param command The command.
   * @param timeoutMs How long it had.
   * @param end What the guest has said.
   */
  constructor(
    command: string,
    timeoutMs: number,
    end: {
      readonly kind: "killed";
      readonly known: "dead" | "unknown";
      readonly stdout: Uint8Array<ArrayBuffer>;
      readonly stderr: Uint8Array<ArrayBuffer>;
    },
  ) {
    const [stdout, stderr] = [decode(end.stdout), decode(end.stderr)];
    const what = end.known === "dead"
      ? `was killed in the guest as it had not ended within ${timeoutMs} ms`
      : `had not ended within ${timeoutMs} ms and was told to die, which the guest has not confirmed: it is paused or hangs`;
    super(`Command ${showCommand(command)} ${what}; ${wrote(stdout, stderr)}`);
    this.command = command;
    this.timeoutMs = timeoutMs;
    this.stdout = stdout;
    this.stderr = stderr;
    this.stdoutBytes = end.stdout;
    this.stderrBytes = end.stderr;
    this.known = end.known;
  }
}

/**
 * With `check: true`: the command did not exit with 0.
 *
 * @example
 * ```ts
 * import { RunFailedError, RunResult } from "@qeeper/qeeper/testing";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const stderr = new TextEncoder().encode("mount: no such device");
 * const end = { exitCode: 32, signal: null, stdoutBytes: new Uint8Array(), stderrBytes: stderr };
 * const error = new RunFailedError(new RunResult("mount /dev/vdb /mnt", end));
 * assertStringIncludes(error.message, "exited with 32");
 * assertStringIncludes(error.message, "no such device");
 * ```
 */
export class RunFailedError extends RunError {
  static {
    this.prototype.name = "RunFailedError";
  }
  override readonly kind = "failed";
  /** How it ended, and what it wrote. */
  readonly result: RunResult;

  /** @param result How it ended. */
  constructor(result: RunResult) {
    const { command, exitCode, signal, stdout, stderr } = result;
    const how = exitCode === null ? `was killed by signal ${signal}` : `exited with ${exitCode}`;
    super(`Command ${showCommand(command)} ${how} in the guest; ${wrote(stdout, stderr)}`);
    this.result = result;
  }
}

/** Why a call is aborted whose guest has ended under it, as it was meant to: there is nobody left to be asked. */
export class GuestEndedError extends Error {
  override readonly name = "GuestEndedError";
}

/**
 * The guest, its shell, or QEMU went while the command ran: how it ended is not known.
 *
 * @example
 * ```ts
 * import { RunInterruptedError } from "@qeeper/qeeper/testing";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const error = new RunInterruptedError("reboot", "the guest's shell was started anew");
 * assertStringIncludes(error.message, "`reboot`");
 * ```
 */
export class RunInterruptedError extends RunError {
  static {
    this.prototype.name = "RunInterruptedError";
  }
  override readonly kind = "interrupted";
  /** The command. */
  readonly command: string;

  /**
   * @param command The command.
   * @param why What happened.
   * @param options `cause`, if there is one.
   */
  constructor(command: string, why: string, options: ErrorOptions = {}) {
    super(`Cannot say how the command ${showCommand(command)} ended: ${why}`, options);
    this.command = command;
  }
}

/**
 * A file could not be copied into the guest or out of it.
 *
 * @example
 * ```ts
 * import { GuestFileError } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new GuestFileError("read", "/etc/shadow", "Permission denied");
 * assertEquals(error.message, 'Cannot read "/etc/shadow" in the guest: Permission denied');
 * ```
 */
export class GuestFileError extends RunError {
  static {
    this.prototype.name = "GuestFileError";
  }
  override readonly kind = "file";
  /** Its path in the guest. */
  readonly path: string;

  /**
   * @param attempt What was attempted.
   * @param path The file's path in the guest.
   * @param why What the guest said.
   * @param options `cause`, if there is one.
   */
  constructor(attempt: "read" | "write" | "enter", path: string, why: string, options: ErrorOptions = {}) {
    super(`Cannot ${attempt} ${JSON.stringify(path)} in the guest: ${why.trim()}`, options);
    this.path = path;
  }
}

/**
 * A command as a message shows it.
 *
 * @param command The command.
 * @returns Its beginning, between backticks.
 */
export function showCommand(command: string): string {
  const line = command.trim().replace(/\s*\n\s*/g, "; ");
  return `\`${line.length > 200 ? `${line.slice(0, 200)}...` : line}\``;
}

function wrote(stdout: string, stderr: string): string {
  const parts = [["stderr", stderr], ["stdout", stdout]]
    .filter(([, text]) => text?.trim() !== "")
    .map(([name, text = ""]) => `${name} ${tail(text)}`);
  return parts.length === 0 ? "it wrote nothing" : `it wrote to ${parts.join(" and to ")}`;
}

function tail(text: string): string {
  const end = text.trim();
  return end.length > SHOWN_CHARS ? `(its end) "...${end.slice(-SHOWN_CHARS)}"` : `"${end}"`;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
