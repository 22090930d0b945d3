import { abortable } from "@std/async/abortable";
import type { MonitorAddress } from "./address.ts";
import type { ClientOptions, ConnectOptions, ExecuteOptions, ExpectOptions } from "./client_options.ts";
import { Deadlines } from "./deadlines.ts";
import { dial } from "./dial.ts";
import { encodeCommand } from "./encode.ts";
import { QmpClosedError, QmpInterruptedError, QmpTimeoutError } from "./errors.ts";
import { EventFanout } from "./event_fanout.ts";
import type { EventStream } from "./event_stream.ts";
import { assertTimeout, Limit } from "./limit.ts";
import { silentLogger } from "./logger.ts";
import type { AnyQmpEvent, Greeting } from "./message.ts";
import { negotiate, type Negotiating, negotiationEnd } from "./negotiation.ts";
import { type Call, QmpSession } from "./session.ts";
import type { ByteTransport } from "./transport.ts";
import { UseNotes } from "./use_notes.ts";
import { tapped } from "./wire.ts";

/**
 * A negotiated connection: what a `QmpClient` is the typed face of, which says what each member is for. Apart from it, so that a script that
 * imports the client has not to wait for all that speaks the protocol.
 */
export class QmpConnection {
  readonly closed: Promise<void>;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #session: QmpSession;
  readonly #events = new EventFanout();
  readonly #deadlines = new Deadlines<() => void>((expired) => expired());
  readonly #address: string;
  readonly #greeted: PromiseWithResolvers<Greeting> = Promise.withResolvers<Greeting>();
  readonly #notes: UseNotes | null;
  #greeting: Greeting | null = null;
  #failure: Error | null = null;

  private constructor(transport: ByteTransport, options: ClientOptions) {
    this.#address = transport.address;
    this.closed = this.#closed.promise;
    this.#notes = options.logger === undefined || options.logger === silentLogger
      ? null
      : new UseNotes(options.logger);
    // Whoever waits for the greeting also sees the connection end; nobody else may be listening then.
    this.#greeted.promise.catch(() => {});
    const tapFailed = (error: unknown) =>
      options.logger?.warn("QMP wire tap failed and is not called again", { address: this.#address, error });
    this.#session = new QmpSession(tapped(transport, options.wire, tapFailed), {
      greeting: (greeting) => this.#greeted.resolve(greeting),
      event: (event) => this.#events.deliver(event),
      ended: (error) => this.#ended(error),
    }, {
      logger: options.logger ?? silentLogger,
      maxMessageBytes: options.maxMessageBytes ?? 64 * 1024 * 1024,
    });
  }

  static async connect(address: MonitorAddress, options: ConnectOptions): Promise<QmpConnection> {
    assertTimeout(options.timeoutMs);
    const until = negotiationEnd(options);
    const transport = await dial(address, until, options);
    return await QmpConnection.#start(transport, until, options);
  }

  static over(transport: ByteTransport, options: ClientOptions): Promise<QmpConnection> {
    return QmpConnection.#start(transport, negotiationEnd(options), options);
  }

