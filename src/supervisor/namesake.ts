import { formatOption } from "../machine/options.ts";
import { findLaunched } from "../vm/process_scan.ts";
import { StateError } from "./store/mod.ts";

/**
 * Makes sure that no QEMU of a guest still runs of which only a record tells that can't be understood: there may never be two of one guest.
 *
 * @param name The guest's name.
 * @param brokenRecords Its records that were set aside.
 * @param runtimeDir Where run directories are made; null for the usual place.
 * @throws {StateError} When there is one, as far as this script may look.
 */
export async function assertNoNamesake(
  name: string,
  brokenRecords: readonly string[],
  runtimeDir: string | null,
): Promise<void> {
  const path = brokenRecords.at(-1);
  if (path === undefined) return;
  const guest = formatOption(undefined, { guest: name });
  const found = (await findLaunched())?.find((qemu) =>
    qemu.name === guest && (runtimeDir === null || qemu.pidFile.startsWith(`${runtimeDir}/`))
  );
  if (found === undefined) return;
  throw new StateError(
    `Cannot start VM "${name}": its record could not be understood and was set aside as ${path}, and a QEMU of that name still runs as process ${found.pid}; end that one and start the guest, or repair the record and open the supervisor again`,
    path,
  );
}
