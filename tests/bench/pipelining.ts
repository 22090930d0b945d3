import { QmpClient } from "../../src/qmp/mod.ts";
import { bareQemu } from "./bare_qemu.ts";
import { type Bench, cClient, pythonClient } from "./contestants.ts";
import { race } from "./race.ts";
import type { Group } from "./report.ts";

/** Commands in a round: about a quarter of a second. */
const COUNT = 2000;

/**
 * Many commands at once, with default settings.
 *
 * @param bench How often, and beside what.
 * @returns The outcome.
 */
export async function pipelining(bench: Bench): Promise<Group> {
  const socket = `${bench.baselines.sockets}/pipelining`;
  await using _qemu = await bareQemu(socket);
  const qeeper = async (): Promise<number> => {
    await using client = await QmpClient.connect({ transport: "unix", path: socket });
    const start = performance.now();
    await Promise.all(Array.from({ length: COUNT }, () => client.execute("query-status")));
    return COUNT / (performance.now() - start) * 1000;
  };
  const [best, plain] = ["C, oob, 7 in flight, with ids", "C, plain monitor, 64 in flight, with ids"];
  const figures = await race([
    { name: "Qeeper", run: qeeper },
    ...cClient(bench, best, ["commands", socket, `${COUNT}`, "7", "ids", "oob"]),
    ...cClient(bench, plain, ["commands", socket, `${COUNT}`, "64", "ids"]),
    ...cClient(bench, "C, oob, 7 in flight", ["commands", socket, `${COUNT}`, "7", "oob"]),
    ...cClient(bench, "C, plain monitor, 64 in flight", ["commands", socket, `${COUNT}`, "64"]),
    ...pythonClient(bench, ["commands", socket, `${COUNT}`, "64"]),
  ], bench.rounds);
  return {
    title: `Pipelining: ${COUNT} times query-status at once`,
    unit: "ops/s",
    figures,
    targets: [
      { kind: "ratio", of: "Qeeper", to: best, atLeast: 0.95 },
      { kind: "ratio", of: "Qeeper", to: plain, atLeast: 1.5 },
    ],
  };
}
