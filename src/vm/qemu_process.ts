import { alarm } from "../qmp/alarm.ts";
import type { ChildStdio } from "../qmp/mod.ts";
import { TextTail } from "./text_tail.ts";
import type { ExitStatus } from "./verdict_types.ts";

/** How much of QEMU's stderr is kept, in characters. */
export const STDERR_TAIL_CHARS: number = 16 * 1024;

/** How long the pipe may stay open after QEMU has ended, in milliseconds. */
const PIPE_GRACE_MS = 500;

/**
 * How long a QEMU lives: `owned` ends with this process, even when this process is killed; `detached` outlives it once it has
 * started, with its stderr in a file.
 *
 * @example
 * ```ts
 * import { launch, type Lifetime } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const stderrFile = await Deno.makeTempFile();
 * const lifetime: Lifetime = { kind: "detached", stderrFile };
 * const vm = await launch({ machine: "none", accel: "tcg" }, { lifetime });
 * const verdict = await vm.shutdown({ powerdownMs: 0 }); // with release() it would run on
 * assertEquals(verdict.cause, "host-quit");
 * await vm[Symbol.asyncDispose]();
 * await Deno.remove(stderrFile);
 * ```
 */
export type Lifetime = { kind: "owned" } | { kind: "detached"; stderrFile: string };

/** What is spawned. */
export interface SpawnRequest {
  argv: readonly string[];
  /** The directory that QEMU runs in. */
  cwd: string;
  lifetime: Lifetime;
  /** `piped` when a monitor is on QEMU's stdin and stdout. */
  stdio: "null" | "piped";
  /** `setpriv` can be used to tie QEMU's life to this process. */
  tie: "setpriv" | "none";
  /** In a session of its `own`, QEMU does not get what a terminal sends to this script: Ctrl-C, or a hang-up. */
  session: "own" | "shared";
}

/** A QEMU process: one that was spawned here, or one that was adopted. */
export interface QemuProcess {
  readonly pid: number | null;
  readonly lifetime: Lifetime["kind"];
  /** Whether signals can be sent: not to a process of which only its monitor vouches for its being QEMU. */
  readonly signals: "allowed" | "not-allowed";
  /** Resolves once with how it ended, null for an orphan, when its stderr has been read to the end as well. Never rejects. */
  readonly exited: Promise<ExitStatus | null>;
  /** Its stdin and stdout, when they are piped. */
  readonly stdio: ChildStdio | null;
  /** The end of what it said on stderr so far. */
  stderrTail(): string;
  /** Sends a signal; nothing happens when it has ended. */
  signal(signal: Deno.Signal): void;
  /** Lets this process end while QEMU runs on. */
  unref(): void;
}

/** A QEMU that was spawned here: its exit status is known. */
export interface SpawnedProcess extends QemuProcess {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  /** How it ended, or null while it runs. */
  readonly exit: ExitStatus | null;
}

/**
 * The whole text of the shell that starts a detached QEMU: its stderr is appended to a file, and the shell becomes QEMU. File
 * name and command line are arguments, never part of the text.
 */
const DETACH_SCRIPT = 'log=$1; shift; exec "$@" 2>>"$log"';

/**
 * The same, in a session of its own. Deno makes one by a fork, which takes the longer the more memory this process has: 2.5 ms for a
 * supervisor. This way it is 0.7.
 */
const DETACH_IN_SESSION_SCRIPT = `log=$1; shift
if command -v setsid >/dev/null; then exec setsid -- "$@" 2>>"$log"; fi
echo "There is no setsid (package util-linux): what a terminal sends to the supervisor reaches this QEMU" >>"$log"
exec "$@" 2>>"$log"`;

/** Whether the shell is to make the session: only Linux has `setsid` as a command. */
function byShell({ session, lifetime }: SpawnRequest): boolean {
  return session === "own" && lifetime.kind === "detached" && Deno.build.os === "linux";
}

/**
 * Starts a process.
 *
 * @param request What to start, and how long it is to live.
 * @returns The process. That it has started says nothing about QEMU being ready.
 * @throws {Deno.errors.NotFound | Deno.errors.PermissionDenied | Deno.errors.NotCapable} When it can't be started.
 */
