import { abortable } from "@std/async/abortable";
import { assertTimeout, Limit } from "../../qmp/limit.ts";
import { dial, type Logger } from "../../qmp/mod.ts";
import type { SerialConsole, Vm } from "../../vm/mod.ts";
import { AgentChannel } from "./agent_channel.ts";
import { commandScript } from "./command_script.ts";
import { consoleTransport } from "./console_transport.ts";
import {
  GuestFileError,
  RunChannelError,
  RunFailedError,
  RunInterruptedError,
  RunTimeoutError,
  showCommand,
} from "./errors.ts";
import { PortChannel } from "./port_channel.ts";
import { shellQuote } from "./quote.ts";
import { findRunPort } from "./run_port.ts";
import { exitOf, RunResult } from "./run_result.ts";
import type {
  CommandChannel,
  CopyInOptions,
  CopyOptions,
  GuestCommand,
  RunChannel,
  RunOptions,
} from "./run_types.ts";

/** How long a command, or a copy, may take unless the caller says otherwise. */
const DEFAULT_TIMEOUT_MS = 60_000;
const DIAL_MS = 5_000;
/** Larger files are copied in pieces of this size, since the guest keeps each in memory, and its agent takes 16 MiB at most. */
const PIECE_BYTES = 8 * 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** What `GuestCommands` takes beside the VM. */
export interface GuestCommandsOptions {
  /**
   * Which way to go.
   *
   * @default {"console" with `console`, else what `runChannelOf` says}
   */
  channel?: RunChannel;
  /**
   * For an image that has neither an agent nor a shell on a port: its console, at which a shell waits for a line, since the test has logged in. The
   * commands have it to themselves until they are disposed of; then the shell is back. Slow, and all that goes over it is in the
   * console's transcript.
   */
  console?: SerialConsole | null;
  /** Told what is neither a result nor an error. Default: silent. */
  logger?: Logger;
}

/** The parts of a VM that commands need. */
export type CommandableVm = Pick<Vm, "name" | "argv" | "runDir" | "agent">;

/**
 * Which way commands go into a VM: the guest agent where its config has one, else a port for commands.
 *
 * @param vm The VM.
 * @returns The channel; null when it has neither.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { runChannelOf, withRunPort } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch(withRunPort({ machine: "pc", accel: "tcg" }), { paused: true });
 * assertEquals(runChannelOf(vm), "port");
 * ```
 */
export function runChannelOf(vm: CommandableVm): RunChannel | null {
  if (vm.agent !== null) return "agent";
  return findRunPort(vm.argv ?? [], vm.runDir ?? "") === null ? null : "port";
}

/**
 * Runs commands in a guest, and copies files into it and out of it, over a channel on which nothing else is said. Commands run one after the
 * other: one that is asked for meanwhile waits for its turn.
 *
 * A command's result is there when its own shell ends: what it leaves behind in the background goes on and holds nobody up. Its output
 * is kept in the guest's memory until then, so send what is endless to `head`. The connection is kept between commands and made anew when the guest
 * was reset or restored.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { GuestCommands, linuxGuest, LinuxGuestError, withRunPort } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const guest = await linuxGuest().catch((error) => {
 *   if (error instanceof LinuxGuestError) return null; // no Debian, no guest
 *   throw error;
 * });
 * if (guest !== null) {
 *   const initrd = await Deno.makeTempFile();
 *   await Deno.writeFile(initrd, guest.initrd);
 *   await using vm = await launch(withRunPort({ ...guest, initrd, accel: "tcg" }));
 *   await using commands = new GuestCommands(vm);
 *   const { exitCode, stdout, stderr } = await commands.run("uname; echo oops >&2; exit 3");
 *   assertEquals([exitCode, stdout, stderr], [3, "Linux\n", "oops\n"]);
 *   await Deno.remove(initrd);
 * }
 * ```
 */
export class GuestCommands implements AsyncDisposable {
  readonly #vm: CommandableVm;
  readonly #channel: CommandChannel | null;
  #state: "open" | "closed" = "open";
  /** Whether the guest has answered once. */
  #met: "no" | "yes" = "no";
  /** Resolves when the last command in the queue is over. */
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @param vm The VM. Nothing is connected before the first command.
   * @param options Which way to go.
   */
  constructor(vm: CommandableVm, options: GuestCommandsOptions = {}) {
    this.#vm = vm;
    this.#channel = makeChannel(vm, options);
  }

  /** Which way the commands go; null when the VM has none, so that each is refused. */
  get channel(): RunChannel | null {
    return this.#channel?.kind ?? null;
  }

