import type { VmConfig } from "./config.ts";
import type { DriveConfig } from "./drive_config.ts";

/**
 * A drive's id in QEMU: its own, or one from its place in the list.
 *
 * @param drive The drive.
 * @param index Its place in `VmConfig.drives`.
 * @returns The id of the `-drive` and of its device.
 */
export function driveId(drive: DriveConfig, index: number): string {
  return drive.id ?? `${drive.media === "cdrom" ? "cdrom" : "disk"}${index}`;
}

/** The id of the drive that `VmConfig.cdrom` is short for. */
export const CDROM_ID = "cdrom";

/**
 * A network's id in QEMU: its own, or one from its place in the list.
 *
 * @param network The network.
 * @param index Its place in `VmConfig.networks`.
 * @returns The id of the `-netdev`.
 */
export function networkId(network: { id?: string }, index: number): string {
  return network.id ?? `net${index}`;
}

/**
 * A network card's id in QEMU. It differs from its network's, because `set_link` takes either.
 *
 * @param network The network's id.
 * @returns The id of the card's `-device`.
 */
export function cardId(network: string): string {
  return `${network}-nic`;
}

/**
 * A share's id in QEMU.
 *
 * @param index Its place in `VmConfig.shares`.
 * @returns The id of its file system or chardev, and of its device.
 */
export function shareId(index: number): string {
  return `fs${index}`;
}

/** The ids that the compiler gives to devices, chardevs and objects of its own, and those of the recorder and of a launch's tie. */
const RESERVED: ReadonlySet<string> = new Set([
  "control",
  "watch",
  "hmp",
  "recorder",
  "tie",
  "console",
  "agent",
  "mem0",
  "scsi0",
  "virtio-serial0",
  "rng0",
  "balloon0",
  "watchdog0",
  "pvpanic0",
  "vsock0",
  "tpm0",
  "vga0",
]);

/**
 * Whether an id is one that the compiler uses itself.
 *
 * @param id Any id.
 * @returns True if a config can't use it.
 */
export function isReservedId(id: string): boolean {
  return RESERVED.has(id) || /^fs\d+$/.test(id);
}

/** An id and the place in the config that it comes from. */
export interface PlacedId {
  id: string;
  /** The path of what bears it: `drives[0]`. */
  owner: string;
  /** Whether the config says it, rather than its place in a list. */
  explicit: boolean;
}

/**
 * Every id that a config's own parts have, said or not. QEMU has several name spaces; a config has one, so that an id in an
 * event or an error means one thing.
 *
 * @param config The config.
 * @returns The ids in the config's order.
 */
export function configIds(config: VmConfig): readonly PlacedId[] {
  const ids: PlacedId[] = [];
  for (const [index, drive] of (config.drives ?? []).entries()) {
    ids.push({ id: driveId(drive, index), owner: `drives[${index}]`, explicit: drive.id !== undefined });
  }
  if (config.cdrom !== undefined) ids.push({ id: CDROM_ID, owner: "cdrom", explicit: false });
  for (const [index, network] of (config.networks ?? []).entries()) {
    if (network.type === "none") continue;
    const id = networkId(network, index);
    const owner = `networks[${index}]`;
    ids.push({ id, owner, explicit: network.id !== undefined }, { id: cardId(id), owner, explicit: false });
  }
  for (const [index, { id }] of (config.monitors ?? []).entries()) {
    ids.push({ id, owner: `monitors[${index}]`, explicit: true });
  }
  for (const [index, { id }] of (config.secrets ?? []).entries()) {
    ids.push({ id, owner: `secrets[${index}]`, explicit: true });
  }
  return ids;
}
