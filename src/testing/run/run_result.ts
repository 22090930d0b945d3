/** What is known of a command that has ended; see `RunResult` for the members. */
export interface RunEnd {
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly stdoutBytes: Uint8Array<ArrayBuffer>;
  readonly stderrBytes: Uint8Array<ArrayBuffer>;
}

/**
 * How a command in the guest ended, and what it wrote.
 *
 * @example
 * ```ts
 * import { RunResult } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const stdoutBytes = new TextEncoder().encode("6.1.0\n");
 * const end = { exitCode: 0, signal: null, stdoutBytes, stderrBytes: new Uint8Array() };
 * const result = new RunResult("uname -r", end);
 * assertEquals([result.success, result.stdout, result.stderr], [true, "6.1.0\n", ""]);
 * ```
 */
export class RunResult implements RunEnd {
  /** The command. */
  readonly command: string;
  /** Its exit code; null when a signal killed its shell. */
  readonly exitCode: number | null;
  /** The number of the signal that killed its shell; null when that exited. */
  readonly signal: number | null;
  /** What it wrote to its standard output. */
  readonly stdoutBytes: Uint8Array<ArrayBuffer>;
  /** What it wrote to its standard error. */
  readonly stderrBytes: Uint8Array<ArrayBuffer>;

  /**
   * @param command The command.
   * @param end What is known of its end.
   */
  constructor(command: string, end: RunEnd) {
    this.command = command;
    this.exitCode = end.exitCode;
    this.signal = end.signal;
    this.stdoutBytes = end.stdoutBytes;
    this.stderrBytes = end.stderrBytes;
  }

  /** Whether it exited with 0. */
  get success(): boolean {
    return this.exitCode === 0;
  }

  /** What it wrote to its standard output, as UTF-8. */
  get stdout(): string {
    return new TextDecoder().decode(this.stdoutBytes);
  }

  /** What it wrote to its standard error, as UTF-8. */
  get stderr(): string {
    return new TextDecoder().decode(this.stderrBytes);
  }
}

/**
 * What a shell's `$?` means.
 *
 * @param status `$?`.
 * @param how Whether the shell itself said that it exits.
 * @returns Exit code or signal, the other one null. Above 128 a shell that said nothing was killed, or became a program that exited so.
 */
export function exitOf(
  status: number,
  how: "exited" | "no-directory" | null,
): Pick<RunEnd, "exitCode" | "signal"> {
  const killed = how === null && status > 128 && status <= 192;
  return killed ? { exitCode: null, signal: status - 128 } : { exitCode: status, signal: null };
}
