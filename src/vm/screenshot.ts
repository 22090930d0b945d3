import type { QmpClient } from "../qmp/mod.ts";
import type { VmCallOptions } from "./vm.ts";

/**
 * Has QEMU write its screen as PNG and reads that.
 *
 * @param qmp The monitor to ask.
 * @param runDir The run directory; without one (attached) a temporary directory, so QEMU must be on this host.
 * @param options Signal and time limit of the command.
 * @returns The PNG.
 * @throws {QmpCommandError} When the guest has no graphics card, or this QEMU was built without PNG.
 */
export async function takeScreenshot(
  qmp: QmpClient,
  runDir: string | null,
  options: VmCallOptions,
): Promise<Uint8Array> {
  const dir = runDir ?? await Deno.makeTempDir({ prefix: "qeeper-" });
  const filename = `${dir}/screen-${crypto.randomUUID().slice(0, 8)}.png`;
  try {
    await qmp.execute("screendump", { filename, format: "png" }, options);
    return await Deno.readFile(filename);
  } finally {
    await Deno.remove(runDir === null ? dir : filename, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}
