import type { MonitorAddress } from "../qmp/address.ts";
import type { DriveConfig } from "./drive_config.ts";
import type {
  ActionsConfig,
  BootConfig,
  DisplayConfig,
  RtcConfig,
  ShareConfig,
  TpmConfig,
  VsockConfig,
} from "./device_config.ts";
import type { NetworkConfig } from "./network_config.ts";

/**
 * What to run: one virtual machine, as QEMU is to build it. Every field is optional; `{}` is a `pc` with 128 MiB,
 * a serial console and a pvpanic device.
 *
 * File names are plain file names: no protocol prefix (`nbd:`, `json:`...) is ever interpreted, and commas, quotes
 * and spaces need no escaping. Strings may not hold NUL or a lone surrogate, which no argument can carry.
 *
 * @example A config is checked before anything is started
 * ```ts
 * import { parseVmConfig, type VmConfig } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const config: VmConfig = { name: "web", memoryMiB: 256, drives: [{ file: "web.qcow2" }] };
 *
 * assertEquals(parseVmConfig(config), config);
 * ```
 */
export interface VmConfig {
  /** The guest's name, in QEMU's window titles, `query-name` and Qeeper's reports (`-name guest=`). Default `"vm"`. */
  name?: string;
  /** The guest's UUID (`-uuid`): what `query-uuid` answers and the firmware tells the guest. Default none. */
  uuid?: string;
  /**
   * The guest's architecture as QEMU's binaries spell it: the binary is `qemu-system-ARCH`. Default `"x86_64"`, or
   * what the name of `binary` says. Only one of `arch` and `binary` is needed.
   */
  arch?: string;
  /** The QEMU binary: a path, or a name that is looked up on PATH. Default `qemu-system-ARCH`. */
  binary?: string;
  /**
   * The machine type's name (`-machine`), as in `qemu -machine help`; its properties belong in `machineProps`.
   * Default `"pc"` on x86, `"virt"` on Arm, RISC-V and LoongArch, `"s390-ccw-virtio"`, `"pseries"` on PowerPC.
   */
  machine?: string;
  /** Properties of the machine type (`-machine TYPE,KEY=VALUE`); booleans become `on` and `off`. */
  machineProps?: Record<string, string | number | boolean>;
  /** The accelerator (`-accel`). `"auto"`, the default, takes one that was measured to be fast here, else tcg. */
  accel?: "auto" | "kvm" | "hvf" | "tcg";
  /** The CPU model, with its features: `"max"`, `"qemu64,+rdrand"` (`-cpu`). Default: the machine type's own. */
  cpu?: string;
  /** Number of virtual CPUs (`-smp cpus=`). Default 1, or what `topology` multiplies to. */
  cpus?: number;
  /** How the CPUs are laid out (`-smp sockets=,...`). Default: QEMU's choice for the machine type. */
  topology?: TopologyConfig;
  /** The guest's memory in MiB (`-m`). Default 128, which is QEMU's own. */
  memoryMiB?: number;
  /** Firmware other than the machine type's own. */
  firmware?: FirmwareConfig;
  /** A kernel to boot directly (`-kernel`): a Linux image, or on x86 a multiboot one. */
  kernel?: string;
  /**
   * The kernel's initial RAM disk (`-initrd`). For a multiboot kernel QEMU reads this as a list of modules: it splits
   * at commas, and what follows a space is the module's arguments.
   */
  initrd?: string;
  /** The kernel's command line (`-append`). */
  append?: string;
  /** Disks, floppies and CD-ROMs, in order. */
  drives?: readonly DriveConfig[];
  /**
   * An ISO image in a CD-ROM drive of its own, after `drives`: short for
   * `{ file, media: "cdrom", format: "raw", id: "cdrom" }`.
   */
  cdrom?: string;
  /** Network cards, in order. Default none: QEMU's own default card is off. */
  networks?: readonly NetworkConfig[];
  /**
   * Where the guest's console is: `"serial"` its first UART (`-serial`), `"virtio"` a virtio console (`/dev/hvc0`),
   * `"none"`. `true` is `"serial"` where the board has a UART, else `"virtio"`; `false` is `"none"`.
   * Default `"serial"` where the board has a UART, else `"none"`.
   */
  console?: boolean | "serial" | "virtio" | "none";
  /** A source of random numbers (`virtio-rng` on QEMU's own `rng-builtin`). Default false. */
  rng?: boolean;
  /** A memory balloon (`virtio-balloon`), for the `balloon` command. Default false. */
  balloon?: boolean;
  /** A watchdog device by its name in QEMU: `"i6300esb"` (PCI), `"ib700"` (ISA)... Default none. */
  watchdog?: string;
  /**
   * A device through which the guest's kernel tells that it panicked: `pvpanic` where the board has an ISA bus,
   * `pvpanic-pci` where it has only PCI. Default true where the board is known to have either.
   */
  pvpanic?: boolean;
  /** A socket between host and guest (`vhost-vsock`); needs `/dev/vhost-vsock`. */
  vsock?: VsockConfig;
  /** Directories of the host that the guest can mount. */
  shares?: readonly ShareConfig[];
  /** A TPM, emulated by a running `swtpm`. */
  tpm?: TpmConfig;
  /** Where the screen is shown (`-display none`, `-vnc unix:`). Default `"none"`. */
  display?: DisplayConfig;
  /**
   * The graphics card: `"none"`, `"std"`, `"virtio"`, `"cirrus"`, `"qxl"`, `"vmware"`... (`-vga`; `virtio-gpu` off x86).
   * Default `"std"` where the screen is shown, else `"none"`.
   */
  vga?: string;
  /**
   * A channel for the guest agent: a virtio-serial port `org.qemu.guest_agent.0`, with chardev and device id `agent`.
   * Default false.
   */
  agent?: boolean;
  /** Monitors besides the built-in `control`, `watch` and `hmp`. */
  monitors?: readonly MonitorConfig[];
  /** Secrets that other parts name by id (`-object secret,file=`); a value never gets onto the command line. */
  secrets?: readonly SecretConfig[];
  /** The real-time clock (`-rtc`). Default: QEMU's, UTC on the host's clock. */
  rtc?: RtcConfig;
  /** What the firmware boots from (`-boot`). A drive's `bootIndex` comes before it. */
  boot?: BootConfig;
  /**
   * QEMU's own seccomp filter (`-sandbox`). `"allow-spawn"` leaves out `spawn=deny`, with which `migrate exec:` fails (QEMU 10.0) or is the end of QEMU (7.2).
   * Default true where the binary has it; then `spawn=deny` is left out when the config itself needs a program run.
   */
  sandbox?: boolean | "allow-spawn";
  /** What QEMU does when the guest shuts down, resets, panics, or its watchdog fires (`-action`). */
  actions?: ActionsConfig;
  /**
   * A log of CPU resets in the run directory (`-d cpu_reset -D`), the only trace of a triple fault: about 1.3 kB a reset.
   * Default true under tcg, unless `extraArgs` has a `-d` or `-D` of its own.
   */
  logResets?: boolean;
  /** Start as the target of a migration (`-incoming`): `"defer"`, `"unix:/path"`, `"exec:cat state"`... */
  incoming?: string;
  /** Raw arguments, appended last and not looked at. */
  extraArgs?: readonly string[];
}

