import { abortable } from "@std/async/abortable";
import type { CallParameters, CallResult, CommandName, QgaCommands } from "../qapi/mod.ts";
import { QGA_COMMANDS } from "../qapi/qga_names.gen.ts";
import { encodeCommand } from "../qmp/encode.ts";
import { assertTimeout, Limit } from "../qmp/limit.ts";
import {
  dial,
  formatAddress,
  type Logger,
  MonitorBusyError,
  QmpConnectError,
  silentLogger,
  type TcpAddress,
  type UnixAddress,
} from "../qmp/mod.ts";
import { QgaAbsentError, QgaInterruptedError, QgaProtocolError, QgaTimeoutError } from "./errors.ts";
import { exec, type ExecOptions, type ExecResult } from "./exec.ts";
import { readFile, type ReadFileOptions, writeFile, type WriteFileOptions } from "./files.ts";
import { DELIMITER } from "./frames.ts";
import { frozen, type FrozenOptions } from "./freeze.ts";
import { AgentLink, LinkEnded } from "./link.ts";
import type { AgentPort } from "./port.ts";
import { readReply } from "./reply.ts";

/** How long a command may take unless the caller says otherwise. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** After this long without an answer `guest-sync-delimited` is sent again: what reaches a port that nobody has opened is lost. */
const FIRST_SYNC_MS = 2_000;
/** How long an error of a command without a reply is waited for. (`guest-shutdown` ends QEMU within 40 ms.) */
const GRACE_MS = 300;
/** How long QEMU may take to say whether the port is open. */
const PORT_QUESTION_MS = 1_000;

/** Where an agent's channel is found. */
export type QgaAddress = UnixAddress | TcpAddress;

/** What a client is made with. */
export interface QgaClientOptions {
  /** The guest's end of the channel, from `agentPort`. Without it an absent agent is only one that does not answer. */
  port?: AgentPort;
  /**
   * The largest message that is accepted, in bytes.
   *
   * @default {67108864}
   */
  maxMessageBytes?: number;
  /** Told when the place in the stream had to be found again. Default: silent. */
  logger?: Logger;
}

/** What each command takes beside its arguments. */
export interface QgaExecuteOptions {
  /** Stops waiting; rejects with the signal's reason. What was sent may still run. */
  signal?: AbortSignal;
  /**
   * Stops waiting after this many milliseconds, those in the queue included.
   *
   * @default {10000}
   */
  timeoutMs?: number;
}

/** A command on its way. */
interface Task {
  readonly command: string;
  readonly bytes: Uint8Array;
  readonly timeoutMs: number;
  sent: boolean;
}

/**
 * A client of the guest agent: commands in, typed answers out, one after the other.
 *
 * The protocol has neither a greeting nor ids, so an answer is told by its place alone. The client therefore finds its place with
 * `guest-sync-delimited` before the first command, and again after everything that may have put it out of step (a time-out, an
 * abort, garbage); bytes of earlier answers are dropped. It connects with the first command, and again after QEMU closed the
 * connection. The channel serves one client at a time.
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { QgaClient, QgaTimeoutError } from "@qeeper/qeeper/qga";
 * import { assertRejects } from "@std/assert";
 *
 * await using vm = await launch({ machine: "pc", accel: "tcg", agent: true }, { paused: true });
 * await using agent = new QgaClient({ transport: "unix", path: `${vm.runDir}/agent` });
 * // No guest runs here, so nothing answers.
 * await assertRejects(() => agent.execute("guest-get-osinfo", {}, { timeoutMs: 50 }), QgaTimeoutError);
 * ```
 */
export class QgaClient implements AsyncDisposable {
  readonly #address: QgaAddress;
  readonly #port: AgentPort | null;
  readonly #maxMessageBytes: number | undefined;
  readonly #logger: Logger;
  #state: "open" | "closed" = "open";
  /** Resolves when the last command in the queue is over. */
  #queue: Promise<void> = Promise.resolve();
  #link: AgentLink | null = null;
  /** Whether the next thing that the agent says will be the answer to the next command. */
  #place: "known" | "unknown" = "unknown";

