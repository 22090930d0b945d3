import { type ConnectOptions, QmpClient, type UnixAddress } from "../../../src/qmp/mod.ts";

/** A command as it came in. */
export interface FakeCommand {
  execute?: string;
  "exec-oob"?: string;
  arguments?: Record<string, unknown>;
  id: unknown;
}

/** The greeting's `qemu` member since 0.13, and what it was before. */
export const VERSION_NUMBERS = { micro: 50, minor: 13, major: 0 };
export const VERSION_STRING = "0.12.50";

/** An event as QEMU writes it. */
export function eventMessage(event: string, data?: Record<string, unknown>): Record<string, unknown> {
  return { timestamp: { seconds: 1, microseconds: 2 }, event, ...(data ? { data } : {}) };
}

/** A QMP server on a unix socket of its own that does nothing unless it is told to. */
export class FakePeer implements AsyncDisposable {
  readonly address: UnixAddress;
  readonly #dir: string;
  readonly #listener: Deno.UnixListener;
  readonly #monitors: FakeMonitor[] = [];

  private constructor(dir: string) {
    this.#dir = dir;
    this.address = { transport: "unix", path: `${dir}/qmp` };
    this.#listener = Deno.listen(this.address);
  }

  static async listen(): Promise<FakePeer> {
    return new FakePeer(await Deno.makeTempDir({ prefix: "qeeper-peer-" }));
  }

  /** The next client. It is not greeted yet. */
  async accept(): Promise<FakeMonitor> {
    const monitor = new FakeMonitor(await this.#listener.accept());
    this.#monitors.push(monitor);
    return monitor;
  }

  /** A client that has negotiated, and this side of it. */
  async connect(options: ConnectOptions = {}): Promise<{ client: QmpClient; monitor: FakeMonitor }> {
    const [client, monitor] = await Promise.all([
      QmpClient.connect(this.address, options),
      this.accept().then(async (monitor) => {
        await monitor.negotiate();
        return monitor;
      }),
    ]);
    return { client, monitor };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const monitor of this.#monitors) monitor.end();
    this.#listener.close();
    await Deno.remove(this.#dir, { recursive: true });
  }
}

/** The peer's side of one connection. It reads only while `command` or `ended` waits. */
export class FakeMonitor {
  /** Every command that was read, in order. */
  readonly received: FakeCommand[] = [];
  readonly #conn: Deno.Conn;
  readonly #decoder = new TextDecoder();
  readonly #commands: FakeCommand[] = [];
  #text = "";
  #open = true;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Writes a message as QEMU does, text or bytes as they are. */
  async send(message: Record<string, unknown> | string | Uint8Array): Promise<void> {
    const raw = typeof message === "string" || message instanceof Uint8Array;
    const text = raw ? message : `${JSON.stringify(message)}\r\n`;
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Writes a message in as many writes as it has bytes. */
  async sendBytewise(message: Record<string, unknown>): Promise<void> {
    for (const byte of new TextEncoder().encode(`${JSON.stringify(message)}\r\n`)) {
      await this.#conn.write(Uint8Array.of(byte));
    }
  }

  async greet(capabilities: readonly string[] = ["oob"], qemu: unknown = VERSION_NUMBERS): Promise<void> {
    await this.send({ QMP: { version: { qemu, package: "" }, capabilities } });
  }

  /** Greets and lets the client negotiate; answers with its `qmp_capabilities`. */
  async negotiate(capabilities?: readonly string[]): Promise<FakeCommand> {
    await this.greet(capabilities);
    const command = await this.command();
    await this.reply(command);
    return command;
  }

  async reply(command: FakeCommand, value: unknown = {}): Promise<void> {
    await this.send({ return: value, id: command.id });
  }

  async fail(command: FakeCommand, errorClass: string, desc: string): Promise<void> {
    await this.send({ id: command.id, error: { class: errorClass, desc } });
  }

  async event(name: string, data?: Record<string, unknown>): Promise<void> {
    await this.send(eventMessage(name, data));
  }

  /** The next command; rejects when the client has closed. */
  async command(): Promise<FakeCommand> {
    for (;;) {
      const command = this.#commands.shift();
      if (command) return command;
      if (!await this.#read()) throw new Error("Cannot read a command: the client has closed");
    }
  }

  async commands(count: number): Promise<FakeCommand[]> {
    const commands: FakeCommand[] = [];
    while (commands.length < count) commands.push(await this.command());
    return commands;
  }

  /** Waits until the client has closed; what it had still sent is then in `received`. */
  async ended(): Promise<void> {
    while (await this.#read());
  }

  /** Closes this side. */
  end(): void {
    if (this.#open) this.#conn.close();
    this.#open = false;
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(65536);
    const count = await this.#conn.read(buffer).catch((error) => {
      // Closed with something of ours unread, or by this side.
      if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.Interrupted) {
        return null;
      }
      throw error;
    });
    if (count === null) return false;
    this.#text += this.#decoder.decode(buffer.subarray(0, count), { stream: true });
    for (let end = endOfObject(this.#text); end > 0; end = endOfObject(this.#text)) {
      const command: FakeCommand = JSON.parse(this.#text.slice(0, end));
      this.#text = this.#text.slice(end);
      this.received.push(command);
      this.#commands.push(command);
    }
    return true;
  }
}

/** Where the object ends that the text begins with; 0 when it does not yet. Commands come with nothing between them. */
function endOfObject(text: string): number {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|[{}]/g)) {
    if (token === "{") depth++;
    else if (token === "}" && --depth === 0) return index + 1;
  }
  return 0;
}
