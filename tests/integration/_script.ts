// A script that launches VMs, as a process of its own, and what becomes of them.
import { assert } from "@std/assert";
import { killIfThere } from "./_kill_if_there.ts";
import { isAlive, soon, untilState, type VmHost } from "./_vm_host.ts";

/** A VM as a script tells of it. */
export interface Launched {
  pid: number;
  runDir: string;
}

/** A script of its own, with the permissions that it is given. */
export class Script implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;
  #unread = "";

  /** `path`: where it finds programs before anywhere else. */
  constructor(
    host: VmHost,
    how: string,
    more: { count?: number; runDir?: string; flags?: string[]; path?: string } = {},
  ) {
    const { count = 1, runDir, flags = ["-A"], path = "" } = more;
    const script = new URL("_ending_script.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--no-check", ...flags, script],
        ...[how, String(count), host.rom, ...(runDir === undefined ? [] : [runDir])],
      ],
      env: { NO_COLOR: "1", PATH: `${path}:${Deno.env.get("PATH")}` },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** The next thing that it says. */
  async said(): Promise<unknown> {
    while (!this.#unread.includes("\n")) {
      const { value, done } = await soon(this.#output.read());
      if (done) throw new Error(`The script ended too early: ${await soon(this.#stderr)}`);
      this.#unread += value;
    }
    const [line = "", ...rest] = this.#unread.split("\n");
    this.#unread = rest.join("\n");
    return JSON.parse(line);
  }

  /** What it launched, once it has, and that runs. */
  async launched(): Promise<Launched[]> {
    const launched = await this.said() as Launched[];
    for (const { pid } of launched) assert(await isAlive(pid));
    return launched;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  killIfThere(signal: Deno.Signal): void {
    killIfThere(this.#child, signal);
  }

  /** How it ended. */
  async end(): Promise<{ code: number; signal: string | null; stderr: string }> {
    const { code, signal } = await soon(this.#child.status);
    return { code, signal, stderr: await soon(this.#stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfThere(this.#child, "SIGKILL");
    await soon(this.#child.status);
    await soon(this.#output.cancel());
    await soon(this.#stderr);
  }
}

/** Waits until all of these are gone, or zombies: signal 0 reaches those as well, so `/proc` is asked. */
export async function untilDead(launched: readonly Launched[]): Promise<void> {
  for (const { pid } of launched) await untilState(pid, ["gone", "Z"]);
}

/** Flags for no more than what the README says is needed. */
export function leastFlags(dir: string): string[] {
  return ["--allow-run=qemu-system-x86_64", `--allow-read=${dir}`, `--allow-write=${dir}`, "--allow-net"];
}