  /**
   * @param address The channel: with `agent: true` that is `agent` in the VM's run directory.
   * @param options The guest's end of the port, limits, logger.
   */
  constructor(address: QgaAddress, options: QgaClientOptions = {}) {
    this.#address = address;
    this.#port = options.port ?? null;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#logger = options.logger ?? silentLogger;
  }

  /**
   * Connects, and makes sure that the agent answers.
   *
   * @param address The channel.
   * @param options What the client is made with; signal and time limit of the attempt.
   * @returns The client.
   * @throws {QgaAbsentError} When nobody listens there, or nothing in the guest has opened the port.
   * @throws {QgaTimeoutError} When the agent does not answer in time.
   */
  static async connect(
    address: QgaAddress,
    options: QgaClientOptions & QgaExecuteOptions = {},
  ): Promise<QgaClient> {
    const client = new QgaClient(address, options);
    try {
      await client.execute("guest-ping", {}, limitsOf(options));
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /**
   * Runs a command. One without a reply (`guest-shutdown`, `guest-suspend-*`) resolves with `{}` when it was written and no error
   * came within 0.3 s.
   *
   * @param command The command's name.
   * @param rest Its arguments, spelled as QAPI spells them, where it has any; then signal and time limit.
   * @returns What the command returns.
   * @throws {QgaAbsentError} When there is no agent.
   * @throws {QgaTimeoutError} When it does not answer in time.
   * @throws {QgaDisabledError} When the agent does not do this command.
   * @throws {QgaCommandError} When the command failed.
   * @throws {QgaInterruptedError} When the connection ended under it, or the client was closed.
   * @throws {QgaProtocolError} When the guest sent what is no answer.
   */
  execute<Name extends string>(
    command: CommandName<QgaCommands, Name>,
    ...rest: CallParameters<QgaCommands, Name, QgaExecuteOptions>
  ): Promise<CallResult<QgaCommands, Name>> {
    const [args, options = {}] = rest as [args?: object, options?: QgaExecuteOptions];
    return this.#run(command as string, args, options) as Promise<CallResult<QgaCommands, Name>>;
  }

  /**
   * Waits until the agent is there and answers: for `VSERPORT_CHANGE` where the client has a port to watch.
   *
   * @param options Signal; the time limit is for all of it.
   * @throws {QgaAbsentError} When nothing in the guest has opened the port in time.
   * @throws {QgaTimeoutError} When it has, but does not answer in time.
   */
  async ready(options: QgaExecuteOptions = {}): Promise<void> {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    assertTimeout(timeoutMs);
    const until = performance.now() + timeoutMs;
    if (this.#port !== null) {
      const late = () => new QgaAbsentError(formatAddress(this.#address), "agent");
      using limit = new Limit(timeoutMs, late, signal);
      await this.#port.opened(limit.signal);
    }
    const left = Math.max(0, until - performance.now());
    await this.execute("guest-ping", {}, { ...options, timeoutMs: left });
  }

  /**
   * Runs a program in the guest to its end.
   *
   * @param path The program; without a slash it is sought in the agent's `PATH`.
   * @param args Its arguments, without its own name.
   * @param options Environment, input, time limit, signal.
   * @returns How it ended, and what it wrote.
   * @throws {QgaTimeoutError} When it has not ended in time; it goes on in the guest, since the agent can't stop it.
   * @throws {QgaCommandError} When it can't be started; and as `execute` does.
   */
  exec(path: string, args: readonly string[] = [], options: ExecOptions = {}): Promise<ExecResult> {
    return exec(this, path, args, options);
  }

  /**
   * Reads a whole file of the guest.
   *
   * @param path Its path in the guest.
   * @param options The largest size that is accepted, time limit of each step, signal.
   * @returns Its bytes.
   * @throws {RangeError} When it is larger than `maxBytes`.
   * @throws {QgaCommandError} When it can't be opened or read; and as `execute` does.
   */
  readFile(path: string, options: ReadFileOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return readFile(this, path, options);
  }

  /**
   * Writes a whole file of the guest, in place of what it had unless told to append.
   *
   * @param path Its path in the guest.
   * @param data Bytes, or text as UTF-8.
   * @param options Whether to append, time limit of each step, signal.
   * @throws {QgaCommandError} When it can't be opened or written; and as `execute` does.
   */
  writeFile(path: string, data: Uint8Array | string, options: WriteFileOptions = {}): Promise<void> {
    return writeFile(this, path, data, options);
  }

  /**
   * Freezes the guest's file systems, does something, and thaws them, whatever happens.
   *
   * @param action What to do meanwhile, such as a snapshot. It gets the number of file systems that are frozen. Until it is over
   * the agent takes no other commands than those about freezing.
   * @param options Time limits, and the signal that stops the freeze (never the thaw).
   * @returns What the action returns.
   * @throws {QgaThawError} When the file systems could not be thawed. Else what the freeze or the action throws.
   */
  frozen<T>(action: (frozenCount: number) => Promise<T>, options: FrozenOptions = {}): Promise<T> {
    return frozen(this, action, options);
  }

  /** Closes the connection: what is under way rejects, and the channel is free for its next client. */
  async close(): Promise<void> {
    this.#state = "closed";
    await this.#link?.close();
    await this.#queue;
    this.#link = null;
  }

  /** Closes the connection. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(command: string, args: object | undefined, options: QgaExecuteOptions): Promise<unknown> {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    signal?.throwIfAborted();
    assertTimeout(timeoutMs);
    const bytes = new TextEncoder().encode(`${encodeCommand(command, args, false)}}\n`);
    const task: Task = { command, bytes, timeoutMs, sent: false };
    const until = performance.now() + timeoutMs;
    using limit = new Limit(timeoutMs, () => new QgaTimeoutError(command, timeoutMs, task.sent), signal);
    const before = this.#queue;
    const turn = Promise.withResolvers<void>();
    this.#queue = before.then(() => turn.promise);
    try {
      await abortable(before, limit.signal);
      return await this.#exchange(task, until, limit.signal);
    } catch (error) {
      throw await this.#explain(error, task);
    } finally {
      turn.resolve();
    }
  }

  async #exchange(task: Task, until: number, signal: AbortSignal): Promise<unknown> {
    const link = await this.#open(until, signal);
    if (this.#place === "unknown") await this.#sync(link, signal);
    // Until the answer is here.
    this.#place = "unknown";
    await link.send(task.bytes, signal, () => task.sent = true);
    if (QGA_COMMANDS.get(task.command)?.noReply) return await this.#withoutReply(link, task, signal);
    return await this.#reply(link, task, signal);
  }

  async #open(until: number, signal: AbortSignal): Promise<AgentLink> {
    signal.throwIfAborted();
    if (this.#isClosed()) throw new LinkEnded("The client was closed");
    if (this.#link !== null && !this.#link.ended) return this.#link;
    await this.#link?.close();
    this.#link = null;
    this.#place = "unknown";
    const transport = await dial(this.#address, until, { signal });
    const link = new AgentLink(transport, this.#maxMessageBytes);
    this.#link = link;
    // Closed while it was connecting.
    if (this.#isClosed()) await link.close();
    return link;
  }

  /** A question of its own, since TypeScript believes that a member can't change while one waits. */
  #isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Makes the agent's parser and this client's forget whatever they were in the middle of. */
  async #sync(link: AgentLink, signal: AbortSignal): Promise<void> {
    if (await this.#portIsOpen(signal) === false) {
      throw new QgaAbsentError(formatAddress(this.#address), "agent");
    }
    // Each wait is longer than the last: a slow agent is only asked for the newest id, and must get the time to answer it.
    for (let ms = FIRST_SYNC_MS;; ms *= 2) {
      const again = new LinkEnded("One more attempt");
      using limit = new Limit(ms, () => again, signal);
      try {
        await this.#syncOnce(link, limit.signal);
        this.#place = "known";
        return;
      } catch (error) {
        if (error !== again) throw error;
        this.#logger.debug("The guest agent has not answered yet; asking again", { afterMs: ms });
      }
    }
  }

  async #syncOnce(link: AgentLink, signal: AbortSignal): Promise<void> {
    // Random, so that an answer to an earlier client is not taken for this one's.
    const id = 1 + Math.floor(Math.random() * 0x7fffffff);
    const text = new TextEncoder().encode(`${encodeCommand("guest-sync-delimited", { id }, false)}}\n`);
    const bytes = new Uint8Array(1 + text.length);
    bytes[0] = DELIMITER;
    bytes.set(text, 1);
    link.seek();
    await link.send(bytes, signal);
    for (;;) {
      const frame = await link.receive(signal);
      if (frame.kind !== "message" || !frame.delimited) continue;
      if ((frame.message as { return?: unknown }).return === id) return;
    }
  }

  async #reply(link: AgentLink, { command }: Task, signal: AbortSignal): Promise<unknown> {
    const frame = await link.receive(signal);
    if (frame.kind === "garbage") {
      throw new QgaProtocolError(command, "the guest sent what is no JSON object", { cause: frame.error });
    }
    const reply = readReply(command, frame.message);
    // Whatever kind of answer it is, it is this command's.
    this.#place = "known";
    if (reply.kind === "error") throw reply.error;
    return reply.value;
  }

  /** An error may still come later than this; the next command therefore looks for its place. */
  async #withoutReply(link: AgentLink, task: Task, signal: AbortSignal): Promise<unknown> {
    const over = new LinkEnded("The grace is over");
    using grace = new Limit(GRACE_MS, () => over, signal);
    try {
      return await this.#reply(link, task, grace.signal);
    } catch (error) {
      // That the connection ends is what a shutdown does.
      if (error === over || (error instanceof LinkEnded && !this.#isClosed())) return {};
      throw error;
    }
  }

  /** Null when that is not known. */
  async #portIsOpen(signal: AbortSignal | undefined): Promise<boolean | null> {
    if (this.#port === null) return null;
    using limit = new Limit(PORT_QUESTION_MS, () => new Error("No answer"), signal);
    try {
      return await this.#port.isOpen(limit.signal);
    } catch {
      // The monitor's troubles are not the agent's; the channel itself will tell.
      signal?.throwIfAborted();
      return null;
    }
  }

  async #explain(error: unknown, task: Task): Promise<unknown> {
    const { command, sent, timeoutMs } = task;
    if (error instanceof LinkEnded) return new QgaInterruptedError(command, sent, causeOf(error));
    if (error instanceof MonitorBusyError) {
      return new QgaTimeoutError(command, timeoutMs, false, { cause: error });
    }
    if (error instanceof QmpConnectError) {
      return new QgaAbsentError(formatAddress(this.#address), "channel", causeOf(error));
    }
    if (error instanceof QgaTimeoutError && !error.sent) {
      const open = await this.#portIsOpen(undefined);
      if (open === false) return new QgaAbsentError(formatAddress(this.#address), "agent", { cause: error });
    }
    return error;
  }
}

/** The cause of an error that is itself only this module's. */
function causeOf(error: Error): ErrorOptions {
  return error.cause === undefined ? {} : { cause: error.cause };
}

function limitsOf({ signal, timeoutMs }: QgaExecuteOptions): QgaExecuteOptions {
  return { ...(signal ? { signal } : {}), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}