  static async #start(
    transport: ByteTransport,
    until: number,
    options: ClientOptions,
  ): Promise<QmpConnection> {
    let connection: QmpConnection | null = null;
    try {
      assertTimeout(options.timeoutMs);
      connection = new QmpConnection(transport, options);
      await connection.#negotiate(until, options);
      return connection;
    } catch (error) {
      await (connection ?? transport).close();
      throw error;
    }
  }

  get greeting(): Greeting {
    if (this.#greeting === null) throw new QmpClosedError(this.#address);
    return this.#greeting;
  }

  get open(): boolean {
    return this.#session.open;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  execute(command: string, args: object | undefined, options: ExecuteOptions): Promise<unknown> {
    this.#events.forgetEarly();
    const running = this.#run(command, args, options);
    const notes = this.#notes;
    return notes === null ? running : Promise.all([running, notes.note(command)]).then(([value]) => value);
  }

  events(names: readonly string[]): EventStream<AnyQmpEvent> {
    return this.#events.subscribeFirst(names);
  }

  async expect(
    name: string,
    action: () => Promise<unknown>,
    options: ExpectOptions<AnyQmpEvent>,
  ): Promise<AnyQmpEvent> {
    const { signal, timeoutMs, where = () => true } = options;
    signal?.throwIfAborted();
    assertTimeout(timeoutMs);
    this.#assertOpen();
    this.#events.forgetEarly();
    // What has already arrived but was not read yet is older than the action.
    await this.#session.caughtUp();
    signal?.throwIfAborted();
    this.#assertOpen();

    const command = `expect ${name}`;
    using stream = this.#events.subscribe([name]);
    const missing = new Set(["event", "action"]);
    const late = () => new QmpTimeoutError(command, timeoutMs ?? 0, lateWords(name, timeoutMs ?? 0, missing));
    using limit = new Limit(timeoutMs, late, signal);
    const seen = async (): Promise<AnyQmpEvent> => {
      for (;;) {
        const result = await stream.next().catch(() => null);
        if (result === null || result.done) throw new QmpInterruptedError(command, true, this.#failure);
        if (!where(result.value)) continue;
        missing.delete("event");
        return result.value;
      }
    };
    // An async function, so that an action that throws at once is a rejection like any other.
    const act = async (): Promise<void> => {
      await action();
      missing.delete("action");
    };
    const [event] = await abortable(Promise.all([seen(), act()]), limit.signal);
    return event;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #run(
    command: string,
    args: object | undefined,
    options: ExecuteOptions,
    id?: number,
  ): Promise<unknown> {
    const { signal, timeoutMs } = options;
    signal?.throwIfAborted();
    assertTimeout(timeoutMs);
    this.#assertOpen();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const oob = options.oob ?? false;
    const text = encodeCommand(command, args, oob);
    const call: Call = { command, text, oob, stage: "waiting", heard: "awaited", resolve, reject };
    if (id === undefined) this.#session.submit(call);
    else this.#session.submitAs(id, call);
    if (signal === undefined && timeoutMs === undefined) return promise;

    const aborted = () => {
      this.#session.abandon(call);
      reject(signal?.reason);
    };
    const expired = () => {
      this.#session.abandon(call);
      reject(new QmpTimeoutError(command, timeoutMs ?? 0));
    };
    signal?.addEventListener("abort", aborted, { once: true });
    if (timeoutMs !== undefined) this.#deadlines.set(expired, timeoutMs);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", aborted);
      this.#deadlines.delete(expired);
    }
  }

  async #negotiate(until: number, options: ClientOptions): Promise<void> {
    const connection: Negotiating = {
      address: this.#address,
      greeted: this.#greeted.promise,
      run: (command, args, limits, id) => this.#run(command, args, limits, id),
      failure: () => this.#failure,
    };
    this.#greeting = await negotiate(connection, until, options);
  }

  #assertOpen(): void {
    if (!this.#session.open) throw new QmpClosedError(this.#address, this.#failure);
  }

  #ended(error: Error | null): void {
    this.#failure = error;
    this.#deadlines[Symbol.dispose]();
    this.#events.end(error);
    if (this.#greeting === null) this.#greeted.reject(error ?? new QmpClosedError(this.#address));
    this.#closed.resolve();
  }
}

/** What did not come in time: the event, the end of what was to cause it, or both. */
function lateWords(event: string, timeoutMs: number, missing: ReadonlySet<string>): string {
  if (!missing.has("action")) {
    return `No ${event} event that counts came within ${timeoutMs} ms, though what was to cause it was done: it may have been the case already`;
  }
  const came = missing.has("event") ? `no ${event} event came` : `the ${event} event came`;
  return `What was to cause a ${event} event was not done within ${timeoutMs} ms, and ${came}: ` +
    "where it waits for QEMU, look at its process, or allow more time";
}
