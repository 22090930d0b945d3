import { QmpClient } from "../../src/qmp/mod.ts";
import { bareQemu } from "./bare_qemu.ts";
import { type Bench, cClient, pythonClient } from "./contestants.ts";
import { race } from "./race.ts";
import type { Group } from "./report.ts";

/** Commands in a round: about a fifth of a second. */
const COUNT = 1000;

/**
 * Commands one after the other, each sent when the one before it is answered.
 *
 * @param bench How often, and beside what.
 * @returns The outcome.
 */
export async function roundTrips(bench: Bench): Promise<Group> {
  const socket = `${bench.baselines.sockets}/round-trips`;
  await using _qemu = await bareQemu(socket);
  const qeeper = async (): Promise<number> => {
    await using client = await QmpClient.connect({ transport: "unix", path: socket });
    const start = performance.now();
    for (let i = 0; i < COUNT; i++) await client.execute("query-status");
    return COUNT / (performance.now() - start) * 1000;
  };
  const figures = await race([
    { name: "Qeeper", run: qeeper },
    ...cClient(bench, "C, with ids", ["commands", socket, `${COUNT}`, "1", "ids"]),
    ...cClient(bench, "C, with ids and oob", ["commands", socket, `${COUNT}`, "1", "ids", "oob"]),
    ...cClient(bench, "C, without ids", ["commands", socket, `${COUNT}`, "1"]),
    ...pythonClient(bench, ["commands", socket, `${COUNT}`, "1"]),
  ], bench.rounds);
  return {
    title: "Round trips: query-status, one in flight",
    unit: "ops/s",
    figures,
    targets: [{ kind: "ratio", of: "Qeeper", to: "C, with ids", atLeast: 0.9 }],
    notes: ["Qeeper negotiates oob, as it always does"],
  };
}
