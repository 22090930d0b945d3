import { QmpClient } from "../../src/qmp/mod.ts";
import { background } from "./contestants.ts";

/** The QEMU that the benchmarks run. */
export const QEMU = "qemu-system-x86_64";

/**
 * The shortest command line of a QEMU with one QMP monitor: what a minimal client would start.
 *
 * @param machine The machine type.
 * @param socket Where the monitor is to listen.
 * @param extra More arguments.
 * @returns Program and arguments.
 */
export function bareCommand(
  machine: string,
  socket: string,
  extra: readonly string[] = [],
): readonly string[] {
  return [
    ...[QEMU, "-machine", machine, "-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none"],
    ...[
      "-chardev",
      `socket,id=m,path=${socket},server=on,wait=off`,
      "-mon",
      "chardev=m,mode=control",
      ...extra,
    ],
  ];
}

/**
 * Runs a QEMU that has no guest to speak of and one monitor.
 *
 * @param socket Where the monitor is to listen.
 * @returns What ends it, once its monitor has negotiated once and is free again.
 */
export async function bareQemu(socket: string): Promise<AsyncDisposable> {
  const qemu = background(bareCommand("none", socket));
  try {
    const client = await QmpClient.connect({ transport: "unix", path: socket }, { whileMissing: "retry" });
    await client.close();
    return qemu;
  } catch (error) {
    await qemu[Symbol.asyncDispose]();
    throw error;
  }
}