  /**
   * Waits until the guest answers.
   *
   * @param options Time limit and signal.
   * @throws {RunChannelError} When the VM has no channel, or nobody answers in time.
   */
  async ready(options: CopyOptions = {}): Promise<void> {
    await this.#turn("wait for the guest", options, (channel, limit) => channel.ready(limit));
  }

  /**
   * Runs a command with the guest's `sh -c`.
   *
   * @param command The command: any text, with as many lines as it likes.
   * @param options Input, variables, directory, limits.
   * @returns How it ended, and what it wrote. An exit code other than 0 is a result as well.
   * @throws {RunTimeoutError} When it took too long and was killed.
   * @throws {RunFailedError} With `check: true`, when it did not exit with 0.
   * @throws {RunChannelError} When there is no way into the guest, or nobody answers in time.
   * @throws {RunInterruptedError} When the guest, its shell or QEMU went under it.
   * @throws {GuestFileError} When it can't go into its directory.
   */
  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const { input = "", onOutput, cwd, check = false, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const guestCommand: GuestCommand = {
      text: command,
      script: commandScript(command, options),
      input: typeof input === "string" ? new TextEncoder().encode(input) : input,
      onOutput: onOutput === undefined ? null : decoding(onOutput),
    };
    const end = await this.#turn(`run ${showCommand(command)}`, options, (channel, limit) => {
      return channel.run(guestCommand, limit);
    });
    if (end.kind === "killed") {
      options.signal?.throwIfAborted();
      throw new RunTimeoutError(command, timeoutMs, end);
    }
    if (end.how === "no-directory") throw new GuestFileError("enter", cwd ?? "", text(end.stderr));
    const result = new RunResult(command, {
      ...exitOf(end.status, end.how),
      stdoutBytes: end.stdout,
      stderrBytes: end.stderr,
    });
    if (check && !result.success) throw new RunFailedError(result);
    return result;
  }

  /**
   * Writes a file in the guest, in place of what it has; directories on its path are made.
   *
   * @param data Its contents: bytes, or text as UTF-8.
   * @param path Its path in the guest.
   * @param options Permissions, limits.
   * @throws {GuestFileError} When the guest can't write it.
   * @throws As `run` does.
   */
  async copyIn(data: Uint8Array | string, path: string, options: CopyInOptions = {}): Promise<void> {
    const { mode, ...limits } = options;
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const file = shellQuote(path);
    const dir = /^(.*)\/[^/]+$/s.exec(path)?.[1] ?? "";
    // The first piece makes the file, be it empty.
    for (let at = 0; at === 0 || at < bytes.length; at += PIECE_BYTES) {
      const last = at + PIECE_BYTES >= bytes.length;
      const command = [
        ...(dir === "" || at > 0 ? [] : [`{ [ -d ${shellQuote(dir)} ] || mkdir -p -- ${shellQuote(dir)}; }`]),
        `cat ${at === 0 ? ">" : ">>"}${file}`,
        ...(mode === undefined || !last ? [] : [`chmod ${(mode & 0o7777).toString(8)} ${file}`]),
      ].join(" && ");
      const input = bytes.subarray(at, at + PIECE_BYTES);
      const { success, stderr } = await this.run(command, { ...limits, input });
      if (!success) throw new GuestFileError("write", path, stderr || "the guest does not say why");
    }
  }

  /**
   * Reads a file of the guest.
   *
   * @param path Its path in the guest.
   * @param options Limits.
   * @returns Its bytes.
   * @throws {GuestFileError} When the guest can't read it.
   * @throws As `run` does.
   */
  async copyOut(path: string, options: CopyOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (;;) {
      const skip = pieces.length * PIECE_BYTES / BLOCK_BYTES;
      const blocks = `bs=${BLOCK_BYTES} count=${PIECE_BYTES / BLOCK_BYTES} skip=${skip}`;
      const command = `dd ${blocks} iflag=fullblock status=none <${shellQuote(path)}`;
      const { success, stdoutBytes, stderr } = await this.run(command, options);
      if (!success) throw new GuestFileError("read", path, stderr || "the guest does not say why");
      pieces.push(stdoutBytes);
      if (stdoutBytes.length < PIECE_BYTES) return joined(pieces);
    }
  }

  /** Closes the connection; what waits for its turn is refused. What was begun in the guest goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    await this.#channel?.[Symbol.asyncDispose]();
    await this.#queue;
  }

  async #turn<T>(
    attempt: string,
    options: CopyOptions,
    action: (channel: CommandChannel, limit: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    assertTimeout(timeoutMs);
    signal?.throwIfAborted();
    const channel = this.#channel;
    if (channel === null) throw noChannel(attempt, this.#vm);
    const late = new Error("The time is over");
    using limit = new Limit(timeoutMs, () => late, signal);
    const before = this.#queue;
    const turn = Promise.withResolvers<void>();
    this.#queue = before.then(() => turn.promise);
    try {
      await abortable(before, limit.signal);
      if (this.#state === "closed") {
        throw new RunInterruptedError(attempt, "the connection was closed before it was sent");
      }
      if (this.#met === "no") await channel.ready(limit.signal);
      this.#met = "yes";
      return await action(channel, limit.signal);
    } catch (error) {
      if (error !== late) throw error;
      throw this.#met === "yes"
        ? new RunChannelError(
          "answer",
          `Cannot ${attempt} in VM "${this.#vm.name}": it was not begun within ${timeoutMs} ms; the guest is paused or busy, or other commands took all the time`,
        )
        : new RunChannelError(
          "answer",
          `Cannot ${attempt} in VM "${this.#vm.name}": nobody in the guest answered ${
            CALLED[channel.kind]
          } within ${timeoutMs} ms; ${ADVICE[channel.kind]}`,
        );
    } finally {
      turn.resolve();
    }
  }
}

const CALLED = {
  agent: "as the guest agent",
  port: "on the port for commands",
  console: "on its console",
} as const;
const ADVICE = {
  agent: "install and start qemu-guest-agent in it, or wait until it has booted",
  console: "a shell has to wait for a line there: log in first",
  port:
    "a shell has to read it (`withRunPort` says how, `linuxGuest()` has one), or the guest has not booted yet",
} as const;

/**
 * Runs one command in a guest. For several, `GuestCommands` keeps the connection.
 *
 * @param vm The VM, with a guest agent or a port for commands.
 * @param command The command, for the guest's `sh -c`.
 * @param options Input, variables, directory, limits.
 * @returns How it ended, and what it wrote.
 * @throws As `GuestCommands.run` does.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { RunChannelError, runInGuest, withRunPort } from "@qeeper/qeeper/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using vm = await launch(withRunPort({ machine: "pc", accel: "tcg" }), { paused: true });
 * // No guest runs here. Where one does: `(await runInGuest(vm, "uname -r")).stdout`.
 * const error = await assertRejects(() => runInGuest(vm, "uname -r", { timeoutMs: 50 }), RunChannelError);
 * assertEquals(error.missing, "answer");
 * ```
 */
