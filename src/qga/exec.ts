import { delay } from "@std/async/delay";
import { Limit } from "../qmp/limit.ts";
import { fromBase64, toBytes } from "./base64.ts";
import type { QgaClient } from "./client.ts";
import { QgaTimeoutError } from "./errors.ts";

/** How long a program may run unless the caller says otherwise. */
const DEFAULT_EXEC_MS = 60_000;
/** Between two questions whether it has ended, at first and at most. */
const FIRST_POLL_MS = 5;
const LAST_POLL_MS = 500;

/** What `exec` takes beside program and arguments. */
export interface ExecOptions {
  /** The program's whole environment. Default: the agent's own. */
  env?: Readonly<Record<string, string>>;
  /** What it reads from its standard input: bytes, or text as UTF-8. Default: nothing. */
  input?: Uint8Array | string;
  /**
   * Stops waiting after this many milliseconds. The program goes on.
   *
   * @default {60000}
   */
  timeoutMs?: number;
  /** Stops waiting; rejects with the signal's reason. The program goes on. */
  signal?: AbortSignal;
}

/** What is known of a program that has ended; see `ExecResult` for the members. */
export interface ExecEnd {
  readonly pid: number;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: Uint8Array<ArrayBuffer>;
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean };
}

/**
 * How a program in the guest ended, and what it wrote.
 *
 * @example
 * ```ts
 * import { ExecResult } from "@qeeper/qeeper/qga";
 * import { assertEquals } from "@std/assert";
 *
 * const none = new Uint8Array();
 * const stdout = new TextEncoder().encode("Linux\n");
 * const truncated = { stdout: false, stderr: false };
 * const result = new ExecResult({ pid: 113, exitCode: 0, signal: null, stdout, stderr: none, truncated });
 * assertEquals([result.success, result.stdoutText], [true, "Linux\n"]);
 * ```
 */
export class ExecResult implements ExecEnd {
  /** Its process id in the guest. */
  readonly pid: number;
  /** Its exit code; null when a signal ended it. */
  readonly exitCode: number | null;
  /** The number of the signal (or of Windows' exception) that ended it; null when it exited. */
  readonly signal: number | null;
  /** What it wrote to its standard output. */
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** What it wrote to its standard error. */
  readonly stderr: Uint8Array<ArrayBuffer>;
  /** Whether it wrote more than the agent keeps (16 MiB each). */
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean };

  /** @param end What is known of it. */
  constructor(end: ExecEnd) {
    this.pid = end.pid;
    this.exitCode = end.exitCode;
    this.signal = end.signal;
    this.stdout = end.stdout;
    this.stderr = end.stderr;
    this.truncated = end.truncated;
  }

  /** Whether it exited with 0. */
  get success(): boolean {
    return this.exitCode === 0;
  }

  /** Its standard output as text. */
  get stdoutText(): string {
    return new TextDecoder().decode(this.stdout);
  }

  /** Its standard error as text. */
  get stderrText(): string {
    return new TextDecoder().decode(this.stderr);
  }
}

/**
 * Runs a program in the guest to its end: `guest-exec`, then `guest-exec-status` until it has exited.
 *
 * @param agent The client.
 * @param path The program.
 * @param args Its arguments.
 * @param options Environment, input, time limit, signal.
 * @returns How it ended.
 * @throws As `QgaClient.exec` does.
 */
export async function exec(
  agent: QgaClient,
  path: string,
  args: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const { env, input, timeoutMs = DEFAULT_EXEC_MS, signal } = options;
  const until = performance.now() + timeoutMs;
  const { pid } = await agent.execute("guest-exec", {
    path,
    arg: args,
    "capture-output": true,
    ...(env === undefined ? {} : { env: Object.entries(env).map(([name, value]) => `${name}=${value}`) }),
    ...(input === undefined ? {} : { "input-data": toBytes(input).toBase64() }),
  }, { timeoutMs, ...(signal ? { signal } : {}) });
  const late = () => new QgaTimeoutError(`guest-exec ${path}`, timeoutMs, true);
  using limit = new Limit(Math.max(0, until - performance.now()), late, signal);
  const limits = { signal: limit.signal };
  for (let pollMs = FIRST_POLL_MS;; pollMs = Math.min(2 * pollMs, LAST_POLL_MS)) {
    await delay(pollMs, limits);
    const status = await agent.execute("guest-exec-status", { pid }, limits);
    if (!status.exited) continue;
    return new ExecResult({
      pid: Number(pid),
      exitCode: status.exitcode === undefined ? null : Number(status.exitcode),
      signal: status.signal === undefined ? null : Number(status.signal),
      stdout: fromBase64("guest-exec-status", status["out-data"] ?? ""),
      stderr: fromBase64("guest-exec-status", status["err-data"] ?? ""),
      truncated: {
        stdout: status["out-truncated"] ?? false,
        stderr: status["err-truncated"] ?? false,
      },
    });
  }
}
