import { abortable } from "@std/async/abortable";
import { type ByteTransport, QmpDecoder } from "../../qmp/mod.ts";
import { type PeerCommand, readCommand } from "./command.ts";
import { checkDelivery, type PeerDelivery } from "./delivery.ts";
import { PeerEndedError } from "./errors.ts";
import { playScript } from "./play_script.ts";
import type { PeerScript } from "./script.ts";
import {
  cutChunks,
  encodeMessage,
  errorMessage,
  eventMessage,
  greetingMessage,
  hugeReply,
  type PeerGreeting,
  type PeerMessage,
  returnMessage,
} from "./wire.ts";

/**
 * What each wait of a peer takes.
 *
 * @example
 * ```ts
 * import { memoryPeer, type PeerWaitOptions } from "@qeeper/qeeper/testing";
 * import { assertRejects } from "@std/assert";
 *
 * const options: PeerWaitOptions = { signal: AbortSignal.timeout(5) };
 * await using peer = memoryPeer();
 * await assertRejects(() => peer.connection.command(options), DOMException, "timeout");
 * ```
 */
export interface PeerWaitOptions {
  /** Stops waiting, and nothing else: what was to come can be waited for again. Rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * The peer's side of one connection. It does nothing unless it is told to: it reads while a command is waited for, and answers when it is told what.
 *
 * @example A QEMU, word by word
 * ```ts
 * import { FakePeer } from "@qeeper/qeeper/testing";
 * import { QmpClient } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * await using peer = await FakePeer.listen();
 * const connecting = QmpClient.connect(peer.address);
 * const connection = await peer.accept();
 * await connection.negotiate();
 * await using qmp = await connecting;
 *
 * const stopped = qmp.expect("STOP", () => qmp.execute("stop"));
 * const command = await connection.command();
 * assertEquals(command.name, "stop");
 * await connection.event("STOP"); // before the reply, as QEMU has it
 * await connection.reply(command);
 * assertEquals((await stopped).event, "STOP");
 * ```
 */
export class PeerConnection implements AsyncDisposable {
  readonly #transport: ByteTransport;
  readonly #format: "compact" | "pretty";
  readonly #chunkSizes: readonly number[];
  readonly #endAfterBytes: number;
  readonly #decoder = new QmpDecoder();
  readonly #received: PeerCommand[] = [];
  /** Read, and not yet taken by `command`. */
  readonly #unread: PeerCommand[] = [];
  readonly #buffer = new Uint8Array(64 * 1024);
  /** The read that is under way, which outlives whoever gave up waiting for it. */
  #reading: Promise<boolean> | null = null;
  #writing: Promise<void> = Promise.resolve();
  #frozen: PromiseWithResolvers<void> | null = null;
  #sentBytes = 0;
  #chunks = 0;
  #endedBy: "client" | "script" | null = null;

  /**
   * @param transport The connection; it is this object's from here on.
   * @param delivery How it writes.
   * @throws {RangeError} When a size is none.
   */
  constructor(transport: ByteTransport, delivery: PeerDelivery = {}) {
    const { format, chunkSizes, endAfterBytes } = checkDelivery(delivery);
    this.#transport = transport;
    this.#format = format;
    this.#chunkSizes = chunkSizes;
    this.#endAfterBytes = endAfterBytes;
  }

  /** Every command that was read, in order. */
  get received(): readonly PeerCommand[] {
    return this.#received;
  }

  /** How many bytes were written. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Who ended the connection; null as long as nobody is known to have. */
  get endedBy(): "client" | "script" | null {
    return this.#endedBy;
  }

