import type { VmConfig } from "../machine/mod.ts";
import type { Vm } from "../vm/mod.ts";
import { readStartTime } from "../vm/proc.ts";
import type { RunPlace } from "./run_place.ts";
import type { RunRecord } from "./store/mod.ts";

/**
 * What is written down of a QEMU before there is one.
 *
 * @param place Where it will run.
 * @param config What it will be started with; with a uuid, to know it by.
 * @returns The record.
 */
export function newRun(place: RunPlace, config: VmConfig): RunRecord {
  return {
    id: crypto.randomUUID(),
    runDir: place.runDir,
    stderrFile: place.stderrFile,
    uuid: config.uuid ?? "",
    pid: null,
    startTime: null,
    argv: [],
    config,
    startedAt: new Date().toISOString(),
  };
}

/**
 * The same, once there is one.
 *
 * @param run What was written down.
 * @param vm The QEMU.
 * @returns The whole record.
 */
export function startedRun(run: RunRecord, vm: Vm): RunRecord {
  const { pid, argv } = vm;
  return {
    ...run,
    pid,
    startTime: pid === null ? null : readStartTime(pid),
    argv: [...argv ?? []],
  };
}
