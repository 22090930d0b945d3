/**
 * The modules that the Linux guest loads unless it is told otherwise: disks, network, console, balloon, the
 * power button (`button` finds it, `evdev` lets a program read it), and both kinds of pvpanic.
 */
export const DEFAULT_LINUX_MODULES: readonly string[] = [
  "virtio_pci",
  "virtio_blk",
  "virtio_net",
  "virtio_console",
  "virtio_balloon",
  "evdev",
  "button",
  "pvpanic-mmio",
  "pvpanic-pci",
];

/** The modules that can be asked for, beside those that the kernel has built in (nvme, ext4, i8042, TPM). */
export const LINUX_MODULES: readonly string[] = [
  ...DEFAULT_LINUX_MODULES,
  "ata_piix",
  "fuse",
  "isofs",
  "overlay",
  "sd_mod",
  "virtio-rng",
  "virtio_input",
  "virtio_mem",
  "virtio_mmio",
  "virtio_scsi",
  "virtiofs",
  "vmw_vsock_virtio_transport",
];

/** What a folder with a Linux guest's kernel and modules says about itself, in `contents.json`. */
export interface LinuxContents {
  /** Goes up when the folder's layout changes. */
  readonly format: 1;
  /** The release of the kernel, such as `6.1.0-56-cloud-amd64`. */
  readonly release: string;
  /** The names of all modules in the folder, each with those that must be loaded before it. */
  readonly modules: Readonly<Record<string, readonly string[]>>;
}

/**
 * A module's name as the kernel writes it: file names may have hyphens where the kernel has underscores.
 *
 * @param name The name of a module or its file, without `.ko`.
 * @returns The name with underscores.
 */
export function moduleName(name: string): string {
  return name.replaceAll("-", "_");
}

/**
 * Puts modules into the order in which they have to be loaded, with all that they need.
 *
 * @param wanted The modules asked for, in any spelling.
 * @param modules The modules there are, with what each needs.
 * @returns The names to load, each after those it needs and none twice.
 * @throws {RangeError} If a module is not there.
 */
export function loadOrder(wanted: readonly string[], modules: LinuxContents["modules"]): string[] {
  const order = new Set<string>();
  const add = (name: string) => {
    if (order.has(name)) return;
    const needed = modules[name];
    if (needed === undefined) {
      const known = Object.keys(modules).toSorted().join(", ");
      throw new RangeError(`Cannot load the kernel module "${name}": the folder has only ${known}`);
    }
    needed.forEach(add);
    order.add(name);
  };
  wanted.map(moduleName).forEach(add);
  return [...order];
}
