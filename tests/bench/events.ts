import { QmpClient } from "../../src/qmp/mod.ts";
import { background, type Bench, cClient, pythonClient } from "./contestants.ts";
import { race } from "./race.ts";
import type { Group } from "./report.ts";

const COUNT = 1_000_000;
/** As many as take `qemu.qmp` about a second. */
const PYTHON_COUNT = 50_000;

/**
 * A million events from a producer that is faster than any reader, through the public stream.
 *
 * @param bench How often, and beside what.
 * @param form How the producer writes them.
 * @returns The outcome; null where there is no C compiler and so no producer.
 */
export async function events(bench: Bench, form: "compact" | "pretty"): Promise<Group | null> {
  const { producer, hasYajl, sockets } = bench.baselines;
  if (producer === null) return null;
  const socket = `${sockets}/events-${form}`;
  await using _producer = background([producer, socket, `${COUNT}`, form]);
  let dropped = 0;
  const qeeper = async (): Promise<number> => {
    await using client = await QmpClient.connect({ transport: "unix", path: socket }, {
      whileMissing: "retry",
    });
    using stream = client.events("SHUTDOWN");
    const start = performance.now();
    await client.execute("query-status");
    let read = 0;
    for await (const { data } of stream) {
      if (data.reason !== "guest-panic") throw new Error(`Cannot go on: found the reason ${data.reason}`);
      read++;
      if (read + stream.lagged >= COUNT) break;
    }
    const seconds = (performance.now() - start) / 1000;
    dropped += COUNT - read;
    return read / seconds;
  };
  const parse = hasYajl ? cClient(bench, "C with yajl", ["events", socket, `${COUNT}`, "parse"]) : [];
  const figures = await race([
    { name: "Qeeper", run: qeeper },
    ...parse,
    ...cClient(bench, "C, framing only", ["events", socket, `${COUNT}`]),
    // It refuses indented messages.
    ...(form === "compact" ? pythonClient(bench, ["events", socket, `${PYTHON_COUNT}`]) : []),
  ], bench.rounds);
  return {
    title: `Events: ${COUNT.toLocaleString("en-US")} through the public stream, ${form}`,
    unit: "events/s",
    figures,
    targets: [
      { kind: "ratio", of: "Qeeper", to: "C with yajl", atLeast: 1 },
      ...(form === "compact" ? [{ kind: "ratio", of: "Qeeper", to: "qemu.qmp", atLeast: 25 } as const] : []),
    ],
    notes: dropped === 0
      ? []
      : [`${dropped} events in all rounds were dropped by Qeeper's stream; none should be`],
  };
}
