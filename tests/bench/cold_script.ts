import { bareCommand } from "./bare_qemu.ts";
import type { Bench } from "./contestants.ts";
import { type Contestant, race } from "./race.ts";
import type { Group } from "./report.ts";

/**
 * A whole script, from the start of its process to its end: launch, query-status, quit.
 *
 * @param bench How often, and beside what.
 * @returns The outcome.
 */
export async function coldScript(bench: Bench): Promise<Group> {
  const { sockets, client } = bench.baselines;
  const socket = `${sockets}/cold`;
  const script = (name: string, file: string, ...args: readonly string[]): Contestant => {
    const path = new URL(`scripts/${file}`, import.meta.url).pathname;
    return { name, run: () => timed([Deno.execPath(), "run", "--no-prompt", "-A", path, ...args]) };
  };
  const bare = bareCommand("none", socket);
  const figures = await race([
    script("Qeeper, launch alone", "launch_alone.ts"),
    script("Qeeper, all of it", "qeeper.ts"),
    script("Deno, written raw", "raw.ts", socket, ...bare),
    script("Deno, an empty script", "empty.ts"),
    ...(client === null ? [] : [{ name: "C", run: () => timed([client, "launch", socket, ...bare]) }]),
  ], bench.rounds);
  return {
    title: "Whole script from a cold start: launch, query-status, quit",
    unit: "ms",
    figures,
    targets: [
      { kind: "beyond", of: "Qeeper, launch alone", to: "Deno, written raw", atMostMs: 25 },
      { kind: "beyond", of: "Qeeper, all of it", to: "Deno, written raw", atMostMs: 25 },
    ],
  };
}

/** How long a program takes from its start to its end, in milliseconds. */
async function timed(command: readonly string[]): Promise<number> {
  const [program = "", ...args] = command;
  const start = performance.now();
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "inherit" }).spawn();
  const { success, code } = await child.status;
  const ms = performance.now() - start;
  if (!success) throw new Error(`Cannot time ${program} ${args[0]}: exit code ${code}`);
  return ms;
}
