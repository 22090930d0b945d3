import type { Input, Io, Output } from "../../../src/cli/io.ts";

/** Which of the streams are terminals. */
export interface Terminals {
  stdin?: boolean;
  stdout?: boolean;
  stderr?: boolean;
}

/** What else there is around the command. */
export interface Surroundings {
  /** How wide the terminal is. */
  columns?: number;
  environment?: Readonly<Record<string, string>>;
}

/** Surroundings in memory: what is typed and what is read are plain values. */
export class MemoryIo implements Io {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** How many times the terminal is in raw mode. */
  rawDepth = 0;
  readonly #typed: (Uint8Array | null)[] = [];
  readonly #handlers = new Set<(signal: string) => void>();
  readonly #resizeHandlers = new Set<() => void>();
  readonly #surroundings: Surroundings;
  readonly #written = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  #readable: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #changed: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  constructor(terminals: Terminals = {}, surroundings: Surroundings = {}) {
    this.#surroundings = { ...surroundings };
    this.stdin = {
      terminal: terminals.stdin ?? false,
      read: (buffer) => this.#read(buffer),
      raw: () => {
        this.rawDepth++;
        this.#change();
        return { [Symbol.dispose]: () => void this.rawDepth-- };
      },
    };
    this.stdout = this.#output("stdout", terminals.stdout ?? false);
    this.stderr = this.#output("stderr", terminals.stderr ?? false);
  }

  /** What stands on stdout so far. */
  get out(): string {
    return textOf(this.#written.stdout);
  }

  /** What stands on stderr so far. */
  get err(): string {
    return textOf(this.#written.stderr);
  }

  /** How many handlers wait for signals, or for another size. */
  get listeners(): number {
    return this.#handlers.size + this.#resizeHandlers.size;
  }

  /** Types something. */
  type(data: string | Uint8Array): void {
    this.#typed.push(typeof data === "string" ? new TextEncoder().encode(data) : data);
    this.#readable.resolve();
  }

  /** Ends stdin. */
  endInput(): void {
    this.#typed.push(null);
    this.#readable.resolve();
  }

  /** Sends a signal. */
  signal(name: string): void {
    for (const handler of this.#handlers) handler(name);
  }

  /** Gives the terminal another width. */
  resize(columns: number): void {
    this.#surroundings.columns = columns;
    for (const handler of this.#resizeHandlers) handler();
  }

  /** Waits until something holds of what has been written. */
  async until(holds: (io: MemoryIo) => boolean): Promise<void> {
    while (!holds(this)) await this.#changed.promise;
  }

  onStopSignal(handler: (signal: string) => void): Disposable {
    this.#handlers.add(handler);
    this.#change();
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  onResize(handler: () => void): Disposable {
    this.#resizeHandlers.add(handler);
    return { [Symbol.dispose]: () => void this.#resizeHandlers.delete(handler) };
  }

  environment(name: string): string | undefined {
    return this.#surroundings.environment?.[name];
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    while (this.#typed.length === 0) {
      await this.#readable.promise;
      this.#readable = Promise.withResolvers<void>();
    }
    const first = this.#typed[0];
    if (first === null || first === undefined) return null;
    const part = first.subarray(0, buffer.length);
    buffer.set(part);
    if (part.length === first.length) this.#typed.shift();
    else this.#typed[0] = first.subarray(part.length);
    return part.length;
  }

  #output(name: "stdout" | "stderr", terminal: boolean): Output {
    return {
      terminal,
      columns: () => this.#surroundings.columns,
      write: (data) => {
        this.#written[name].push(typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
        this.#change();
        return Promise.resolve();
      },
    };
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

function textOf(parts: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
}
