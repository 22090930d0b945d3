import type { LaunchedQemu } from "../vm/process_scan.ts";
import { heldConfig } from "./held_config.ts";
import { policyOf } from "./policy_of.ts";
import { newRun } from "./run_record.ts";
import { runPlaceOf } from "./run_place.ts";
import type { RunRecord, VmRecord } from "./store/mod.ts";

/**
 * Looks for a QEMU of a guest that its record does not tell of: its supervisor went on while the disk took no more, and died before it did again.
 * Starting another one beside it would be the one thing that may never be.
 *
 * @param record What was written down of the guest.
 * @param launched What runs on this machine.
 * @param runtimeDir Where run directories are made.
 * @returns What would have been written down; null where the record is right.
 */
export function findUnrecorded(
  { spec, run }: Pick<VmRecord, "spec" | "run">,
  launched: readonly LaunchedQemu[],
  runtimeDir: string,
): RunRecord | null {
  const { uuid } = spec.config;
  if (uuid === undefined) return null;
  const own = launched.filter((qemu) => qemu.uuid === uuid && qemu.pidFile.startsWith(`${runtimeDir}/`));
  if (run !== null && own.some(({ pidFile }) => pidFile === `${run.runDir}/pid`)) return null;
  // The last one that was started, should a person have started more.
  const last = own.toSorted((a, b) => a.pid - b.pid).at(-1);
  if (last === undefined) return null;
  const runDir = last.pidFile.slice(0, last.pidFile.lastIndexOf("/"));
  return newRun(runPlaceOf(runDir), heldConfig(spec.config, policyOf(spec)));
}
