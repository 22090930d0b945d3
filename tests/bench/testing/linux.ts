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

/** Where the clones of tests begin. */
export async function untilReady(vm: TestVm): Promise<void> {
  await vm.console.expect("GUEST-READY\n");
}

/** What the guest is asked so that it has nothing left to do from its boot, and what it answers. */
export const SETTLE = { command: "sleep 1; echo idle-$((40 + 2))\n", answer: "idle-42\n" } as const;

/** Where clones begin that are measured each for itself: what a boot has left to do would be a part of them, a different one in each template. */
export async function untilIdle(vm: TestVm): Promise<void> {
  await untilReady(vm);
  await vm.console.write(SETTLE.command);
  await vm.console.expect(SETTLE.answer);
}
