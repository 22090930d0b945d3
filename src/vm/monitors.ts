import type { RunPaths, VmConfig } from "../machine/mod.ts";
import {
  type ClientOptions,
  type Logger,
  type MonitorAddress,
  QmpClient,
  stdioTransport,
} from "../qmp/mod.ts";
import { HmpMonitor } from "./hmp_monitor.ts";
import type { QemuProcess } from "./qemu_process.ts";
import type { VmWireTap } from "./vm.ts";

/** The monitors of a VM that is ready. */
export interface ReadyMonitors {
  control: QmpClient;
  watch: QmpClient;
  /** These two and all others, by id. */
  all: ReadonlyMap<string, QmpClient | HmpMonitor>;
}

type Own = NonNullable<VmConfig["monitors"]>[number];

/** Monitors that are being connected to. */
export interface ComingMonitors {
  /** The first of them, usually some tenths of a millisecond before the rest. */
  control: Promise<QmpClient>;
  /** All of them; rejects when one fails, and then none is left open. */
  ready: Promise<ReadyMonitors>;
}

/**
 * Connects to every monitor that QEMU listens on, and negotiates on those in control mode. A monitor for which QEMU itself connects to a
 * listener (`server: false`) is that listener's.
 *
 * @param config The monitors of the user's own.
 * @param paths Where the sockets are.
 * @param process The QEMU that was just started; its sockets may not be there yet.
 * @param options What ends the attempt, which is also ended by the first monitor that fails; logger, who listens in.
 * @returns The monitors, each once `qmp_capabilities` has returned on it.
 */
export function connectMonitors(
  config: VmConfig,
  paths: RunPaths,
  process: QemuProcess,
  options: { attempt: AbortController; logger: Logger; wire?: VmWireTap | undefined },
): ComingMonitors {
  const { attempt, wire, ...rest } = options;
  // One limit for all of it, the attempt's, and no timer for each.
  const sharedOptions = { ...rest, signal: attempt.signal, timeoutMs: Infinity };
  const opened: QmpClient[] = [];
  const connect = async (id: string, address: MonitorAddress): Promise<QmpClient> => {
    const clientOptions: ClientOptions = wire === undefined
      ? sharedOptions
      : { ...sharedOptions, wire: (direction, bytes) => wire(id, direction, bytes) };
    try {
      const client = address.transport === "stdio"
        ? await QmpClient.over(stdioTransport(stdioOf(process)), clientOptions)
        : await QmpClient.connect(address, { ...clientOptions, whileMissing: "retry" });
      opened.push(client);
      return client;
    } catch (error) {
      attempt.abort(error);
      throw error;
    }
  };
  const controlling = connect("control", { transport: "unix", path: paths.control });
  const watching = connect("watch", { transport: "unix", path: paths.watch });
  const connectOwn = async (own: Own): Promise<[string, QmpClient | HmpMonitor]> => {
    const { id } = own;
    const address = await addressOf(own, paths, controlling, attempt.signal);
    return [id, own.mode === "readline" ? new HmpMonitor(id, address) : await connect(id, address)];
  };
  const others = (config.monitors ?? []).filter((monitor) => monitor.server !== false).map(connectOwn);

  const settle = async (): Promise<ReadyMonitors> => {
    // All of them, so that what opened beside a failure is there to be closed.
    const results = await Promise.allSettled([controlling, watching, ...others]);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) {
      await closeAll(opened);
      throw failed.reason;
    }
    const control = await controlling;
    const watch = await watching;
    const all = new Map<string, QmpClient | HmpMonitor>([
      ["control", control],
      ["watch", watch],
      ["hmp", new HmpMonitor("hmp", { transport: "unix", path: paths.hmp })],
      ...await Promise.all(others),
    ]);
    return { control, watch, all };
  };
  return { control: controlling, ready: settle() };
}

/**
 * Closes those monitors that hold a connection.
 *
 * @param monitors Monitors of any kind.
 */
export async function closeAll(monitors: Iterable<QmpClient | HmpMonitor>): Promise<void> {
  for (const monitor of monitors) {
    if (monitor instanceof QmpClient) await monitor.close();
  }
}

/**
 * Where a monitor of the user's own is. Port 0 is chosen by QEMU, which tells on the control monitor.
 *
 * @param monitor The monitor.
 * @param paths Where the sockets are.
 * @param controlling The control monitor.
 * @param signal Gives up.
 * @returns Its address.
 */
export async function addressOf(
  { id, address }: Own,
  paths: RunPaths,
  controlling: Promise<QmpClient>,
  signal?: AbortSignal,
): Promise<MonitorAddress> {
  if (address === undefined) return { transport: "unix", path: paths.monitor(id) };
  if (address.transport !== "tcp" || address.port !== 0) return address;
  const chardevs = await (await controlling).execute("query-chardev", {}, signal ? { signal } : {});
  const filename = chardevs.find(({ label }) => label === id)?.filename ?? "nowhere";
  const port = /tcp:.*:(\d+)(?:,|$)/.exec(filename)?.[1];
  if (port === undefined) {
    throw new Error(
      `Cannot find the monitor "${id}": QEMU has it at ${filename}, and it was to be a TCP port`,
    );
  }
  return { ...address, port: Number(port) };
}

function stdioOf(
  process: QemuProcess,
): { stdin: WritableStream<Uint8Array>; stdout: ReadableStream<Uint8Array> } {
  if (process.stdio === null) {
    throw new TypeError("Cannot use the monitor on stdio: QEMU was started without pipes");
  }
  return process.stdio;
}
