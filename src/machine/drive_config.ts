/** How a drive is attached: a bus, or `"none"` for an image with no device (one that only holds snapshots). */
export type DriveInterface = "virtio-blk" | "scsi" | "nvme" | "ide" | "floppy" | "none";

/** The words for it. */
export const DRIVE_INTERFACES: readonly DriveInterface[] = [
  "virtio-blk",
  "scsi",
  "nvme",
  "ide",
  "floppy",
  "none",
];

/**
 * A disk, floppy or CD-ROM: one `-drive if=none` and, unless its interface is `"none"`, one `-device`.
 *
 * @example
 * ```ts
 * import type { DriveConfig } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const scratch: DriveConfig = { file: "scratch.img", interface: "nvme", snapshot: true };
 *
 * assertEquals(scratch.interface, "nvme");
 * ```
 */
export interface DriveConfig {
  /** The image, a plain file name whatever it holds (`file.filename=`). */
  file: string;
  /** `"file"` (the default) for a regular file, `"host_device"` for a block device such as `/dev/sdb` (`file.driver=`). */
  driver?: "file" | "host_device";
  /**
   * The image's format (`format=`): `"raw"`, `"qcow2"`, `"luks"`, `"vmdk"`... Default `"qcow2"` for a name that ends in
   * `.qcow2`, else `"raw"`. QEMU never guesses: a guest could write a header into its raw disk, and so read any file of the host.
   */
  format?: string;
  /**
   * The bus it is on. Default: `"virtio-blk"` for a disk, where the board can have one, else `"ide"`; a CD-ROM is on
   * `"ide"` where the board has it, else on `"scsi"`. The type is open, so that a word can come from a variable; the check is not.
   */
  interface?: DriveInterface | (string & Record<never, never>);
  /** `"disk"` (the default) or `"cdrom"`, which is read-only, on `ide` or `scsi`. */
  media?: "disk" | "cdrom";
  /** The drive's id, its device's id, and its name in events. Default `disk0`, `disk1`... (`cdrom0`... for a CD-ROM). */
  id?: string;
  /** The guest can't write to it (`readonly=on`). Not for `ide` disks. Default false, for CD-ROMs true. */
  readonly?: boolean;
  /** Writes go to a temporary file and are forgotten when QEMU ends (`snapshot=on`). Default false. */
  snapshot?: boolean;
  /** How the host caches it (`cache=`). Default `"writeback"`. */
  cache?: "writeback" | "writethrough" | "none" | "directsync" | "unsafe";
  /** How QEMU reads and writes it (`aio=`). `"native"` needs cache `"none"` or `"directsync"`. Default `"threads"`. */
  aio?: "threads" | "native" | "io_uring";
  /** Whether the guest's discards free space in the image (`discard=`). Default `"ignore"`. */
  discard?: "ignore" | "unmap";
  /** Its place in the boot order, the lowest first (`bootindex=`). Default: not in the order. */
  bootIndex?: number;
  /** What QEMU does at a read error (`rerror=`). Default `"report"`, to the guest. Not for `nvme` and `floppy`. */
  rerror?: "ignore" | "report" | "stop";
  /** What QEMU does at a write error (`werror=`). Default `"enospc"`: stop when there is no space, else report. */
  werror?: "ignore" | "report" | "stop" | "enospc";
  /** The serial number that the guest sees, at most 20 bytes (`serial=`). Default none; for `nvme` the drive's id. */
  serial?: string;
  /** The id of the secret that opens an encrypted image: `luks`, or `qcow2` with LUKS inside (`key-secret=`). */
  keySecret?: string;
}
