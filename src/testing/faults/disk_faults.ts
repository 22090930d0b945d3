import type { QmpCommands } from "../../qmp/mod.ts";
import { type Disk, findDisk } from "./disk.ts";
import { isSameThrottle, type Throttle, throttleOf } from "./disk_limits.ts";
import type { Undo } from "./fault.ts";
import { type FaultScene, later, until } from "./scene.ts";

/** What a request that fails answers: EIO on every system that QEMU runs on. */
const EIO = 5;

/** The kinds of requests that can be made to fail, as QEMU's `blkdebug` has them. */
type Request = NonNullable<
  NonNullable<
    Extract<QmpCommands["blockdev-add"]["arguments"], { driver: "blkdebug" }>["inject-error"]
  >[number]["iotype"]
>;

/**
 * Which of a disk's requests fail, and how.
 *
 * @example
 * ```ts
 * import type { DiskFailure } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const full: DiskFailure = { requests: ["write"], errno: 28 };
 * assertEquals(full.once, undefined);
 * ```
 */
export interface DiskFailure {
  /** Which requests. Default reads, writes and flushes. */
  requests?: readonly ("read" | "write" | "flush" | "discard" | "write-zeroes")[];
  /**
   * The error's number, as the host's Linux has it. Default 5 (EIO, "Input/output error"). 28 (ENOSPC, "No space left on device") makes QEMU
   * hold the guest, unless the drive's `werror` says otherwise.
   */
  errno?: number;
  /** Only requests that touch this sector of 512 bytes. Default: all. */
  sector?: number;
  /** Each kind of request fails once, then works again. Default false. */
  once?: boolean;
}

/**
 * Limits a disk (`block_set_io_throttle`).
 *
 * @param scene Whose.
 * @param disk The disk.
 * @param throttle The limits.
 * @returns Gives it the limits that it had.
 */
export async function throttleDisk(scene: FaultScene, disk: Disk, throttle: Throttle): Promise<Undo> {
  const before = throttleOf(disk.inserted);
  await limit(scene, disk, throttle);
  return () => limit(later(scene), disk, before);
}

async function limit(scene: FaultScene, { id, path }: Disk, throttle: Throttle): Promise<void> {
  await scene.vm.qmp.execute("block_set_io_throttle", { id: path, ...throttle }, scene.call);
  await until(scene, "its new limit", async () => {
    return isSameThrottle(throttleOf((await findDisk(scene, id)).inserted), throttle);
  });
}

/**
 * Puts a `blkdebug` node between a disk's device and its image, while the guest runs.
 *
 * @param scene Whose.
 * @param disk The disk.
 * @param failure What fails.
 * @returns Takes the node out again.
 */
export async function failDisk(scene: FaultScene, disk: Disk, failure: DiskFailure): Promise<Undo> {
  const { qmp } = scene.vm;
  const { requests = ["read", "write", "flush"], errno = EIO, sector, once } = failure;
  const image = disk.inserted["node-name"] ?? "";
  const node = `fault-${crypto.randomUUID().slice(0, 8)}`;
  const rules = requests.map((iotype: Request) => ({
    event: "none" as const,
    iotype,
    errno,
    ...(sector === undefined ? {} : { sector }),
    ...(once === undefined ? {} : { once }),
  }));
  const args = { driver: "blkdebug" as const, "node-name": node, image, "inject-error": rules };
  await qmp.execute("blockdev-add", args, scene.call);
  try {
    await plug(scene, disk, node);
  } catch (error) {
    // In use or not there: the disk is what matters.
    if (qmp.open) await remove(later(scene), disk, image, node).catch(() => {});
    throw error;
  }
  return () => remove(later(scene), disk, image, node);
}

async function remove(scene: FaultScene, disk: Disk, image: string, node: string): Promise<void> {
  await plug(scene, disk, image);
  await scene.vm.qmp.execute("blockdev-del", { "node-name": node }, scene.call);
}

/** Has a disk's device read and write through another node. */
async function plug(scene: FaultScene, { id, path }: Disk, node: string): Promise<void> {
  await scene.vm.qmp.execute("qom-set", { path, property: "drive", value: node }, scene.call);
  await until(scene, "its other node", async () => {
    return (await findDisk(scene, id)).inserted["node-name"] === node;
  });
}
