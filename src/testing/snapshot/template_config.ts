import type { DriveConfig, VmConfig } from "../../machine/mod.ts";
import { isWritable } from "./suitability.ts";

/** The id of the memory backend. */
const RAM_ID = "qeeper-ram";
/** What a config that says nothing of memory gets. */
const DEFAULT_MEMORY_MIB = 128;

/** How the guest's memory is had: in a file that it writes to, as a private view of that file, or in QEMU's own way. */
export type Memory =
  | { readonly kind: "written" | "private"; readonly file: string }
  | { readonly kind: "own" };

/** The files that one VM has in place of those that its config names. */
export interface OwnFiles {
  /** The layer of a writable drive, by its place in `drives`. */
  disk(index: number): string;
  /** The UEFI variables. */
  readonly vars: string;
}

/**
 * How much memory the guest of a config has.
 *
 * @param config The config.
 * @returns Its size in bytes.
 */
export function memoryBytes(config: VmConfig): number {
  return (config.memoryMiB ?? DEFAULT_MEMORY_MIB) * 1024 * 1024;
}

/**
 * The files that a guest writes to, so that each VM needs its own.
 *
 * @param config The config.
 * @returns The places of writable drives, and whether there are UEFI variables.
 */
export function writtenFiles(config: VmConfig): { drives: readonly number[]; vars: string | null } {
  const drives = (config.drives ?? []).flatMap((drive, index) => isWritable(drive) ? [index] : []);
  return { drives, vars: config.firmware?.vars ?? null };
}

/**
 * The config of a VM from which a template is made.
 *
 * @param config The user's config.
 * @param files Its own files.
 * @param memory Where its memory is.
 * @returns The config to launch.
 */
export function builderConfig(config: VmConfig, files: OwnFiles, memory: Memory): VmConfig {
  return withMemory(withOwnFiles(config, files), memory);
}

/**
 * The config of a clone: the same machine, waiting for the state of the template's.
 *
 * @param config The user's config.
 * @param files The clone's own files.
 * @param memory Where its memory is.
 * @returns The config to launch.
 */
export function cloneConfig(config: VmConfig, files: OwnFiles, memory: Memory): VmConfig {
  return { ...builderConfig(config, files, memory), incoming: "defer" };
}

/**
 * The config of a VM that is booted because there is no template: it writes to no file of the user's either.
 *
 * @param config The user's config.
 * @param vars Its own UEFI variables.
 * @returns The config to launch.
 */
export function bootConfig(config: VmConfig, vars: string): VmConfig {
  const drives = config.drives?.map((drive) => isWritable(drive) ? { ...drive, snapshot: true } : drive);
  return withVars(drives === undefined ? config : { ...config, drives }, vars);
}

function withOwnFiles(config: VmConfig, files: OwnFiles): VmConfig {
  const drives = config.drives?.map((drive, index) =>
    isWritable(drive) ? layered(drive, files.disk(index)) : drive
  );
  return withVars(drives === undefined ? config : { ...config, drives }, files.vars);
}

function withVars(config: VmConfig, vars: string): VmConfig {
  const { firmware } = config;
  return firmware?.vars === undefined ? config : { ...config, firmware: { ...firmware, vars } };
}

/** `snapshot` is what a layer does anyway; and nobody needs the writes of a test on a disk that is safe against power failures. */
function layered({ snapshot: _, driver: __, ...drive }: DriveConfig, file: string): DriveConfig {
  const harmless = drive.aio !== "native" && (drive.cache ?? "writeback") === "writeback";
  return { ...drive, file, format: "qcow2", ...(harmless ? { cache: "unsafe" } : {}) };
}

function withMemory(config: VmConfig, memory: Memory): VmConfig {
  if (memory.kind === "own") return config;
  const share = memory.kind === "written" ? "on" : "off";
  // A comma within a value is doubled.
  const path = memory.file.replaceAll(",", ",,");
  const size = config.memoryMiB ?? DEFAULT_MEMORY_MIB;
  const backend = `memory-backend-file,id=${RAM_ID},size=${size}M,mem-path=${path},share=${share}`;
  return {
    ...config,
    machineProps: { ...config.machineProps, "memory-backend": RAM_ID },
    extraArgs: ["-object", backend, ...config.extraArgs ?? []],
  };
}
