import type { UnixAddress } from "../../src/qmp/mod.ts";

/** A command as it came in. */
export interface AgentCommand {
  readonly execute: string;
  readonly arguments?: Record<string, unknown>;
}

/** What the fake does with a command: text is written as it is; null is silence. */
export type Script = (command: AgentCommand, times: number) => string | null;

const PARSE_ERROR = `{"error": {"class": "GenericError", "desc": "JSON parse error, stray '\\uFFFD'"}}\n`;

/** An answer as the agent writes it. */
export function result(value: unknown): string {
  return `${JSON.stringify({ return: value })}\n`;
}

/** An error as the agent writes it. */
export function failure(errorClass: string, desc: string): string {
  return `${JSON.stringify({ error: { class: errorClass, desc } })}\n`;
}

/**
 * An agent on a unix socket that does what a script says. `guest-sync-delimited` is answered as the real one does, an error line about
 * the delimiter first, unless the script answers it.
 */
export class FakeAgent implements AsyncDisposable {
  readonly address: UnixAddress;
  /** The commands that came, those that synchronize left out. */
  readonly commands: AgentCommand[] = [];
  /** How often it was asked to synchronize. */
  syncs = 0;
  readonly #dir: string;
  readonly #listener: Deno.UnixListener;
  readonly #script: Script;
  readonly #connections: Deno.UnixConn[] = [];
  readonly #serving: Promise<void>;

  private constructor(dir: string, script: Script) {
    this.#dir = dir;
    this.#script = script;
    this.address = { transport: "unix", path: `${dir}/agent` };
    this.#listener = Deno.listen(this.address);
    this.#serving = this.#serve();
  }

  static async start(script: Script): Promise<FakeAgent> {
    return new FakeAgent(await Deno.makeTempDir({ prefix: "qeeper-agent-" }), script);
  }

  /** Writes to the client of the hour, unasked. */
  async say(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? encode(text) : text;
    const connection = this.#connections.at(-1);
    for (let at = 0; connection !== undefined && at < bytes.length;) {
      at += await connection.write(bytes.subarray(at));
    }
  }

  /** Ends the connection of the hour. */
  hangUp(): void {
    this.#connections.pop()?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    while (this.#connections.length > 0) this.hangUp();
    await this.#serving;
    await Deno.remove(this.#dir, { recursive: true });
  }

  async #serve(): Promise<void> {
    for (;;) {
      const connection = await this.#listener.accept().catch(() => null); // closed
      if (connection === null) return;
      this.#connections.push(connection);
      await this.#converse(connection);
    }
  }

  async #converse(connection: Deno.UnixConn): Promise<void> {
    const buffer = new Uint8Array(256 * 1024);
    let text = "";
    for (;;) {
      const count = await connection.read(buffer).catch(() => null); // hung up
      if (count === null) return;
      // One character a byte, so that the delimiter is one.
      for (const byte of buffer.subarray(0, count)) text += String.fromCharCode(byte);
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) await this.#obey(line).catch(() => {}); // hung up
    }
  }

  async #obey(line: string): Promise<void> {
    const command = JSON.parse(line.replace(/^.*\xff/, "")) as AgentCommand;
    if (command.execute !== "guest-sync-delimited") {
      this.commands.push(command);
      const times = this.commands.filter(({ execute }) => execute === command.execute).length;
      const answer = this.#script(command, times);
      if (answer !== null) await this.say(answer);
      return;
    }
    this.syncs++;
    const own = this.#script(command, this.syncs);
    if (own === "silent") return;
    await this.say(own ?? PARSE_ERROR);
    await this.say(Uint8Array.of(0xff));
    await this.say(result(command.arguments?.["id"]));
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
