import { type Board, virtioDevice } from "./board.ts";
import type { FirmwareConfig, VmConfig } from "./config.ts";
import { DRIVE_INTERFACES, type DriveConfig, type DriveInterface } from "./drive_config.ts";
import { CDROM_ID, driveId } from "./ids.ts";
import { formatOption, type OptionValue } from "./options.ts";

/**
 * The arguments for a config's drives and CD-ROM, with the SCSI controller if one is needed.
 *
 * `-drive` is used rather than `-blockdev`, because only it has `snapshot=on`. The file is given as `file.driver=` and
 * `file.filename=`: as a bare `file=` QEMU would take a name with a colon for a protocol.
 *
 * @param config The config.
 * @param board Its board.
 * @returns Arguments.
 */
export function driveArgs(config: VmConfig, board: Board): string[] {
  const drives = (config.drives ?? []).map((drive, index) => ({ ...drive, id: driveId(drive, index) }));
  if (config.cdrom !== undefined) {
    drives.push({ file: config.cdrom, media: "cdrom", format: "raw", id: CDROM_ID });
  }
  const args: string[] = [];
  if (drives.some((drive) => driveInterface(drive, board) === "scsi")) {
    args.push("-device", formatOption(virtioDevice(board, "virtio-scsi"), { id: "scsi0" }));
  }
  let ideDrives = 0;
  for (const drive of drives) {
    const on = driveInterface(drive, board);
    args.push(...oneDrive(drive, drive.id, on, board, on === "ide" ? idePlace(board, ideDrives++) : {}));
  }
  return args;
}

/** Left to itself QEMU puts every drive on the first bus, and fails at the second (q35) or third (pc). */
function idePlace({ ide }: Board, index: number): Record<string, OptionValue> {
  return ide === null ? {} : { bus: `ide.${Math.floor(index / ide.units)}`, unit: index % ide.units };
}

function oneDrive(
  drive: DriveConfig,
  id: string,
  on: DriveInterface,
  board: Board,
  place: Readonly<Record<string, OptionValue>>,
): string[] {
  const backend = formatOption(undefined, {
    // A floppy's controller is there only if QEMU hears of the floppy this way (q35); the others get a device of their own.
    if: on === "floppy" ? "floppy" : "none",
    id,
    format: driveFormat(drive),
    readonly: drive.readonly ?? (drive.media === "cdrom" ? true : undefined),
    snapshot: drive.snapshot,
    cache: drive.cache,
    aio: drive.aio,
    discard: drive.discard,
    ...(driveFormat(drive) === "luks"
      ? { "key-secret": drive.keySecret }
      : { "encrypt.key-secret": drive.keySecret }),
    "file.driver": drive.driver ?? "file",
    "file.filename": drive.file,
  });
  const device = deviceName(drive, on, board);
  if (device === null) return ["-drive", backend];
  const frontend: Record<string, OptionValue> = {
    id,
    drive: id,
    ...place,
    bootindex: drive.bootIndex,
    rerror: drive.rerror,
    werror: drive.werror,
    // QEMU refuses an nvme without one.
    serial: drive.serial ?? (on === "nvme" ? id.slice(0, 20) : undefined),
  };
  return ["-drive", backend, "-device", formatOption(device, frontend)];
}

function deviceName(drive: DriveConfig, on: DriveInterface, board: Board): string | null {
  const kind = drive.media === "cdrom" ? "cd" : "hd";
  switch (on) {
    case "virtio-blk":
      return virtioDevice(board, "virtio-blk");
    case "scsi":
      return `scsi-${kind}`;
    case "ide":
      return `ide-${kind}`;
    case "nvme":
      return "nvme";
    case "floppy":
    case "none":
      return null;
  }
}

function driveInterface(drive: DriveConfig, board: Board): DriveInterface {
  const chosen = DRIVE_INTERFACES.find((one) => one === drive.interface);
  if (chosen !== undefined) return chosen;
  if (drive.media === "cdrom") return board.ide === null ? "scsi" : "ide";
  return board.virtio === null && board.ide !== null ? "ide" : "virtio-blk";
}

/** The format, never QEMU's guess: what is in a raw image is the guest's to write. */
function driveFormat(drive: DriveConfig): string {
  return drive.format ?? (drive.file.endsWith(".qcow2") ? "qcow2" : "raw");
}

/**
 * The arguments for firmware.
 *
 * @param firmware The firmware, if the config has its own.
 * @returns Arguments.
 */
export function firmwareArgs(firmware: FirmwareConfig = {}): string[] {
  const args: string[] = [];
  if (firmware.bios !== undefined) args.push("-bios", firmware.bios);
  for (const [unit, file] of [firmware.code, firmware.vars].entries()) {
    if (file === undefined) continue;
    const flash = {
      if: "pflash",
      unit,
      format: "raw",
      readonly: unit === 0 ? true : undefined,
      "file.driver": "file",
      "file.filename": file,
    };
    args.push("-drive", formatOption(undefined, flash));
  }
  return args;
}