export async function runInGuest(
  vm: CommandableVm,
  command: string,
  options: RunOptions = {},
): Promise<RunResult> {
  await using commands = new GuestCommands(vm);
  return await commands.run(command, options);
}

function makeChannel(vm: CommandableVm, options: GuestCommandsOptions): CommandChannel | null {
  const { console = null, logger } = options;
  const { channel = console === null ? runChannelOf(vm) : "console" } = options;
  if (channel === "console") {
    if (console === null) return null;
    const connect = () => Promise.resolve(consoleTransport(console));
    return new PortChannel({ connect, device: "serial", shell: "kept" }, logger);
  }
  if (channel === "agent" && vm.agent !== null) return new AgentChannel(vm.agent);
  const port = findRunPort(vm.argv ?? [], vm.runDir ?? "");
  if (channel !== "port" || port === null) return null;
  const { path, device } = port;
  const connect = (signal: AbortSignal) => {
    return dial({ transport: "unix", path }, performance.now() + DIAL_MS, { signal });
  };
  return new PortChannel({ connect, device }, logger);
}

function noChannel(attempt: string, vm: CommandableVm): RunChannelError {
  const why = vm.argv === null
    ? "it was attached to, so its command line is not known"
    : "it has neither a guest agent nor a port for commands; launch it with `withRunPort(config)`, or with `agent: true` and " +
      "qemu-guest-agent in the guest";
  return new RunChannelError("channel", `Cannot ${attempt} in VM "${vm.name}": ${why}`);
}

/** Each stream has a decoder of its own: a character may be cut in two. */
function decoding(onOutput: NonNullable<RunOptions["onOutput"]>): NonNullable<GuestCommand["onOutput"]> {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  return (stream, bytes) =>
    onOutput({ stream, bytes, text: decoders[stream].decode(bytes, { stream: true }) });
}

function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [first = new Uint8Array()] = pieces;
  if (pieces.length <= 1) return first;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
