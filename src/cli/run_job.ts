import type { VmConfig } from "../machine/mod.ts";
import { QmpClient } from "../qmp/mod.ts";
import type { Vm } from "../vm/mod.ts";
import type { ConsoleBridge } from "./console_bridge.ts";
import type { Io } from "./io.ts";
import type { Reporter } from "./reporter.ts";

/** A run of a guest: what, how, and by what it is seen. */
export interface RunJob {
  readonly config: VmConfig;
  readonly io: Io;
  readonly reporter: Reporter;
  readonly bridge: ConsoleBridge;
  /** Show the guest's console and type into it. */
  readonly console: boolean;
  /** Leave the guest's CPUs stopped. */
  readonly paused: boolean;
  /** Keep a guest that QEMU holds at its end. */
  readonly hold: boolean;
  /** The time limit of everything, in milliseconds; null for none. */
  readonly timeoutMs: number | null;
  /** How long the guest may take to obey its power button, in milliseconds. */
  readonly powerdownMs: number;
  /** Says what Ctrl-A x does. */
  onEndAsked(handler: () => void): void;
  /** Takes what was begun and is not waited for; its failure is reported. */
  settle(begun: Promise<unknown>): void;
}

/**
 * Says where a life's files and ports are, and opens its monitors to others.
 *
 * @param vm A VM that is ready.
 * @param job The run.
 */
export async function introduce(
  vm: Vm,
  { config, reporter }: Pick<RunJob, "config" | "reporter">,
): Promise<void> {
  const head = { at: new Date(), vm: vm.name };
  if (vm.runDir !== null) reporter.report({ ...head, kind: "run-directory", runDir: vm.runDir });
  await openOwnMonitors(vm, config);
  const forwards = config.networks?.some((network) => network.type === "user" && network.forward?.length);
  if (!forwards) return;
  for (const forward of await vm.forwards()) reporter.report({ ...head, kind: "forward", forward });
}

/**
 * Lets go of the monitors of the config's own: a QMP monitor serves one client at a time, and these are there for others.
 *
 * @param vm A VM that is ready.
 * @param config Its config.
 */
async function openOwnMonitors(vm: Vm, config: VmConfig): Promise<void> {
  for (const { id, address } of config.monitors ?? []) {
    const monitor = vm.monitors.get(id);
    if (address?.transport !== "stdio" && monitor instanceof QmpClient) await monitor.close();
  }
}
