import type { RunPaths, VmConfig } from "../machine/mod.ts";
import { type Logger, type MonitorAddress, QmpClient, stdioTransport } from "../qmp/mod.ts";
import { HmpMonitor } from "./hmp_monitor.ts";
import type { QemuProcess } from "./qemu_process.ts";

/** The monitors of a VM that is ready. */
export interface ReadyMonitors {
  control: QmpClient;
  watch: QmpClient;
  /** These two and all others, by id. */
  all: ReadonlyMap<string, QmpClient | HmpMonitor>;
}

/**
 * Connects to every monitor that QEMU listens on, and negotiates on those in control mode. A monitor for which QEMU itself connects to a
 * listener (`server: false`) is that listener's.
 *
 * @param config The monitors of the user's own.
 * @param paths Where the sockets are.
 * @param process The QEMU that was just started; its sockets may not be there yet.
 * @param options Signal, deadline and logger.
 * @returns The monitors, once `qmp_capabilities` has returned on each.
 */
export async function connectMonitors(
  config: VmConfig,
  paths: RunPaths,
  process: QemuProcess,
  options: { signal: AbortSignal; timeoutMs: number; logger: Logger },
): Promise<ReadyMonitors> {
  const all = new Map<string, QmpClient | HmpMonitor>();
  const opened: QmpClient[] = [];
  const connect = async (address: MonitorAddress): Promise<QmpClient> => {
    const client = address.transport === "stdio"
      ? await QmpClient.over(stdioTransport(stdioOf(process)), options)
      : await QmpClient.connect(address, { ...options, whileMissing: "retry" });
    opened.push(client);
    return client;
  };
  const own = (config.monitors ?? []).filter((monitor) => monitor.server !== false);
  const addressOf = (monitor: (typeof own)[number]): MonitorAddress =>
    monitor.address ?? { transport: "unix", path: paths.monitor(monitor.id) };
  const control = own.filter((monitor) => monitor.mode !== "readline");

  const results = await Promise.allSettled([
    connect({ transport: "unix", path: paths.control }),
    connect({ transport: "unix", path: paths.watch }),
    ...control.map((monitor) => connect(addressOf(monitor))),
  ]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) {
    await Promise.all(opened.map((client) => client.close()));
    throw failed.reason;
  }
  const clients = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  const [controlClient, watchClient, ...others] = clients as [QmpClient, QmpClient, ...QmpClient[]];
  all.set("control", controlClient);
  all.set("watch", watchClient);
  all.set("hmp", new HmpMonitor("hmp", { transport: "unix", path: paths.hmp }));
  for (const [index, client] of others.entries()) all.set(control[index]?.id ?? "", client);
  for (const monitor of own) {
    if (monitor.mode === "readline") all.set(monitor.id, new HmpMonitor(monitor.id, addressOf(monitor)));
  }
  return { control: controlClient, watch: watchClient, all };
}

/** Does a config put one of its control-mode monitors on QEMU's stdin and stdout? */
export function usesStdio(config: VmConfig): boolean {
  return (config.monitors ?? []).some((monitor) => monitor.address?.transport === "stdio");
}

function stdioOf(
  process: QemuProcess,
): { stdin: WritableStream<Uint8Array>; stdout: ReadableStream<Uint8Array> } {
  if (process.stdio === null) {
    throw new TypeError("Cannot use the monitor on stdio: QEMU was started without pipes");
  }
  return process.stdio;
}