export function spawnQemu(request: SpawnRequest): SpawnedProcess {
  const [command, args] = commandLine(request);
  const owned = request.lifetime.kind === "owned";
  const piped = request.stdio === "piped";
  const child = new Deno.Command(command, {
    args,
    cwd: request.cwd,
    stdin: piped ? "piped" : "null",
    stdout: piped ? "piped" : "null",
    stderr: owned ? "piped" : "null",
    detached: request.session === "own" && !byShell(request),
  }).spawn();

  const stderr = new TextTail(STDERR_TAIL_CHARS);
  const drain = owned ? drainInto(child.stderr, stderr) : null;
  let exit: ExitStatus | null = null;
  const exited = child.status.then(async ({ code, signal }) => {
    exit = { code, signal };
    await drain?.finish();
    if (request.lifetime.kind === "detached") stderr.push(await readStderr(request.lifetime.stderrFile));
    return exit;
  });
  return {
    pid: child.pid,
    lifetime: request.lifetime.kind,
    signals: "allowed",
    exited,
    get exit() {
      return exit;
    },
    stdio: piped ? { stdin: child.stdin, stdout: child.stdout } : null,
    stderrTail: () => stderr.text,
    signal(signal) {
      try {
        child.kill(signal);
      } catch (error) {
        // It has ended already, which is what a signal is for.
        if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
    unref: () => child.unref(),
  };
}

function commandLine(request: SpawnRequest): [string, string[]] {
  const { argv, lifetime } = request;
  if (lifetime.kind === "detached") {
    const script = byShell(request) ? DETACH_IN_SESSION_SCRIPT : DETACH_SCRIPT;
    return ["/bin/sh", ["-c", script, "sh", lifetime.stderrFile, ...argv]];
  }
  if (request.tie === "setpriv") return ["setpriv", ["--pdeathsig", "KILL", "--", ...argv]];
  const [binary = "", ...args] = argv;
  return [binary, args];
}

/**
 * Closes those pipes of a process that nobody has taken, once it has ended before anybody could.
 *
 * @param process The process.
 */
export async function closeUntaken({ stdio }: Pick<QemuProcess, "stdio">): Promise<void> {
  if (stdio === null) return;
  const { stdin, stdout } = stdio;
  // That the other end is gone is no news.
  await Promise.allSettled([stdin.locked ? null : stdin.abort(), stdout.locked ? null : stdout.cancel()]);
}

/** Reads a pipe to its end. `finish` waits for that end, but not for a helper of QEMU's that keeps the pipe open. */
function drainInto(stream: ReadableStream<Uint8Array>, into: TextTail): { finish(): Promise<void> } {
  const reader = stream.getReader();
  const read = async () => {
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) into.push(part.value);
    } catch (error) {
      into.push(new TextEncoder().encode(`\n(stderr could not be read on: ${error})\n`));
    }
  };
  const ended = read();
  return {
    async finish() {
      using _grace = alarm(PIPE_GRACE_MS, () => reader.cancel());
      await ended;
    },
  };
}

/**
 * Reads the end of what QEMU said on stderr, where it is kept in a file.
 *
 * @param file The file.
 * @returns Its last bytes; what is wrong, in words, where it can't be read.
 */
export async function readStderr(file: string): Promise<Uint8Array> {
  try {
    return await readEnd(file, STDERR_TAIL_CHARS);
  } catch (error) {
    return new TextEncoder().encode(`(stderr could not be read from ${file}: ${error})`);
  }
}

/**
 * Reads the end of a file.
 *
 * @param file The file.
 * @param maxBytes How much of it.
 * @returns Its last bytes.
 */
export async function readEnd(file: string, maxBytes: number): Promise<Uint8Array> {
  using opened = await Deno.open(file, { read: true });
  const { size } = await opened.stat();
  await opened.seek(Math.max(0, size - maxBytes), Deno.SeekMode.Start);
  const buffer = new Uint8Array(maxBytes);
  const count = await opened.read(buffer);
  return buffer.subarray(0, count ?? 0);
}