/** How the virtual CPUs are laid out. Every factor defaults to 1; their product is the number of CPUs. */
export interface TopologyConfig {
  /** CPU sockets on the board. */
  sockets?: number;
  /** Dies in a socket; not every machine type has them. */
  dies?: number;
  /** Cores in a die. */
  cores?: number;
  /** Threads in a core. */
  threads?: number;
}

/** Firmware: either one BIOS image, or UEFI as a code image with a writable copy of its variables. */
export interface FirmwareConfig {
  /** A firmware image (`-bios`), a path. For one of QEMU's own by name use `machineProps: { firmware: "NAME" }`. */
  bios?: string;
  /** The UEFI code, read-only, in the first flash (`-drive if=pflash,unit=0`). */
  code?: string;
  /** This guest's own copy of the UEFI variables, written to, in the second flash (`-drive if=pflash,unit=1`). */
  vars?: string;
}

/**
 * A monitor besides the built-in ones: one `-chardev` and one `-mon`.
 *
 * @example
 * ```ts
 * import { parseVmConfig, type MonitorConfig } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const monitor: MonitorConfig = {
 *   id: "people",
 *   mode: "readline",
 *   address: { transport: "tcp", host: "127.0.0.1", port: 4445 },
 * };
 *
 * assertEquals(parseVmConfig({ monitors: [monitor] }).monitors, [monitor]);
 * ```
 */
export interface MonitorConfig {
  /** Its name, and its chardev's id: a letter, then letters, digits, `.`, `_` or `-`. */
  id: string;
  /** `"control"` speaks QMP, `"readline"` is for people (HMP). Default `"control"`. */
  mode?: "control" | "readline";
  /** QMP in many indented lines rather than one a message (`pretty=on`). Default false. */
  pretty?: boolean;
  /** Where it is. Default: a unix socket in the run directory. TCP lets in whoever can connect. */
  address?: MonitorAddress;
  /** Whether QEMU listens (true, the default) or connects to a socket that listens already. */
  server?: boolean;
}

/**
 * A secret: its value, which the launcher writes to a file of mode 0600 in the run directory, or a file that holds it.
 *
 * @example
 * ```ts
 * import { parseVmConfig, type SecretConfig } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const secret: SecretConfig = { id: "disk-key", file: "disk.key" };
 * const drive = { file: "disk.qcow2", keySecret: "disk-key" };
 *
 * assertEquals(parseVmConfig({ secrets: [secret], drives: [drive] }).secrets, [secret]);
 * ```
 */
export type SecretConfig = SecretValueConfig | SecretFileConfig;

/** A secret given by its value. */
export interface SecretValueConfig {
  /** The name that other parts of the config use. */
  id: string;
  /** The secret itself. */
  value: string;
}

/** A secret that is in a file already. */
export interface SecretFileConfig {
  /** The name that other parts of the config use. */
  id: string;
  /** The file that holds it. */
  file: string;
}
