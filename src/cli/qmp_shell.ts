import { type ExecuteOptions, type QmpClient, QmpCommandError } from "../qmp/mod.ts";
import { UsageError } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import type { Io } from "./io.ts";
import { readLines } from "./line_reader.ts";
import { parseQmpLine, type QmpLine } from "./qmp_line.ts";
import { formatJson, printable } from "./text.ts";

const PROMPT = "(qmp) ";

const HELP = `query-status                          a command
device_del {"id": "disk1"}            a command with arguments
{"execute": "query-status"}           a whole QMP message
hmp info status                       a line of the human monitor
query-commands                        all commands that this QEMU has
`;

/**
 * The shell: lines in, replies and events out, until stdin or the connection ends.
 *
 * @param client A negotiated monitor.
 * @param limit The time that each command has.
 * @param io Standard streams.
 * @returns The exit code: failed when a command did and nobody was there to see it.
 */
export async function runQmpShell(client: QmpClient, limit: ExecuteOptions, io: Io): Promise<number> {
  const shell = new QmpShell(client, limit, io);
  using events = client.events();
  const watching = shell.printEvents(events);
  const ended = await Promise.race([
    shell.obeyLines().then(() => "input" as const),
    client.closed.then(() => "connection" as const),
  ]);
  if (ended === "input") events[Symbol.dispose]();
  await watching;
  await shell.printed();
  if (client.failure) throw client.failure;
  return shell.failures > 0 && !io.stdin.terminal ? EXIT.failed : EXIT.ok;
}

class QmpShell {
  /** How many commands failed. */
  failures = 0;
  readonly #client: QmpClient;
  readonly #limit: ExecuteOptions;
  readonly #io: Io;
  readonly #indent: number;
  readonly #prompt: string;
  #output: Promise<void> = Promise.resolve();
  #unwritten: { error: unknown } | null = null;

  constructor(client: QmpClient, limit: ExecuteOptions, io: Io) {
    this.#client = client;
    this.#limit = limit;
    this.#io = io;
    this.#indent = io.stdout.terminal ? 2 : 0;
    this.#prompt = io.stdin.terminal && io.stdout.terminal ? PROMPT : "";
  }

  /** Resolves when everything is written; rejects when it could not be. */
  async printed(): Promise<void> {
    await this.#output;
    if (this.#unwritten !== null) throw this.#unwritten.error;
  }

  async printEvents(events: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const event of events) this.#print(`${formatJson(event, this.#indent)}\n`);
    } catch {
      // The connection failed; `failure` says how.
    }
  }

  async obeyLines(): Promise<void> {
    if (this.#prompt !== "") this.#print('Type "help" for help; Ctrl-D ends.\n');
    this.#print(this.#prompt);
    for await (const line of readLines(this.#io.stdin)) {
      const reply = await this.#obey(line);
      // An event that the command caused came before its reply, and is to be printed before it.
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#print(reply + (this.#client.open ? this.#prompt : ""));
      if (!this.#client.open || this.#unwritten) return;
    }
  }

  async #obey(line: string): Promise<string> {
    try {
      return await this.#execute(parseQmpLine(line));
    } catch (error) {
      this.failures++;
      if (error instanceof QmpCommandError) {
        const { class: errorClass, desc } = error;
        return `${formatJson({ error: { class: errorClass, desc } }, this.#indent)}\n`;
      }
      if (error instanceof UsageError || error instanceof TypeError || error instanceof DOMException) {
        return `${formatJson({ error: { class: "Usage", desc: error.message } }, this.#indent)}\n`;
      }
      throw error;
    }
  }

  async #execute(line: QmpLine): Promise<string> {
    switch (line.kind) {
      case "empty":
        return "";
      case "help":
        return HELP;
      case "hmp": {
        const { command } = line;
        return printable(
          await this.#client.execute("human-monitor-command", { "command-line": command }, this.#limit),
        );
      }
      case "command": {
        const options = { ...this.#limit, oob: line.oob };
        const value = await this.#client.execute(line.command, line.args, options);
        return `${formatJson({ return: value }, this.#indent)}\n`;
      }
    }
  }

  #print(text: string): void {
    if (text === "") return;
    this.#output = this.#output.then(() => this.#io.stdout.write(text)).catch((error) => {
      this.#unwritten ??= { error };
    });
  }
}
