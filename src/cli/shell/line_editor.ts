import { deadline } from "@std/async/deadline";
import type { createInterface as CreateInterface, Interface } from "node:readline";
import type { Io } from "../io.ts";
import { HISTORY_LINES } from "./history_file.ts";
import type { Completion } from "./language/completion.ts";
import { type TerminalStreams, terminalStreams } from "./terminal_streams.ts";

/** How long a process that stops itself is given to stop. */
const SUSPEND_MS = 50;

/** How long a terminal may take to take the last words. */
const FLUSH_MS = 1000;

/** What an editor tells its owner. */
export interface EditorHandlers {
  /** A line is done. */
  line(text: string): void;
  /** Ctrl-C: this was typed, and is dropped. */
  interrupted(dropped: string, editor: LineEditor): void;
  /** Ctrl-D on an empty line, or the terminal is gone. */
  ended(): void;
}

/** What an editor is made with. */
export interface EditorOptions {
  /** Lines to begin with, the newest first. */
  readonly history: readonly string[];
  /** Whether a line may be brought back with Up. */
  remembers(line: string): boolean;
  /** What may stand at the end of this text; it must not take long, since no key is read meanwhile. */
  complete(before: string): Promise<Completion>;
  readonly handlers: EditorHandlers;
}

/** What readline has beside its documented members, in Node and in Deno. */
interface Innards {
  /** The line, and where the cursor is in it. */
  line: string;
  cursor: number;
  /** How many rows below the prompt's first one the cursor is, as of the last drawing. */
  prevRows: number;
  /** Where in the history Up and Down are. */
  historyIndex: number;
}

/**
 * A line of text that is edited on a terminal, with a history and completion, while other text can be printed above it. Keys are
 * `node:readline`'s. From the beginning to the disposal the terminal is in raw mode.
 */
export class LineEditor implements AsyncDisposable {
  readonly #io: Io;
  readonly #readline: Interface & Innards;
  readonly #streams: TerminalStreams;
  readonly #output: TerminalStreams["output"];
  readonly #handlers: EditorHandlers;
  readonly #resizes: Disposable | undefined;
  #suspended: ReturnType<typeof setTimeout> | undefined;
  #state: "open" | "closed" = "open";

  private constructor(
    io: Io,
    streams: TerminalStreams,
    createInterface: typeof CreateInterface,
    options: EditorOptions,
  ) {
    const { input, output } = streams;
    const { handlers } = options;
    this.#io = io;
    this.#streams = streams;
    this.#output = output;
    this.#handlers = handlers;
    const readline = createInterface({
      input,
      output,
      terminal: true,
      prompt: "",
      history: [...options.history],
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      completer: (before: string, done: (error: null, result: [string[], string]) => void) =>
        void options.complete(before).catch(() => ({ typed: "", candidates: [] })).then(
          (found: Completion) => {
            if (this.#state === "open") done(null, [[...found.candidates], found.typed]);
          },
        ),
    }) as Interface & Innards;
    this.#readline = readline;
    // Text that is put in as a whole, by completion, moves the cursor down without readline's counting it.
    input.prependListener("keypress", () => this.#countRows());
    readline.on("history", (lines: string[]) => {
      if (!options.remembers(lines[0] ?? "")) lines.shift();
    });
    readline.on("line", (line) => handlers.line(line));
    readline.on("SIGINT", () => this.#interrupt());
    readline.on("SIGTSTP", () => this.#suspend());
    readline.on("close", () => {
      this.leave();
      handlers.ended();
    });
    output.on("error", () => handlers.ended());
    this.#resizes = io.onResize?.(() => {
      this.#countRows();
      output.emit("resize");
    });
  }

  /**
   * Takes a terminal.
   *
   * @param io Standard streams.
   * @param options History, completion, and who is told what is typed.
   * @returns The editor, to be disposed of.
   */
  static async open(io: Io, options: EditorOptions): Promise<LineEditor> {
    // Here and not above: it takes 20 ms, which only a shell on a terminal has to pay.
    const { createInterface } = await import("node:readline");
    return new LineEditor(io, await terminalStreams(io), createInterface, options);
  }

  /** What has been typed so far. */
  get line(): string {
    return this.#readline.line;
  }

  /** Shows a prompt, and what has been typed behind it. An empty one is shown while nothing is waited for. */
  prompt(prompt: string): void {
    if (this.#state === "closed") return;
    const erasing = this.#erasing();
    if (erasing !== "") this.#output.write(erasing);
    this.#readline.setPrompt(prompt);
    this.#draw();
  }

  /**
   * Prints above the line that is being edited.
   *
   * @param text Whole lines.
   * @returns When they are written.
   */
  print(text: string): Promise<void> {
    if (text === "" || this.#output.destroyed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const erasing = this.#state === "open" ? this.#erasing() : "";
    // A failure comes as an event as well.
    this.#output.write(erasing + text, () => resolve());
    if (this.#state === "open") this.#draw();
    return promise;
  }

  /** Gives the terminal back as it was. What is being edited is left behind on a line of its own; text can be printed still. */
  leave(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#suspended);
    this.#resizes?.[Symbol.dispose]();
    if (this.#shown()) this.#output.write("\r\n");
    this.#readline.close();
    this.#streams.close();
  }

  /** Leaves, and waits until all is written, unless the terminal does not take it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    if (this.#output.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#output.write("", () => resolve());
    await deadline(promise, FLUSH_MS).catch(() => {});
  }

  #shown(): boolean {
    return this.#readline.getPrompt() !== "" || this.#readline.line !== "";
  }

  /** What takes prompt and line off the screen. */
  #erasing(): string {
    if (!this.#shown()) return "";
    const { rows } = this.#readline.getCursorPos();
    return `${rows > 0 ? `\x1b[${rows}A` : ""}\r\x1b[J`;
  }

  #draw(): void {
    this.#readline.prevRows = 0;
    if (this.#shown()) this.#readline.prompt(true);
  }

  #countRows(): void {
    this.#readline.prevRows = this.#readline.getCursorPos().rows;
  }

  #interrupt(): void {
    const dropped = this.#readline.line;
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#output.write("^C\r\n");
    Object.assign(this.#readline, { line: "", cursor: 0, prevRows: 0, historyIndex: -1 });
    this.#draw();
    this.#handlers.interrupted(dropped, this);
  }

  /** Ctrl-Z. A process that nobody could continue is not stopped by it, so the terminal is taken back either way. */
  #suspend(): void {
    if (this.#io.suspend === undefined || this.#suspended !== undefined) return;
    this.#streams.input.setRawMode(false);
    this.#io.suspend();
    this.#suspended = setTimeout(() => {
      this.#suspended = undefined;
      this.#streams.input.setRawMode(true);
      this.#draw();
    }, SUSPEND_MS);
  }
}
