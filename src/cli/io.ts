/** Where the command reads from. */
export interface Input {
  /** A person types there. */
  readonly terminal: boolean;
  /** Fills the buffer; the number of bytes, or null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Has every key come at once, Ctrl-C included, and unseen. Disposing it restores the terminal. */
  raw(): Disposable;
}

/** Where the command writes to. */
export interface Output {
  /** A person reads there. */
  readonly terminal: boolean;
  /** Writes all of it. */
  write(data: string | Uint8Array): Promise<void>;
  /** How many columns a terminal has now; undefined where it does not say. */
  columns?(): number | undefined;
}

/** All that the command has to do with its surroundings, so that tests can take their place. */
export interface Io {
  /** What a guest's console or the QMP shell reads. */
  readonly stdin: Input;
  /** Results, and a guest's console. */
  readonly stdout: Output;
  /** Reports and errors. */
  readonly stderr: Output;
  /** Calls a handler for each SIGINT, SIGTERM and SIGHUP, until it is disposed of; then signals have their usual effect. */
  onStopSignal(handler: (signal: string) => void): Disposable;
  /** Calls a handler whenever the terminal gets another size, until it is disposed of. */
  onResize?(handler: () => void): Disposable;
  /** Stops this process until somebody continues it, as Ctrl-Z does. */
  suspend?(): void;
  /** An environment variable; undefined where it is not set, or may not be read. */
  environment?(name: string): string | undefined;
}

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * The surroundings of this process.
 *
 * @returns Its standard streams and signals.
 */
export function processIo(): Io {
  return {
    stdin: {
      terminal: Deno.stdin.isTerminal(),
      read: (buffer) => Deno.stdin.read(buffer),
      raw() {
        Deno.stdin.setRaw(true);
        return { [Symbol.dispose]: () => Deno.stdin.setRaw(false) };
      },
    },
    stdout: output(Deno.stdout),
    stderr: output(Deno.stderr),
    onStopSignal(handler) {
      const listeners = STOP_SIGNALS.map((signal) => ({ signal, listener: () => handler(signal) }));
      for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
      return {
        [Symbol.dispose]() {
          for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
        },
      };
    },
    onResize(handler) {
      Deno.addSignalListener("SIGWINCH", handler);
      return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGWINCH", handler) };
    },
    suspend: () => Deno.kill(Deno.pid, "SIGTSTP"),
    environment(name) {
      // Nobody is to be asked for a permission because of a colour.
      const { state } = Deno.permissions.querySync({ name: "env", variable: name });
      return state === "granted" ? Deno.env.get(name) : undefined;
    },
  };
}

function output(stream: typeof Deno.stdout): Output {
  return {
    terminal: stream.isTerminal(),
    async write(data) {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      for (let done = 0; done < bytes.length;) done += await stream.write(bytes.subarray(done));
    },
    columns() {
      try {
        return Deno.consoleSize().columns;
      } catch {
        return undefined;
      }
    },
  };
}
