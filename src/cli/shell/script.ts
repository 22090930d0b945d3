import { abortable } from "@std/async/abortable";
import { deadline } from "@std/async/deadline";
import type { AnyQmpEvent, QmpClient } from "../../qmp/mod.ts";
import { EXIT } from "../exit_codes.ts";
import type { Io } from "../io.ts";
import { readLines } from "../line_reader.ts";
import type { EventPump, EventReader } from "./event_pump.ts";
import type { Executor } from "./executor.ts";
import type { Face } from "./faces.ts";
import type { Transcript } from "./transcript.ts";

/** How long QEMU may take to end after it said that it would. */
const QUIT_MS = 5000;

/** What a shell without a line editor is made with. */
export interface ScriptOptions {
  readonly executor: Executor;
  readonly pump: EventPump;
  readonly face: Face;
  readonly transcript: Transcript;
  /** Shown before each line; empty for none. */
  readonly prompt: string;
}

/**
 * A shell whose lines come from a pipe or a file, or from a terminal that can't move its cursor. It ends with them, or with the connection.
 *
 * @param client A negotiated monitor.
 * @param options How lines are carried out, and replies are shown.
 * @param io Standard streams.
 * @returns The exit code: failed when a line did and nobody was there to see it.
 */
export async function runScript(client: QmpClient, options: ScriptOptions, io: Io): Promise<number> {
  const script = new Script(client, options, io);
  const { pump } = options;
  const watching = pump.run(script);
  try {
    await script.obeyLines();
  } finally {
    if (client.open) pump[Symbol.dispose]();
    await watching;
  }
  await script.printed();
  if (client.failure) throw client.failure;
  return script.failures > 0 && !io.stdin.terminal ? EXIT.failed : EXIT.ok;
}

class Script implements EventReader {
  /** How many lines failed. */
  failures = 0;
  readonly #client: QmpClient;
  readonly #options: ScriptOptions;
  readonly #io: Io;
  #output: Promise<void> = Promise.resolve();
  #unwritten: { error: unknown } | null = null;

  constructor(client: QmpClient, options: ScriptOptions, io: Io) {
    this.#client = client;
    this.#options = options;
    this.#io = io;
  }

  /** Resolves when everything is written; rejects when it could not be. */
  async printed(): Promise<void> {
    await this.#output;
    if (this.#unwritten !== null) throw this.#unwritten.error;
  }

  async event(event: AnyQmpEvent): Promise<void> {
    this.#options.transcript.received(event);
    await this.#print(this.#options.face.event(event));
  }

  async lagged(count: number): Promise<void> {
    const text = `${count} events were dropped: this reader is too slow`;
    this.#options.transcript.note(text);
    await this.#io.stderr.write(`qeeper: ${text}\n`);
  }

  async obeyLines(): Promise<void> {
    const { executor, face, prompt } = this.#options;
    const ended = new AbortController();
    void this.#client.closed.then(turnOfTimers).then(() => ended.abort());
    const lines = readLines(this.#io.stdin);
    void this.#print(prompt);
    for (;;) {
      const next = await nextLine(lines, ended.signal);
      if (next === null || next.done) break;
      const outcome = await executor.run(next.value);
      if (outcome.kind === "exit") break;
      if (outcome.kind === "failed") this.failures++;
      await this.#print(face.outcome(outcome) + (this.#client.open ? prompt : ""));
      if (this.#unwritten !== null) break;
      if (isQuit(next.value) && outcome.kind === "returned") {
        await deadline(this.#client.closed, QUIT_MS).catch(() => {});
      }
    }
    if (!executor.inTransaction) return;
    this.failures++;
    await this.#print(face.outcome({
      kind: "failed",
      class: "Usage",
      desc: "Expected ) before the end of the input: the transaction was not sent",
      hint: "",
      echo: {},
    }));
  }

  #print(text: string): Promise<void> {
    if (text === "") return this.#output;
    return this.#output = this.#output.then(() => this.#io.stdout.write(text)).catch((error) => {
      this.#unwritten ??= { error };
    });
  }
}

/** After `quit` returns, QEMU ends: what is behind it is not for it any more. */
function isQuit(line: string): boolean {
  return /^\s*(?:quit\b|\{.*"execute"\s*:\s*"quit")/.test(line);
}

/** A line that has come already counts even if the connection is over; no other one is waited for then. */
async function nextLine(
  lines: AsyncGenerator<string>,
  ended: AbortSignal,
): Promise<IteratorResult<string> | null> {
  const next = lines.next();
  if (ended.aborted) {
    const turn = turnOfTimers();
    const first = await Promise.race([next, turn]);
    await turn;
    return first;
  }
  try {
    return await abortable(next, ended);
  } catch (error) {
    if (ended.aborted) return null;
    throw error;
  }
}

function turnOfTimers(): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), 0));
}
