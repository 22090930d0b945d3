import { main } from "../../src/cli/main.ts";
import { bootSector, demoDisk, rom, tinyGuests, uni, unirom } from "../../src/testing/mod.ts";
import { MemoryIo, type Surroundings, type Terminals } from "../unit/cli/_memory_io.ts";

/** How long a command may take to do what a test waits for. */
const LIMIT_MS = 30_000;

/** Guests and their configs in a folder that goes with it. */
export class CliFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<CliFolder> {
    const folder = new CliFolder(await Deno.makeTempDir({ prefix: "qeeper-cli-" }));
    const files: Record<string, Uint8Array> = {
      "unirom.rom": rom(unirom.code),
      "panic.rom": rom(tinyGuests.panic.code),
      "off.rom": rom(tinyGuests.powerOff.code),
      "triple.rom": rom(tinyGuests.tripleFault.code),
      "print.rom": rom(tinyGuests.printAndHalt.code),
      "uni.img": bootSector(uni.code),
      "disk.img": new Uint8Array(1024 * 1024),
      "demo.img": demoDisk(),
    };
    for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(`${folder.path}/${name}`, bytes);
    return folder;
  }

  /** Writes a config, and returns its file. */
  async config(config: object | string): Promise<string> {
    const file = `${this.path}/${crypto.randomUUID().slice(0, 8)}.jsonc`;
    await Deno.writeTextFile(file, typeof config === "string" ? config : JSON.stringify(config));
    return file;
  }

  /** A config that runs one of the ROMs. */
  rom(name: string, more: object = {}): Promise<string> {
    return this.config({
      name: "guest",
      accel: "tcg",
      memoryMiB: 16,
      firmware: { bios: `${name}.rom` },
      ...more,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A command that runs in this process. */
export interface Running {
  readonly io: MemoryIo;
  readonly code: Promise<number>;
  /** Waits until something holds of what it has written; fails when the command ends first. */
  until(holds: (io: MemoryIo) => boolean): Promise<void>;
}

/** Starts the command in this process. */
export function start(
  args: readonly string[],
  terminals: Terminals = {},
  surroundings: Surroundings = {},
): Running {
  const io = new MemoryIo(terminals, surroundings);
  const code = main(args, io);
  return {
    io,
    code,
    async until(holds) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const limit = new Promise<string>((resolve) => {
        timer = setTimeout(() => resolve(`did nothing of it for ${LIMIT_MS} ms`), LIMIT_MS);
      });
      const ended = code.then((code) => `ended with ${code} before that`);
      const why = await Promise.race([io.until(holds), ended, limit]);
      clearTimeout(timer);
      if (why === undefined || holds(io)) return;
      throw new Error(`The command ${why}; stdout:\n${io.out}\nstderr:\n${io.err}`);
    },
  };
}

/** Runs the command in this process to its end. */
export async function qeeper(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { io, code } = start(args);
  return { code: await code, out: io.out, err: io.err };
}

/** The command in a process of its own. */
export function command(args: readonly string[], options: Deno.CommandOptions = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("../../src/cli/main.ts", import.meta.url).pathname, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
  });
}

/** The reports of a run with `--json`. */
export function reportsOf(io: MemoryIo): Record<string, unknown>[] {
  return io.err.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

/** Waits until a process is gone: it has no entry any more, or is a zombie. Ends the wait after 5 s. */
export async function untilGone(pid: number): Promise<boolean> {
  for (const startMs = performance.now(); performance.now() - startMs < 5_000;) {
    try {
      const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
      if (stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z")) return true;
    } catch (error) {
      // ESRCH: it went while its entry was being read.
      if (error instanceof Deno.errors.NotFound || /os error 3\b/.test(String(error))) return true;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}
