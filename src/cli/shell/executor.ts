import { abortable } from "@std/async/abortable";
import { type ExecuteOptions, type QmpClient, QmpCommandError, QmpError } from "../../qmp/mod.ts";
import type { Outcome } from "./faces.ts";
import { needTypes, readArguments, type Typing } from "./language/arguments.ts";
import { explain, KEYS_HELP, SHELL_HELP } from "./language/help_text.ts";
import { type Action, type Arguments, readLine } from "./language/line.ts";
import { LineFault } from "./language/line_fault.ts";
import { LiveSchema } from "./language/live_schema.ts";
import { returnsSecret } from "./language/secrets.ts";
import { suggest } from "./language/suggest.ts";
import type { Word } from "./language/tokens.ts";
import type { Transcript } from "./transcript.ts";

/** What an executor is made with. */
export interface ExecutorOptions {
  /** The time that each command has. */
  readonly limit: ExecuteOptions;
  /** Told what is sent and received. */
  readonly transcript: Transcript;
  /** Waits until the events that came before a reply are told. */
  readonly caughtUp: () => Promise<void>;
  /** Who reads the replies: a person is also told what was probably meant, and which keys there are. */
  readonly reader: "person" | "program";
}

/** Carries out the lines of a shell on a monitor, one at a time. */
export class Executor {
  readonly #client: QmpClient;
  readonly #options: ExecutorOptions;
  #schema: Promise<LiveSchema | null> | null = null;
  #transaction: Action[] | null = null;

