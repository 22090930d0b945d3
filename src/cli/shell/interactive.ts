import { deadline } from "@std/async/deadline";
import type { AnyQmpEvent, QmpClient } from "../../qmp/mod.ts";
import { EXIT } from "../exit_codes.ts";
import type { Io } from "../io.ts";
import { oneLine } from "../text.ts";
import type { EventPump, EventReader } from "./event_pump.ts";
import type { Executor } from "./executor.ts";
import type { Face } from "./faces.ts";
import { HistoryFile, historyPath, isKept } from "./history_file.ts";
import { complete, type Completion } from "./language/completion.ts";
import { LineEditor } from "./line_editor.ts";
import type { Notes } from "./notes.ts";
import type { Palette } from "./palette.ts";
import type { Transcript } from "./transcript.ts";

/** How long TAB may wait for the schema: while it does, no other key is read. */
const COMPLETION_MS = 500;

/** What a shell on a terminal is made with. */
export interface InteractiveOptions {
  readonly executor: Executor;
  readonly pump: EventPump;
  readonly face: Face;
  readonly palette: Palette;
  readonly transcript: Transcript;
  readonly notes: Notes;
  /** Printed first. */
  readonly banner: string;
}

/** What the shell does next. */
type Turn =
  | { readonly kind: "line"; readonly line: string }
  | { readonly kind: "end"; readonly by: "person" | "connection" };

/**
 * A shell for a person at a terminal: a line editor with history and completion; replies and events are printed above the line that is
 * being edited. It ends when the person leaves, or the connection is over.
 *
 * @param client A negotiated monitor.
 * @param options How lines are carried out, and replies are shown.
 * @param io Standard streams.
 * @returns The exit code.
 */
export async function runInteractive(
  client: QmpClient,
  options: InteractiveOptions,
  io: Io,
): Promise<number> {
  await using history = await HistoryFile.open(historyPath((name) => io.environment?.(name)));
  const shell = new InteractiveShell(client, options, history);
  await using editor = await LineEditor.open(io, {
    history: history.lines,
    remembers: isKept,
    complete: (before) => shell.complete(before),
    handlers: shell,
  });
  using _signals = io.onStopSignal(() => shell.stop());
  const watching = options.pump.run(shell.reader(editor));
  const by = await shell.obeyLines(editor);
  if (by === "person") options.pump[Symbol.dispose]();
  await watching;
  if (by === "connection") await shell.sayEnd(editor);
  if (client.failure) throw client.failure;
  return EXIT.ok;
}

class InteractiveShell {
  readonly #client: QmpClient;
  readonly #options: InteractiveOptions;
  readonly #history: HistoryFile;
  #turns: Turn[] = [];
  #came: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  /** Ends the wait for the reply of the command that runs. */
  #running: AbortController | null = null;
  /** The last key that mattered was a Ctrl-C on an empty line, or one that made it empty. */
  #leaving: "no" | "at the next Ctrl-C" = "no";
  #shutdown: AnyQmpEvent | null = null;

  constructor(client: QmpClient, options: InteractiveOptions, history: HistoryFile) {
    this.#client = client;
    this.#options = options;
    this.#history = history;
  }

  line(text: string): void {
    this.#leaving = "no";
    this.#history.add(text);
    this.#take({ kind: "line", line: text });
  }

  interrupted(dropped: string, editor: LineEditor): void {
    const running = this.#running;
    this.#turns = [];
    if (running !== null) {
      running.abort();
    } else if (dropped === "" && this.#options.executor.inTransaction) {
      this.#options.executor.dropTransaction();
      this.#take({ kind: "line", line: "" });
    } else if (dropped === "" && this.#leaving === "at the next Ctrl-C") {
      this.ended();
    } else {
      this.#leaving = "at the next Ctrl-C";
      if (dropped === "") void this.#say(editor, "Ctrl-C once more, or Ctrl-D, leaves; QEMU goes on");
    }
  }

  /** What was typed before is still carried out. */
  ended(): void {
    this.#take({ kind: "end", by: "person" });
  }

  /** Leaves at once. After Ctrl-D, when keys are no longer read, Ctrl-C comes as a signal. */
  stop(): void {
    this.#turns = [];
    this.#running?.abort();
    this.#take({ kind: "end", by: "person" });
  }

  async complete(before: string): Promise<Completion> {
    const schema = await deadline(this.#options.executor.schema(), COMPLETION_MS);
    const { inTransaction } = this.#options.executor;
    return schema === null ? { typed: "", candidates: [] } : complete(before, schema, inTransaction);
  }

  /** Prints events above the line that is being edited. */
  reader(editor: LineEditor): EventReader {
    const { transcript, face } = this.#options;
    return {
      event: (event) => {
        transcript.received(event);
        if (event.event === "SHUTDOWN") this.#shutdown = event;
        return editor.print(face.event(event));
      },
      lagged: (count) => {
        const text = `${count} events were dropped: this terminal is too slow`;
        transcript.note(text);
        return this.#say(editor, text);
      },
    };
  }

  /** Carries out lines until somebody ends it, and says who. */
  async obeyLines(editor: LineEditor): Promise<"person" | "connection"> {
    const { executor, face, notes, banner } = this.#options;
    notes.listen((text) => void this.#say(editor, text));
    void this.#client.closed.then(() => this.#take({ kind: "end", by: "connection" }));
    // Asked for now, so that it is there at the first TAB. Without it there is no completion, and all else works.
    executor.schema().catch(() => {});
    await this.#say(editor, banner);
    if (this.#history.failure) {
      await this.#say(editor, `The history is not kept: ${this.#history.failure.message}`);
    }
    for (;;) {
      editor.prompt(executor.inTransaction ? "(transaction) " : "(qmp) ");
      const turn = await this.#next();
      if (turn.kind === "end") return turn.by;
      editor.prompt("");
      const running = this.#running = new AbortController();
      const outcome = await executor.run(turn.line, running.signal);
      this.#running = null;
      if (outcome.kind === "exit") return "person";
      await editor.print(face.outcome(outcome));
    }
  }

  /** The last words, when there is nobody left to talk to. */
  async sayEnd(editor: LineEditor): Promise<void> {
    // What is being typed is left on its line; a prompt that nobody typed behind is of no use any more.
    if (editor.line === "") editor.prompt("");
    editor.leave();
    const reason = this.#shutdown?.data?.reason;
    const text = this.#shutdown === null
      ? "The connection is over: QEMU ended without a word, or closed this monitor"
      : `QEMU has ended${typeof reason === "string" ? ` (${reason})` : ""}`;
    await this.#say(editor, text);
  }

  #say(editor: LineEditor, text: string): Promise<void> {
    return editor.print(`${this.#options.palette.aside(oneLine(text))}\n`);
  }

  #take(turn: Turn): void {
    this.#turns.push(turn);
    this.#came.resolve();
  }

  async #next(): Promise<Turn> {
    for (;;) {
      const turn = this.#turns.shift();
      if (turn !== undefined) return turn;
      this.#came = Promise.withResolvers<void>();
      await this.#came.promise;
    }
  }
}
