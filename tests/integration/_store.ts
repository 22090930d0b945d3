import { type JournalEntry, type JournalLine, readJournal } from "../../src/supervisor/store/mod.ts";

/** A state directory that goes with the test. */
export class StateDir implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<StateDir> {
    return new StateDir(await Deno.makeTempDir({ prefix: "qeeper-state-" }));
  }

  /** What is in it, or in a folder of it, sorted. */
  async files(folder: string = "."): Promise<string[]> {
    const entries = await Array.fromAsync(Deno.readDir(`${this.path}/${folder}`));
    return entries.map(({ name }) => name).sort();
  }

  read(file: string): Promise<string> {
    return Deno.readTextFile(`${this.path}/${file}`);
  }

  write(file: string, text: string): Promise<void> {
    return Deno.writeTextFile(`${this.path}/${file}`, text);
  }

  /** All that its journal says. */
  journal(): Promise<JournalLine[]> {
    return Array.fromAsync(readJournal(this.path));
  }

  /** The numbers of its journal's entries, in order; `gap 2-4` for a gap. */
  async numbers(): Promise<(number | string)[]> {
    return (await this.journal()).map((line) =>
      "gap" in line ? `gap ${line.gap.firstSeq}-${line.gap.lastSeq}` : line.seq
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** An entry of the journal. */
export function entry(seq: number, more: Partial<JournalEntry> = {}): JournalEntry {
  return {
    seq,
    at: "2026-01-02T03:04:05.006Z",
    vm: "web",
    run: "5f0c",
    report: { at: "2026-01-02T03:04:05.006Z", vm: "web", kind: "wait-over", actions: [] },
    ...more,
  };
}

/** A process of `_store_script.ts`, which is killed at the latest with the test. */
export class StoreScript implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(...args: readonly string[]) {
    const script = new URL("_store_script.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", script, ...args],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = linesOf(this.#child.stdout);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line that it says; null when it has ended. */
  async line(): Promise<string | null> {
    const { done, value } = await this.#lines.next();
    return done ? null : value;
  }

  /** Kills it, and gives the rest of what it had said. */
  async kill(): Promise<string[]> {
    this.#child.kill("SIGKILL");
    return await this.rest();
  }

  /** Waits for its end: what else it says. */
  async rest(): Promise<string[]> {
    const rest: string[] = [];
    for (let line = await this.line(); line !== null; line = await this.line()) rest.push(line);
    return rest;
  }

  /** How it ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.rest();
    await this.#child.status;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
