import { abortable } from "@std/async/abortable";
import type { SerialConsole } from "../vm/mod.ts";
import { readKeys } from "./escape_keys.ts";
import type { Io } from "./io.ts";

/** How much may wait for a guest that does not read what is typed, in bytes. */
const MAX_TYPED_BYTES = 64 * 1024;

const LINE_FEED = 0x0a;

/** What a bridge tells its owner. */
export interface BridgeListener {
  /** Something that the person at the terminal should know. */
  notice(text: string): void;
  /** Ctrl-A x was pressed. */
  endAsked(): void;
}

/**
 * Shows guests' consoles on stdout, byte for byte, and types stdin into them. Several lives may follow each other: they are shown one
 * after the other, and what is piped in waits for the next one.
 */
export class ConsoleBridge implements Disposable {
  readonly #io: Io;
  readonly #listener: BridgeListener;
  #current: SerialConsole | null = null;
  #attached: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  /** The consoles so far, shown one after another. */
  #shown: Promise<void> = Promise.resolve();
  #stdout: "open" | "broken" = "open";
  /** The guest's last line has no end yet. */
  #midLine = false;
  #input: "unread" | "read" | "ended" = "unread";
  #raw: Disposable | null = null;
  #typed: Promise<void> = Promise.resolve();
  #typedBytes = 0;

  constructor(io: Io, listener: BridgeListener) {
    this.#io = io;
    this.#listener = listener;
  }

  /**
   * Shows a console from here on, and sends stdin to it. From the first one on a terminal is in raw mode.
   *
   * @param console A guest's console; its end is noticed.
   * @param from `start`: also what it has said already, as far as it is kept; `now`: only what comes.
   */
  attach(console: SerialConsole, from: "start" | "now"): void {
    // Both at once: what is not in the one is in the other.
    const stream = console.output();
    const said = from === "start" ? console.transcript : "";
    this.#shown = this.#shown.then(() => this.#show(said, stream));
    this.#current = console;
    this.#attached.resolve();
    this.#attached = Promise.withResolvers<void>();
    void console.closed.then(() => {
      if (this.#current === console) this.#current = null;
    });
    if (this.#input === "unread") this.#readInput();
  }

  /** Waits until the consoles so far have ended and all of it is shown, or until the signal: stdout may be stuck. */
  async drain(signal: AbortSignal): Promise<void> {
    try {
      await abortable(this.#shown, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** What a line on the same terminal has to begin with, so that it does not stand behind the guest's. */
  breakLine(): string {
    const lead = this.#midLine && this.#io.stdout.terminal ? "\n" : "";
    this.#midLine = false;
    return lead;
  }

  /** Restores the terminal. */
  [Symbol.dispose](): void {
    this.#input = "ended";
    this.#current = null;
    this.#raw?.[Symbol.dispose]();
    this.#raw = null;
  }

  async #show(said: string, stream: AsyncIterable<Uint8Array> & { readonly lagged: number }): Promise<void> {
    try {
      if (said !== "") await this.#put(new TextEncoder().encode(said));
      for await (const bytes of stream) await this.#put(bytes);
    } catch (error) {
      this.#listener.notice(`The console can't be read any further: ${error}`);
    }
    if (stream.lagged > 0) {
      this.#listener.notice(
        `stdout was too slow: ${stream.lagged} pieces of the console are missing here; console.log in the run directory has them`,
      );
    }
  }

  async #put(bytes: Uint8Array): Promise<void> {
    if (this.#stdout === "broken") return;
    try {
      await this.#io.stdout.write(bytes);
      this.#midLine = bytes.at(-1) !== LINE_FEED;
    } catch (error) {
      this.#stdout = "broken";
      this.#listener.notice(
        `The console is no longer shown, as stdout can't be written to: ${error}; the guest goes on`,
      );
    }
  }

  #readInput(): void {
    this.#input = "read";
    const { stdin } = this.#io;
    if (stdin.terminal) {
      this.#raw = stdin.raw();
      this.#listener.notice("Ctrl-A x ends the guest, Ctrl-A Ctrl-A sends it a Ctrl-A");
    }
    const reading = stdin.terminal ? this.#readTerminal() : this.#readPipe();
    // Nobody waits for it: a read of stdin can't be given up, and ends with the process. It fails when the terminal is gone.
    void reading.catch(() => {});
  }

  async #readTerminal(): Promise<void> {
    let armed = false;
    for await (const typed of this.#chunks()) {
      const keys = readKeys(armed, typed);
      armed = keys.armed;
      this.#type(keys.send);
      for (let count = 0; count < keys.ends; count++) this.#listener.endAsked();
    }
  }

  /** Never waits for the guest, so that Ctrl-A x works whether the guest reads or not. */
  #type(bytes: Uint8Array): void {
    const console = this.#current;
    if (console === null || bytes.length === 0 || this.#typedBytes + bytes.length > MAX_TYPED_BYTES) return;
    this.#typedBytes += bytes.length;
    this.#typed = this.#typed.then(() => console.write(bytes)).catch(() => {
      // That life has ended.
    }).finally(() => this.#typedBytes -= bytes.length);
  }

  async #readPipe(): Promise<void> {
    for await (const bytes of this.#chunks()) {
      while (this.#current === null && this.#input === "read") await this.#attached.promise;
      try {
        await this.#current?.write(bytes);
      } catch {
        // That life ended while it was being told this; the next one goes on after it.
      }
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(4096);
    while (this.#input === "read") {
      const count = await this.#io.stdin.read(buffer);
      if (count === null || this.#input !== "read") return;
      yield buffer.slice(0, count);
    }
  }
}
