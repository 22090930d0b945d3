import { assert } from "@std/assert";
import type { AnyQmpEvent } from "../../src/qmp/mod.ts";
import { adopt, type AdoptedVm, type AdoptOptions, type AdoptRun } from "../../src/vm/adopt.ts";
import { readRecording } from "../../src/vm/recorder.ts";
import type { VmConfig } from "../../mod.ts";
import { isAlive, processState, soon, untilState } from "./_vm_host.ts";

const SCRIPT = new URL("_orphan_script.ts", import.meta.url).pathname;
const LIMIT_MS = 30_000;

/** How the guest is launched. */
export interface OrphanOptions {
  /** What it says on its console when it is ready; null for one that says nothing. Default: what the guest that obeys says. */
  ready?: string | null;
}

/** A guest whose supervisor was killed with SIGKILL: nobody is connected to it. Disposing it ends it. */
export class Orphan implements AsyncDisposable {
  readonly run: AdoptRun;
  readonly #folder: string;
  #typist: Deno.UnixConn | null = null;

  private constructor(run: AdoptRun, folder: string) {
    this.run = run;
    this.#folder = folder;
  }

  static async make(config: VmConfig, { ready = "READY\n" }: OrphanOptions = {}): Promise<Orphan> {
    const folder = await Deno.makeTempDir({ prefix: "qeeper-o-" });
    const supervisor = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        SCRIPT,
        JSON.stringify(config),
        folder,
        ...ready === null ? [] : [ready],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = supervisor.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.includes("\n")) {
      const { value, done } = await soon(reader.read());
      assert(!done, `the supervisor ended: ${said}`);
      said += value;
    }
    supervisor.kill("SIGKILL");
    while (!(await reader.read()).done);
    await supervisor.status;
    return new Orphan(JSON.parse(said), folder);
  }

  get pid(): number {
    assert(this.run.pid !== null);
    return this.run.pid;
  }

  /** Adopts it. */
  adopt(options: AdoptOptions = {}): Promise<AdoptedVm> {
    return adopt(this.run, options);
  }

  /** Types into its console, and stays connected: who goes too soon takes his words with him. */
  async type(text: string): Promise<void> {
    this.#typist ??= await Deno.connect({ transport: "unix", path: `${this.run.runDir}/console` });
    await this.#typist.write(new TextEncoder().encode(text));
  }

  /** Makes room for the console's next client. */
  hangUp(): void {
    this.#typist?.close();
    this.#typist = null;
  }

  /** Waits until the guest has said something, so many times in all. */
  async untilSaid(text: string, times = 1): Promise<void> {
    await until(async () => {
      const log = await Deno.readTextFile(`${this.run.runDir}/console.log`);
      return log.split(text).length > times ? log : null;
    });
  }

  /** Waits until it has recorded an event, after so many others. */
  untilRecorded(name: string, after = 0): Promise<readonly AnyQmpEvent[]> {
    return until(async () => {
      const events = await readRecording(this.run.runDir);
      return events.slice(after).some(({ event }) => event === name) ? events : null;
    });
  }

  /** Waits until its process has ended. */
  async gone(): Promise<void> {
    await untilState(this.pid, ["gone", "Z"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    if (await isAlive(this.pid)) Deno.kill(this.pid, "SIGKILL");
    await this.gone();
    await Deno.remove(this.#folder, { recursive: true });
    assert(["gone", "Z"].includes(await processState(this.pid)));
  }
}

/** Nothing tells of what is waited for here, so it is looked again and again. */
async function until<T>(look: () => Promise<T | null>): Promise<T> {
  const untilMs = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    assert(performance.now() < untilMs, "it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
