import { delay } from "@std/async/delay";
import { exists } from "../../src/vm/run_dir.ts";

/**
 * Has QEMU make a socket as the last thing before its main loop. Who waits for it meets no RESUME of the start, and connects without a risk: up to QEMU
 * 10.2 a client that comes while a monitor's listener changes threads may find it hung.
 *
 * @param dir A directory of the test's.
 * @returns Arguments for QEMU.
 */
export const tellsItsStart = (dir: string): string[] => ["-vnc", `unix:${dir}/started`];

/**
 * Waits until a QEMU with these arguments is up, or has ended.
 *
 * @param dir The same directory.
 * @param process The QEMU.
 */
export async function untilStarted(dir: string, process: Deno.ChildProcess): Promise<void> {
  const ended = process.status.then(() => "ended" as const);
  while (!await exists(`${dir}/started`)) {
    if (await Promise.race([ended, delay(1)]) === "ended") return;
  }
}
