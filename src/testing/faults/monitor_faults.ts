import { abortable } from "@std/async/abortable";
import { deadline } from "@std/async/deadline";
import { QmpClient } from "../../qmp/mod.ts";
import { type FaultScene, Obstacle } from "./scene.ts";

/**
 * Has QEMU itself shut a monitor's connection down (`yank`, out of band, so that a blocked main loop does not hinder it).
 *
 * @param scene Whose.
 * @param id The monitor's id.
 * @returns When this side has seen it end.
 */
export async function dropMonitor({ vm, call }: FaultScene, id: string): Promise<void> {
  const monitor = vm.monitors.get(id);
  const all = [...vm.monitors].flatMap(([name, one]) => one instanceof QmpClient ? [name] : []);
  if (!(monitor instanceof QmpClient)) {
    throw new Obstacle(`it is no QMP monitor of the VM's; choose one of ${all.join(", ")}`);
  }
  if (!monitor.open) throw new Obstacle("its connection has ended already");
  const open = [...vm.monitors.values()].filter((one) => one instanceof QmpClient).filter((one) => one.open);
  // Rather not the one that goes: its reply might be lost with it.
  const teller = open.find((one) => one !== monitor && one.greeting.capabilities.includes("oob")) ?? monitor;
  const told = teller.execute("yank", { instances: [{ type: "chardev", id }] }, { ...call, oob: true });
  const ended = Promise.all([monitor.closed, teller === monitor ? told.catch(() => {}) : told]);
  await deadline(call.signal ? abortable(ended, call.signal) : ended, call.timeoutMs);
}