  constructor(client: QmpClient, options: ExecutorOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** A transaction has been begun, and the lines are its actions. */
  get inTransaction(): boolean {
    return this.#transaction !== null;
  }

  /** Forgets a transaction that has been begun. */
  dropTransaction(): void {
    this.#transaction = null;
  }

  /** What this QEMU understands, asked for once; null where it does not say. */
  schema(): Promise<LiveSchema | null> {
    this.#schema ??= this.#client.schema().then(({ raw }) => new LiveSchema(raw), (error) => {
      // A QEMU before 2.5, or one whose policy hides the command.
      if (error instanceof QmpCommandError) return null;
      this.#schema = null;
      throw error;
    });
    return this.#schema;
  }

  /**
   * Carries out a line. What goes wrong is an outcome.
   *
   * @param line The line.
   * @param signal Stops waiting; QEMU may still do what was asked.
   * @returns What came of it.
   */
  async run(line: string, signal?: AbortSignal): Promise<Outcome> {
    try {
      return await this.#obey(line, signal);
    } catch (error) {
      if (error instanceof LineFault) return failed("Usage", `Column ${error.at + 1}: ${error.message}`);
      return outcomeOf(error, signal);
    }
  }

  /**
   * Runs a command whose arguments are `key=value` words or a JSON object.
   *
   * @param command The command.
   * @param args Its arguments.
   * @param oob Whether to send it out of band. Default: in band.
   * @returns What it returns.
   * @throws {LineFault} When the words can't be understood; and as `execute` of the client does.
   */
  async command(command: string, args: Arguments, oob: boolean = false): Promise<unknown> {
    const value = await this.#arguments(args, (schema) => schema.command(command)?.argType);
    return await this.#execute(command, value, { oob });
  }

  async #obey(text: string, signal: AbortSignal | undefined): Promise<Outcome> {
    const line = readLine(text, this.inTransaction);
    switch (line.kind) {
      case "empty":
        return { kind: "nothing" };
      case "exit":
        return { kind: "exit" };
      case "help":
        return { kind: "text", text: await this.#help(line.words, signal) };
      case "hmp": {
        const said = await this.#execute("human-monitor-command", { "command-line": line.command }, {
          signal,
        });
        return { kind: "text", text: String(said) };
      }
      case "message":
        return await this.#reply(line.command, line.args, { signal, oob: line.oob }, line.echo);
      case "command": {
        const typeOf = (schema: LiveSchema) => schema.command(line.command)?.argType;
        return await this.#reply(line.command, await this.#arguments(line.args, typeOf, signal), { signal });
      }
      case "transaction":
        return await this.#act(line.action, line.closes, signal);
    }
  }

  /** A transaction is sent when it is closed, all of its actions at once. */
  async #act(action: Action | null, closes: boolean, signal: AbortSignal | undefined): Promise<Outcome> {
    const actions = [...this.#transaction ?? [], ...action === null ? [] : [action]];
    this.#transaction = closes ? null : actions;
    if (!closes) return { kind: "nothing" };
    const sent = [];
    for (const { type, args } of actions) {
      sent.push({ type, data: await this.#arguments(args, (schema) => dataType(schema, type), signal) });
    }
    return await this.#reply("transaction", { actions: sent }, { signal });
  }

  async #arguments(
    args: Arguments,
    typeOf: (schema: LiveSchema) => string | undefined,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    if (args.kind === "json") return args.value;
    const typing = needTypes(args.words) ? await this.#typing(typeOf, signal) : null;
    return readArguments(args.words, typing);
  }

  async #typing(
    typeOf: (schema: LiveSchema) => string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Typing | null> {
    const schema = await this.#awaited(this.schema(), signal);
    const type = schema === null ? undefined : typeOf(schema);
    return schema === null || type === undefined ? null : { schema, type };
  }

  async #reply(
    command: string,
    args: Record<string, unknown>,
    options: Sending,
    echo: object = {},
  ): Promise<Outcome> {
    try {
      return { kind: "returned", value: await this.#execute(command, args, options), echo };
    } catch (error) {
      if (!(error instanceof QmpCommandError)) return { ...outcomeOf(error, options.signal), echo };
      const { class: errorClass, desc } = error;
      const refused = { command, args, class: errorClass, desc };
      const schema = this.#options.reader === "person" ? await this.#schema?.catch(() => null) : null;
      return { kind: "failed", class: errorClass, desc, hint: schema ? suggest(refused, schema) : "", echo };
    }
  }

  async #execute(
    command: string,
    args: Record<string, unknown>,
    { signal, oob = false }: Sending,
  ): Promise<unknown> {
    const { transcript, limit, caughtUp } = this.#options;
    const given = Object.keys(args).length > 0 ? { arguments: args } : {};
    transcript.sent({ [oob ? "exec-oob" : "execute"]: command, ...given });
    try {
      const options = { ...limit, oob, ...signal === undefined ? {} : { signal } };
      const value = await this.#client.execute(command, args, options);
      await caughtUp();
      transcript.received({ return: returnsSecret(command, args) ? "<hidden>" : value });
      return value;
    } catch (error) {
      await caughtUp();
      if (error instanceof QmpCommandError) {
        transcript.received({ error: { class: error.class, desc: error.desc } });
      } else {
        transcript.note(error instanceof Error ? error.message : String(error));
      }
      throw error;
    }
  }

  async #help(words: readonly Word[], signal: AbortSignal | undefined): Promise<string> {
    if (words.length === 0) return SHELL_HELP + (this.#options.reader === "person" ? KEYS_HELP : "");
    const schema = await this.#awaited(this.schema(), signal);
    return schema === null
      ? "This QEMU does not tell what it understands (query-qmp-schema)\n"
      : explain(words, schema);
  }

  #awaited<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return signal === undefined ? promise : abortable(promise, signal);
  }
}

interface Sending {
  readonly signal?: AbortSignal | undefined;
  readonly oob?: boolean;
}

type Failed = Extract<Outcome, { kind: "failed" }>;

function dataType(schema: LiveSchema, action: string): string | undefined {
  const actions = schema.at(schema.command("transaction")?.argType ?? "", ["actions", 0], {});
  return actions === undefined ? undefined : schema.at(actions, ["data"], { type: action });
}

/** What the shell goes on after; anything else is a defect and is thrown. */
function outcomeOf(error: unknown, signal: AbortSignal | undefined): Failed {
  if (signal?.aborted && error === signal.reason) {
    return failed("Interrupted", "No longer waited for; QEMU may still do it");
  }
  if (error instanceof QmpCommandError) return failed(error.class, error.desc);
  if (error instanceof QmpError) {
    return failed(error.kind === "timeout" ? "Timeout" : "Closed", error.message);
  }
  // What can't be sent as JSON.
  if (error instanceof TypeError) return failed("Usage", error.message);
  throw error;
}

function failed(errorClass: string, desc: string): Failed {
  return { kind: "failed", class: errorClass, desc, hint: "", echo: {} };
}
