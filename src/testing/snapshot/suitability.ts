import type { DriveConfig, VmConfig } from "../../machine/mod.ts";

/** Raw arguments that give the guest a disk. */
const DISK_OPTION = /^--?(drive|blockdev|hd[a-d]|fd[ab]|sd|mtdblock|pflash|cdrom)$/;
/** Raw arguments that say something of the guest's memory, which then can't be put into a file. */
const MEMORY_OPTION = /^--?(m|mem-path|mem-prealloc|numa|machine|M)$/;
/** Formats whose images are one file, or tell what they rest on in a way that is understood here. */
const UNDERSTOOD_FORMATS: ReadonlySet<string> = new Set(["raw", "qcow2", "vdi", "vpc", "vhdx"]);

/**
 * Whether the guest can write to a drive, so that each clone needs one of its own.
 *
 * @param drive The drive.
 * @returns True for a disk that is not read-only.
 */
export function isWritable(drive: DriveConfig): boolean {
  return !(drive.readonly ?? drive.media === "cdrom");
}

/**
 * The format of a drive, as the launcher takes it.
 *
 * @param drive The drive.
 * @returns What it says itself, else what its name says.
 */
export function driveFormat(drive: DriveConfig): string {
  return drive.format ?? (drive.file.endsWith(".qcow2") ? "qcow2" : "raw");
}

/**
 * Why no template can be made of a config, as far as the config tells; what else stands in the way QEMU says itself.
 *
 * @param config A checked config.
 * @returns The reason in words; null if there is none.
 */
export function whyBootOnly(config: VmConfig): string | null {
  for (const [index, drive] of (config.drives ?? []).entries()) {
    const path = `drives[${index}]`;
    if (drive.driver === "host_device") {
      return `${path} is a block device of the host, whose content can change unseen`;
    }
    if (!UNDERSTOOD_FORMATS.has(driveFormat(drive))) {
      return `${path} is of the format ${
        driveFormat(drive)
      }, whose images may rest on files that are not looked into`;
    }
    if (!isWritable(drive)) continue;
    if (drive.keySecret !== undefined) {
      return `${path} is encrypted, and no copy-on-write layer can be put over it without its key`;
    }
  }
  const args = config.extraArgs ?? [];
  const disk = args.findIndex((arg, index) =>
    DISK_OPTION.test(arg) && /\bfile|^[^=]*$/.test(args[index + 1] ?? "")
  );
  if (disk >= 0) {
    return `extraArgs have a ${
      args[disk]
    }, of which no clone can get a copy of its own; name the image in drives`;
  }
  return null;
}

/**
 * Why a guest's memory can't be a file that clones map.
 *
 * @param config A checked config.
 * @returns The reason in words; null if there is none.
 */
export function whyNotMapped(config: VmConfig): string | null {
  const backend = config.machineProps?.["memory-backend"];
  if (backend !== undefined) return `machineProps name a memory backend already (${String(backend)})`;
  if (config.shares?.some((share) => share.type === "virtiofs")) {
    return "virtiofsd shares the guest's memory";
  }
  const args = config.extraArgs ?? [];
  const option = args.find((arg, index) =>
    MEMORY_OPTION.test(arg) || (/^--?object$/.test(arg) && /memory-backend/.test(args[index + 1] ?? ""))
  );
  return option === undefined ? null : `extraArgs say themselves what the guest's memory is (${option})`;
}
