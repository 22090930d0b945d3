import type { VmConfig } from "../../../mod.ts";
import { linuxGuest, type TestVm } from "../../../src/testing/mod.ts";

/** As little as this Linux boots with; each clone touches a part of it. */
export const MEMORY_MIB = 80;

/** The modules that a guest with a disk, and with a port for commands, needs. */
const MODULES = ["virtio_pci", "virtio_blk", "virtio_console"];

/**
 * Writes a Linux and its disk into a folder, unless they are there.
 *
 * @param dir The folder.
 * @returns What boots it.
 */
export async function linuxIn(
  dir: string,
): Promise<VmConfig & { kernel: string; initrd: string; append: string }> {
  const { initrd, ...guest } = await linuxGuest({ modules: MODULES });
  if (!await Deno.stat(`${dir}/initrd`).then(() => true, () => false)) {
    await Deno.writeFile(`${dir}/initrd`, initrd);
    await Deno.writeFile(`${dir}/disk.img`, new Uint8Array(4 * 1024 * 1024));
  }
  return {
    ...guest,
    accel: "tcg",
    initrd: `${dir}/initrd`,
    memoryMiB: MEMORY_MIB,
    drives: [{ file: `${dir}/disk.img` }],
  };
}

/** Where clones begin. */
export async function untilReady(vm: TestVm): Promise<void> {
  await vm.console.expect("GUEST-READY\n");
}
