import { compileArgv, type HostFacts, runPaths, type VmConfig } from "../../machine/mod.ts";
import { isWritable } from "./suitability.ts";

/** Changes whenever templates of an earlier Qeeper can't be used by this one. */
export const TEMPLATE_FORMAT = 1;

/** A QEMU binary, as far as it can be told from another one. */
export interface BinaryIdentity {
  readonly path: string;
  readonly bytes: number;
  readonly changedAtMs: number;
  /** What `-version` prints. */
  readonly version: string;
}

/** A file that the guest reads, by its place in the config (`kernel`, `drives[0].file`). */
export interface FileContent {
  readonly place: string;
  /** The digest of its content, and of what it is a layer over. */
  readonly digest: string;
  /** Where it is, if the template only refers to it; null where the template has what it needs of it. */
  readonly path: string | null;
}

/** Everything that a template depends on. When any of it changes, so does the key, and the template is never used again. */
export interface Ingredients {
  readonly format: number;
  /** The command line without what is different in each run. */
  readonly argv: readonly string[];
  readonly files: readonly FileContent[];
  readonly binary: BinaryIdentity;
  /** The text of the preparation. */
  readonly prepare: string;
  /** The user's own word for the version of the preparation. */
  readonly version: string;
}

/**
 * The command line of a config without names and places: what remains makes the machine.
 *
 * @param config A checked config.
 * @param facts What is known of the QEMU.
 * @returns Arguments, the binary left out.
 */
export function machineArgv(config: VmConfig, facts: HostFacts): readonly string[] {
  const { name: _, uuid: __, monitors: ___, kernel, initrd, firmware, drives, cdrom, ...rest } = config;
  const plain: VmConfig = {
    ...rest,
    ...(kernel === undefined ? {} : { kernel: "kernel" }),
    ...(initrd === undefined ? {} : { initrd: "initrd" }),
    ...(firmware === undefined ? {} : { firmware: mapValues(firmware) }),
    ...(cdrom === undefined ? {} : { cdrom: "cdrom" }),
    ...(drives === undefined ? {} : {
      drives: drives.map((drive) =>
        isWritable(drive) ? { ...drive, file: "drive", format: "qcow2" } : {
          ...drive,
          file: "drive",
          format: drive.format ?? (/\.qcow2$/.test(drive.file) ? "qcow2" : "raw"),
        }
      ),
    }),
    sandbox: false,
    logResets: false,
  };
  return compileArgv(plain, { ...facts, recorder: undefined, tie: undefined }, runPaths("/run/vm")).slice(1);
}

/**
 * Writes ingredients as text, always in the same way.
 *
 * @param ingredients The ingredients.
 * @returns The text whose digest is the key.
 */
export function ingredientsText({ format, argv, files, binary, prepare, version }: Ingredients): string {
  const contents = files.map(({ place, digest, path }) => [place, digest, path]);
  const { path, bytes, changedAtMs, version: qemu } = binary;
  return JSON.stringify([format, argv, contents, [path, bytes, changedAtMs, qemu], prepare, version]);
}

/** Each file's name replaced by its role. */
function mapValues(firmware: NonNullable<VmConfig["firmware"]>): NonNullable<VmConfig["firmware"]> {
  return Object.fromEntries(Object.keys(firmware).map((role) => [role, role]));
}
