import type { CallParameters, CallResult, CommandName, QmpCommands, QmpEvents } from "../qapi/mod.ts";
import type { MonitorAddress } from "./address.ts";
import type { ClientOptions, ConnectOptions, ExecuteOptions, ExpectOptions } from "./client_options.ts";
import type { QmpConnection } from "./connection.ts";
import type { EventStream } from "./event_stream.ts";
import type { AnyQmpEvent, Greeting, QmpEvent } from "./message.ts";
import type { QmpSchema } from "./schema.ts";
import type { ByteTransport } from "./transport.ts";
import type { TypedQmp } from "./typed_qmp.ts";

/**
 * A negotiated QMP connection: commands in, replies matched by id, events out.
 *
 * Any number of commands may be under way; at most 7 of them are on the wire, since QEMU's queue is 8 deep. A command
 * is sent at most once: when the connection goes, whatever was pending rejects with a `QmpInterruptedError` that says
 * whether its bytes were written.
 *
 * A QMP chardev serves one client at a time, so close a client that is no longer needed (`await using`).
 *
 * @example
 * ```ts
 * import { launch } from "@qeeper/qeeper";
 * import { QmpClient } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * await using vm = await launch({ machine: "none", accel: "tcg" });
 * await vm.qmp.close(); // one client a monitor: make room
 * await using qmp = await QmpClient.connect({ transport: "unix", path: `${vm.runDir}/control` });
 * assertEquals((await qmp.execute("query-status")).status, "running");
 * ```
 */
export class QmpClient implements AsyncDisposable {
  /** Resolves once the connection is over, however it ended; `failure` says how. */
  readonly closed: Promise<void>;
  readonly #connection: QmpConnection;
  #schema: Promise<QmpSchema> | null = null;

  private constructor(connection: QmpConnection) {
    this.#connection = connection;
    this.closed = connection.closed;
  }

  /**
   * Connects to a monitor, and negotiates.
   *
   * @param address Where the monitor is.
   * @param options Deadline (5 s unless told otherwise), signal, what to do while the socket is missing.
   * @returns The client, once `qmp_capabilities` has returned.
   * @throws {MonitorBusyError} When the socket accepts but nothing greets in time: another client has this monitor.
   * @throws {QmpConnectError} When nobody listens there, or the peer ends too early, or does not negotiate in time.
   * @throws {QmpProtocolError} When the peer sends what is no QMP.
   */
  static async connect(address: MonitorAddress, options: ConnectOptions = {}): Promise<QmpClient> {
    const { QmpConnection } = await import("./connection.ts");
    return new QmpClient(await QmpConnection.connect(address, options));
  }

  /**
   * Negotiates over a connection that is already there, such as the stdio of a QEMU that you spawned.
   *
   * @param transport The connection; the client owns it from here on.
   * @param options Deadline (5 s unless told otherwise), signal, logger.
   * @returns The client, once `qmp_capabilities` has returned.
   * @throws As `connect` does.
   */
  static async over(transport: ByteTransport, options: ClientOptions = {}): Promise<QmpClient> {
    const { QmpConnection } = await import("./connection.ts").catch(async (error) => {
      await transport.close();
      throw error;
    });
    return new QmpClient(await QmpConnection.over(transport, options));
  }

  /** What QEMU said when the connection was made: its version and capabilities. */
  get greeting(): Greeting {
    return this.#connection.greeting;
  }

  /** Can commands be sent, as far as is known. */
  get open(): boolean {
    return this.#connection.open;
  }

  /** Why the connection ended, once `closed` has resolved; null after a clean end. */
  get failure(): Error | null {
    return this.#connection.failure;
  }

  /**
   * Runs a command.
   *
   * @param command A QMP command's name.
   * @param args Its arguments, spelled as QAPI spells them; `bigint` where a number would lose digits.
   * @param options Signal, time limit, out of band.
   * @returns What the command returns; commands without a result return `{}`.
   * @throws {QmpCommandError} When QEMU says no.
   * @throws {QmpInterruptedError} When the connection goes first; it says whether the bytes were written.
   * @throws {QmpTimeoutError} When `timeoutMs` passes first.
   * @throws {QmpClosedError} When the connection is over already.
   */
  execute<Name extends string>(
    command: CommandName<QmpCommands, Name>,
    ...rest: CallParameters<QmpCommands, Name, ExecuteOptions>
  ): Promise<CallResult<QmpCommands, Name>> {
    const [args, options = {}] = rest as [args?: object, options?: ExecuteOptions];
    return this.#connection.execute(command as string, args, options) as Promise<
      CallResult<QmpCommands, Name>
    >;
  }

  /**
   * This client with the types of another QEMU: those that `qeeper types` writes for the one that you have. Nothing changes at run time.
   *
   * @typeParam Commands What each command takes and returns, by its name.
   * @typeParam Events What each event carries, by its name.
   * @returns The same client.
   */
  as<Commands = QmpCommands, Events = QmpEvents>(): TypedQmp<Commands, Events> {
    return this as unknown as TypedQmp<Commands, Events>;
  }

  /**
   * What this QEMU understands. It is asked for once a connection; the reply has 200 kB and takes about 50 ms.
   *
   * @returns The schema, to test for commands, events, members and values.
   * @throws As `execute` does.
   */
  schema(): Promise<QmpSchema> {
    if (this.#schema === null) {
      // What reads it is loaded meanwhile: most connections do without.
      const asked = Promise.all([import("./schema.ts"), this.execute("query-qmp-schema")])
        .then(([{ QmpSchema }, entities]) => new QmpSchema(entities));
      this.#schema = asked;
      // What went wrong once need not go wrong again.
      asked.catch(() => this.#schema = null);
    }
    return this.#schema;
  }

  /**
   * The events from this call on, in order. What QEMU sent before the first command, greeting and negotiation
   * included, is not lost: it begins the first stream that is opened before the first command is.
   *
   * @param names Which events; all of them, known or not, when there is no name.
   * @returns A bounded stream (8192 events), to be disposed of; it ends with the connection.
   */
  events(): EventStream<AnyQmpEvent>;
  events<N extends keyof QmpEvents>(...names: N[]): EventStream<QmpEvent<N>>;
  events(...names: string[]): EventStream<AnyQmpEvent>;
  events(...names: string[]): unknown {
    return this.#connection.events(names);
  }

  /**
   * Runs an action and waits for the event that it causes. Only an event that arrives after this call counts, so an
   * older one can't be taken for it; events that QEMU sends twice are told apart by `where`.
   *
   * @param name The event's name.
   * @param action What causes it, usually a command. It starts when the stream is armed.
   * @param options `where`, signal, time limit.
   * @returns The first event that counts, once the action is done as well.
   * @throws What the action throws; {QmpTimeoutError}; {QmpInterruptedError} when the connection ends first.
   */
  expect<N extends keyof QmpEvents>(
    name: N,
    action: () => Promise<unknown>,
    options?: ExpectOptions<QmpEvent<N>>,
  ): Promise<QmpEvent<N>>;
  expect(
    name: string,
    action: () => Promise<unknown>,
    options?: ExpectOptions<AnyQmpEvent>,
  ): Promise<AnyQmpEvent>;
  expect(
    name: string,
    action: () => Promise<unknown>,
    options: ExpectOptions<AnyQmpEvent> = {},
  ): Promise<unknown> {
    return this.#connection.expect(name, action, options);
  }

  /** Closes the connection: pending calls reject, streams end. The monitor is free for its next client. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Closes the connection. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
