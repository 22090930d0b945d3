import type { QmpCommands } from "../../qmp/mod.ts";
import { type FaultScene, Obstacle } from "./scene.ts";

/** What QEMU says of an image that is in a drive. */
export type Inserted = NonNullable<QmpCommands["query-block"]["returns"][number]["inserted"]>;

/** A disk that the guest has. */
export interface Disk {
  /** The drive's id, as in the config. */
  readonly id: string;
  /** The path of its device in QEMU's object tree. */
  readonly path: string;
  /** What QEMU says of its image. */
  readonly inserted: Inserted;
}

/**
 * Finds a disk of the guest.
 *
 * @param scene Whose.
 * @param id The drive's id; without one, the only disk.
 * @returns The disk.
 */
export async function findDisk({ vm, call }: FaultScene, id: string | undefined): Promise<Disk> {
  const disks = disksOf(await vm.qmp.execute("query-block", {}, call));
  const found = id === undefined ? disks : disks.filter((disk) => disk.id === id);
  const [disk] = found;
  if (disk !== undefined && found.length === 1) return disk;
  const all = disks.map((one) => one.id).join(", ");
  throw new Obstacle(
    disks.length === 0
      ? "it has no disk with an image; give it one in the config"
      : id === undefined
      ? `it has several; name one of ${all}`
      : `there is no such disk; it has ${all}`,
  );
}

/**
 * The disks in what `query-block` answers: those that a device shows to the guest and that have an image.
 *
 * @param blocks The answer.
 * @returns The disks.
 */
export function disksOf(blocks: QmpCommands["query-block"]["returns"]): Disk[] {
  return blocks.flatMap(({ device, qdev, inserted }) => {
    if (qdev === undefined || inserted === undefined) return [];
    return [{ id: device === "" ? idOf(qdev) : device, path: qdev, inserted }];
  });
}

/** A device's id, from its place: `/machine/peripheral/disk0/virtio-backend`. One that has none goes by its whole path. */
function idOf(path: string): string {
  return /^\/machine\/peripheral\/([^/]+)/.exec(path)?.[1] ?? path;
}
