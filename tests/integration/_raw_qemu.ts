import { killIfThere } from "./_kill_if_there.ts";

/** The longest that any of these guests may take, and Linux boots under TCG; QEMU is then killed, which ends every wait. */
const LIMIT_MS = 300_000;

/** On Linux QEMU dies with the test's process, however that one ends. */
const PROGRAM: readonly string[] = Deno.build.os === "linux"
  ? ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"]
  : ["qemu-system-x86_64"];

/** One line of QEMU's own event record, without its time. */
export interface RecordedEvent {
  event: string;
  data?: unknown;
}

/**
 * A QEMU that owes nothing to the library under test: the guest's first serial port is on its standard input
 * and output, and it records its events in a file (a QMP monitor on regular files that nobody connects to).
 */
export class RawQemu implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #dir: string;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stderr: Promise<string>;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #decoder = new TextDecoder();
  #monitor: Deno.UnixConn | null = null;
  /** What came and was not yet expected. */
  #unread = "";
  /** All that came. */
  transcript = "";

  private constructor(child: Deno.ChildProcess, dir: string) {
    this.#child = child;
    this.#dir = dir;
    this.#writer = child.stdin.getWriter();
    this.#reader = child.stdout.getReader();
    this.#stderr = new Response(child.stderr).text();
    this.#timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  }

  /** Starts QEMU with 16 MiB and no devices but those in `args`; `{dir}` in them is a directory of its own. */
  static async start(args: readonly string[], files: Record<string, Uint8Array> = {}): Promise<RawQemu> {
    const dir = await Deno.makeTempDir({ prefix: "qeeper-raw-" });
    // The guest waits (-S) until the record has begun, else a quick one ends before its first event is written.
    await Deno.writeTextFile(`${dir}/record.in`, '{"execute":"qmp_capabilities"}{"execute":"cont"}');
    await Deno.writeTextFile(`${dir}/record.out`, "");
    for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(`${dir}/${name}`, bytes);
    const [program = "", ...prefix] = PROGRAM;
    const child = new Deno.Command(program, {
      args: [
        ...prefix,
        ...["-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none", "-m", "16", "-S"],
        ...["-chardev", `pipe,id=record,path=${dir}/record`, "-mon", "chardev=record,mode=control"],
        ...args.map((arg) => arg.replaceAll("{dir}", dir)),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new RawQemu(child, dir);
  }

  /** Gives a command to the monitor `-monitor unix:{dir}/hmp,server=on,wait=off`. */
  async command(command: string): Promise<void> {
    this.#monitor ??= await Deno.connect({ transport: "unix", path: `${this.#dir}/hmp` });
    await this.#monitor.write(new TextEncoder().encode(`${command}\n`));
  }

  async write(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
  }

  /** Waits until the output holds this; what comes up to its end is taken, the rest stays for the next call. */
  async expect(pattern: string): Promise<void> {
    for (;;) {
      const index = this.#unread.indexOf(pattern);
      if (index !== -1) {
        this.#unread = this.#unread.slice(index + pattern.length);
        return;
      }
      const { value, done } = await this.#reader.read();
      if (done) {
        throw new Error(
          `Cannot find ${JSON.stringify(pattern)}: QEMU ended after ${JSON.stringify(this.transcript)}, ` +
            `stderr ${JSON.stringify(await this.#stderr)}`,
        );
      }
      const text = this.#decoder.decode(value, { stream: true });
      this.#unread += text;
      this.transcript += text;
    }
  }

  /** Waits until QEMU has ended by itself. */
  async end(): Promise<
    { code: number; signal: Deno.Signal | null; events: RecordedEvent[]; stderr: string }
  > {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.transcript += this.#decoder.decode(value, { stream: true });
    }
    const { code, signal } = await this.#child.status;
    return { code, signal, events: await this.events(), stderr: await this.#stderr };
  }

  /** The events recorded so far, without the RESUME of the start. */
  async events(): Promise<RecordedEvent[]> {
    const text = await Deno.readTextFile(`${this.#dir}/record.out`);
    const lines = text.split("\r\n").slice(0, -1); // what has no line end yet is still being written
    return lines.map((line) => JSON.parse(line)).filter((message) => "event" in message).map(
      ({ event, data }) => data === undefined ? { event } : { event, data },
    ).slice(1);
  }

  /** Waits until QEMU has recorded this event. */
  async event(name: string): Promise<RecordedEvent> {
    using watcher = Deno.watchFs(`${this.#dir}/record.out`);
    const find = async () => (await this.events()).find(({ event }) => event === name);
    const before = await find();
    if (before !== undefined) return before;
    for await (const _change of watcher) {
      const found = await find();
      if (found !== undefined) return found;
    }
    throw new Error(`Cannot wait for ${name}: the record is no longer watched`);
  }

  /** What QEMU was asked to write into its directory. */
  file(name: string): Promise<Uint8Array> {
    return Deno.readFile(`${this.#dir}/${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    killIfThere(this.#child, "SIGKILL");
    this.#monitor?.close();
    await this.#reader.cancel();
    await this.#writer.close().catch(() => {}); // the pipe broke with QEMU
    await this.#stderr;
    await this.#child.status;
    await Deno.remove(this.#dir, { recursive: true });
  }
}