  /**
   * Writes messages in one go: objects as lines, texts and bytes as they are.
   *
   * @param messages What is written.
   * @throws {PeerEndedError} When the connection is over, or comes to its end here by `endAfterBytes`.
   */
  send(...messages: readonly PeerMessage[]): Promise<void> {
    const bytes = join(messages.map((message) => encodeMessage(message, this.#format)));
    const written = this.#writing.then(() => this.#write(bytes));
    this.#writing = written.catch(() => {}); // whoever sent this is told
    return written;
  }

  /** Says hello. */
  greet(greeting?: PeerGreeting): Promise<void> {
    return this.send(greetingMessage(greeting));
  }

  /**
   * Says hello, waits for the client's `qmp_capabilities`, and takes it.
   *
   * @param greeting What it says.
   * @param options Signal.
   * @returns The client's command.
   */
  async negotiate(greeting?: PeerGreeting, options: PeerWaitOptions = {}): Promise<PeerCommand> {
    await this.greet(greeting);
    const command = await this.command(options);
    await this.reply(command);
    return command;
  }

  /** Answers a command. */
  reply(command: Pick<PeerCommand, "id">, value: unknown = {}): Promise<void> {
    return this.send(returnMessage(command, value));
  }

  /** Answers a command with a text that makes the reply's line exactly so long. */
  async replyHuge(command: Pick<PeerCommand, "id">, lineBytes: number): Promise<void> {
    await this.send(hugeReply(command, lineBytes));
  }

  /** Refuses a command. */
  fail(command: Pick<PeerCommand, "id">, errorClass: string, desc: string): Promise<void> {
    return this.send(errorMessage(command, errorClass, desc));
  }

  /** Tells of an event, known to QEMU or not. */
  event(name: string, data?: Readonly<Record<string, unknown>>): Promise<void> {
    return this.send(eventMessage(name, data));
  }

  /**
   * Waits for the next command.
   *
   * @param options Signal.
   * @returns The command.
   * @throws {PeerEndedError} When the client has left.
   * @throws {QmpProtocolError} When the client sends what is no JSON object.
   */
  async command(options: PeerWaitOptions = {}): Promise<PeerCommand> {
    for (;;) {
      const command = this.#unread.shift();
      if (command !== undefined) return command;
      if (!await this.#read(options.signal)) {
        throw new PeerEndedError("read a command", this.#endedBy ?? "client");
      }
    }
  }

  /**
   * Waits for so many commands.
   *
   * @param count How many.
   * @param options Signal.
   * @returns The commands, in order.
   */
  async commands(count: number, options: PeerWaitOptions = {}): Promise<PeerCommand[]> {
    const commands: PeerCommand[] = [];
    while (commands.length < count) commands.push(await this.command(options));
    return commands;
  }

  /** The commands that were read with those that were waited for, and are not taken yet: they came together. It waits for nothing. */
  takeRead(): PeerCommand[] {
    return this.#unread.splice(0);
  }

  /** Waits until the client has left; what it had still sent is then in `received`. */
  async ended(options: PeerWaitOptions = {}): Promise<void> {
    while (await this.#read(options.signal));
  }

  /**
   * Plays a script.
   *
   * @param script Its steps.
   * @param options Signal.
   * @throws {PeerScriptError} When the client does something else, or leaves before the last step.
   */
  play(script: PeerScript, options: PeerWaitOptions = {}): Promise<void> {
    return playScript(this, script, options.signal);
  }

  /** From now on nothing is read and nothing written, as by a QEMU whose process is stopped. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers<void>();
  }

  /** What waited since `freeze` goes on. */
  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = null;
  }

  /** Ends the connection. When the client has sent something that was not read, it sees a reset, as from a QEMU that was killed. */
  async end(): Promise<void> {
    this.#endedBy ??= "script";
    this.thaw();
    await this.#transport.close();
  }

  /** Ends the connection. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const room = this.#endAfterBytes - this.#sentBytes;
    for (const chunk of cutChunks(bytes.subarray(0, room), this.#chunkSizes, this.#chunks)) {
      await this.#frozen?.promise;
      if (this.#endedBy === "script") throw new PeerEndedError("send", "script");
      try {
        await this.#transport.write(chunk);
      } catch (cause) {
        throw new PeerEndedError("send", this.#endedBy ??= "client", { cause });
      }
      this.#chunks++;
      this.#sentBytes += chunk.length;
    }
    if (bytes.length < room) return;
    await this.end();
    if (bytes.length > room) throw new PeerEndedError("send all of a message", "script");
  }

  /** Reads once; false when there is nothing more to come. */
  async #read(signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    this.#reading ??= this.#readOnce().finally(() => this.#reading = null);
    return await (signal === undefined ? this.#reading : abortable(this.#reading, signal));
  }

  async #readOnce(): Promise<boolean> {
    await this.#frozen?.promise;
    const count = this.#endedBy === "script" ? null : await this.#transport.read(this.#buffer);
    await this.#frozen?.promise;
    if (count === null) {
      this.#endedBy ??= "client";
      return false;
    }
    const messages = this.#decoder.push(this.#buffer.subarray(0, count));
    for (const message of messages) {
      const read = readCommand(message);
      if (read.kind === "refused") await this.fail(read, "GenericError", read.desc);
      else {
        this.#received.push(read.command);
        this.#unread.push(read.command);
      }
    }
    if (this.#decoder.failure !== null && messages.length === 0) throw this.#decoder.failure;
    return true;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
