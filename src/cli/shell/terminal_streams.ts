import type { Io } from "../io.ts";

/** A terminal as `node:readline` wants it. */
export interface TerminalStreams {
  readonly input: NodeJS.ReadableStream & { setRawMode(on: boolean): void };
  readonly output: NodeJS.WritableStream & { readonly destroyed: boolean };
  /** Reads no more. A read can't be given up: the last one ends with the process. */
  close(): void;
}

/**
 * Makes Node's streams of the command's own.
 *
 * @param io Standard streams.
 * @returns The streams; reading begins at once.
 */
export async function terminalStreams(io: Io): Promise<TerminalStreams> {
  const { Readable, Writable } = await import("node:stream");
  let state: "open" | "closed" = "open";
  let raw: Disposable | null = null;
  const input = Object.assign(new Readable({ read() {} }), {
    isTTY: true,
    setRawMode(on: boolean): void {
      if (on) {
        raw ??= io.stdin.raw();
        return;
      }
      raw?.[Symbol.dispose]();
      raw = null;
    },
  });
  const output = new Writable({
    write: (chunk, _encoding, done) => void io.stdout.write(chunk).then(() => done(), done),
  });
  Object.defineProperty(output, "columns", { get: () => io.stdout.columns?.() });

  const feed = async (): Promise<void> => {
    const buffer = new Uint8Array(4096);
    while (state === "open") {
      // A terminal that is gone is at its end.
      const count = await io.stdin.read(buffer).catch(() => null);
      if (state === "open") input.push(count === null ? null : buffer.slice(0, count));
      if (count === null) return;
    }
  };
  void feed();
  return { input, output, close: () => void (state = "closed") };
}
