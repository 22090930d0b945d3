import type { Io } from "../io.ts";

const TAB = 0x09;

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
      if (state !== "open") return;
      if (count === null) return void input.push(null);
      for (const keys of withTabsApart(buffer.slice(0, count))) input.push(keys);
    }
  };
  void feed();
  return { input, output, close: () => void (state = "closed") };
}

/**
 * What was typed, with each TAB at its end by itself: readline takes a TAB that comes with other keys for pasted text, and over a slow line two
 * of them come together.
 */
function* withTabsApart(typed: Uint8Array): Generator<Uint8Array> {
  const tabs = typed.length - (typed.findLastIndex((byte) => byte !== TAB) + 1);
  if (tabs < typed.length) yield typed.subarray(0, typed.length - tabs);
  for (let count = 0; count < tabs; count++) yield Uint8Array.of(TAB);
}
