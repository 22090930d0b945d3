/** A virtio socket. */
export interface VsockConfig {
  /** The guest's context id, 3 or more, one of its own in the host (`guest-cid=`). */
  cid: number;
}

/**
 * A directory of the host that the guest can mount by its tag: `mount -t 9p -o trans=virtio TAG /mnt`.
 *
 * @example
 * ```ts
 * import { parseVmConfig, type ShareConfig } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const share: ShareConfig = { type: "9p", path: "src", tag: "src", readonly: true };
 *
 * assertEquals(parseVmConfig({ shares: [share] }).shares, [share]);
 * ```
 */
export type ShareConfig = NinePShareConfig | VirtiofsShareConfig;

/** A directory served by QEMU itself (`-fsdev local`, `virtio-9p`). */
export interface NinePShareConfig {
  /** Which of the two it is. */
  type: "9p";
  /** The directory. */
  path: string;
  /** The name that the guest mounts, at most 31 bytes (`mount_tag=`). */
  tag: string;
  /** The guest can't write (`readonly=on`). Default false. */
  readonly?: boolean;
  /** How the guest's owners and modes are kept (`security_model=`). Default `"mapped-xattr"`. */
  security?: "mapped-xattr" | "mapped-file" | "passthrough" | "none";
}

/**
 * A directory served by a running `virtiofsd` (`vhost-user-fs`). The guest's memory is then shared with it, in a
 * `memory-backend-memfd` named `mem0`, unless `machineProps` names a memory backend already.
 */
export interface VirtiofsShareConfig {
  /** Which of the two it is. */
  type: "virtiofs";
  /** The unix socket that virtiofsd listens on. */
  socket: string;
  /** The name that the guest mounts, at most 36 bytes (`tag=`). */
  tag: string;
}

/** A TPM 2.0 in a running `swtpm` (`-tpmdev emulator`). */
export interface TpmConfig {
  /** The unix socket of swtpm's control channel. */
  socket: string;
  /** The device that the guest sees. Default `"tpm-crb"` on x86, `"tpm-tis-device"` elsewhere. */
  model?: string;
}

/** Where the screen is shown: nowhere, or by VNC on a unix socket that QEMU makes. */
export type DisplayConfig = "none" | { vnc: string };

/** The real-time clock. */
export interface RtcConfig {
  /** What it says at the start: `"utc"`, `"localtime"`, or a date, `2026-11-21T10:00:00` (`base=`). Default `"utc"`. */
  base?: string;
  /** What drives it: the host's wall clock, its monotonic clock, or the guest's own time (`clock=`). Default `"host"`. */
  clock?: "host" | "rt" | "vm";
  /** Whether ticks lost by the guest are made up for (`driftfix=`, x86). Default `"none"`. */
  driftfix?: "none" | "slew";
}

/** What the firmware boots from. */
export interface BootConfig {
  /** Drives by letter, in order: floppy `a`, hard disk `c`, CD-ROM `d`, network `n` (`order=`). */
  order?: string;
  /** The same, for the first boot only (`once=`). */
  once?: string;
  /** The firmware's boot menu (`menu=on`). Default false. */
  menu?: boolean;
  /** Boot only from what has a place in the order (`strict=on`). Default false. */
  strict?: boolean;
}

/**
 * What QEMU does when something ends inside the guest. An end that is held can be looked at, and reset in place.
 *
 * @example
 * ```ts
 * import { parseVmConfig, type ActionsConfig } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const actions: ActionsConfig = { shutdown: "pause", panic: "pause", watchdog: "pause" };
 *
 * assertEquals(parseVmConfig({ actions }).actions, actions);
 * ```
 */
export interface ActionsConfig {
  /** The guest powered off: end the process (QEMU's default), or hold it. */
  shutdown?: "poweroff" | "pause";
  /** The guest rebooted: reset it (QEMU's default), or take that for a shutdown. */
  reboot?: "reset" | "shutdown";
  /** The guest panicked: go on, hold it, end the process (QEMU's default), or end it with exit code 1. */
  panic?: "none" | "pause" | "shutdown" | "exit-failure";
  /** The watchdog fired. QEMU's default is `"reset"`. */
  watchdog?: "reset" | "shutdown" | "poweroff" | "inject-nmi" | "pause" | "debug" | "none";
}
