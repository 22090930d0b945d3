import { run } from "../../tools/setup/run.ts";
import type { Baselines } from "./build.ts";
import type { Contestant } from "./race.ts";

/** What each row group gets: how often to measure, and beside what. */
export interface Bench {
  readonly rounds: number;
  readonly baselines: Baselines;
}

/**
 * A contestant that is the C client, run once a round.
 *
 * @param bench Where the client is.
 * @param name How the contestant is called.
 * @param args Its arguments.
 * @returns One contestant, or none where there is no client.
 */
export function cClient(bench: Bench, name: string, args: readonly string[]): Contestant[] {
  const { client } = bench.baselines;
  return client === null ? [] : [{ name, run: () => figureOf([client, ...args]) }];
}

/**
 * A contestant that is QEMU's own Python client, run once a round.
 *
 * @param bench Whether there is one.
 * @param args The arguments of `qemu_qmp.py`.
 * @returns One contestant, or none where there is no `qemu.qmp`.
 */
export function pythonClient(bench: Bench, args: readonly string[]): Contestant[] {
  const { python } = bench.baselines;
  const script = new URL("python/qemu_qmp.py", import.meta.url).pathname;
  return python === null ? [] : [{ name: "qemu.qmp", run: () => figureOf([python, script, ...args]) }];
}

/**
 * Runs a program that prints one figure.
 *
 * @param command The program and its arguments.
 * @returns The figure.
 */
export async function figureOf(command: readonly string[]): Promise<number> {
  const output = await run(command);
  const figure = Number(output);
  if (!(figure > 0)) {
    throw new Error(`Cannot read a figure from ${command[0]}: found ${JSON.stringify(output)}`);
  }
  return figure;
}

/**
 * Starts a program that runs until it is disposed of, and has nothing to lose then.
 *
 * @param command The program and its arguments.
 * @returns What ends it.
 */
export function background(command: readonly string[]): AsyncDisposable {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "inherit" }).spawn();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already, and said why on stderr.
      }
      await child.status;
    },
  };
}
