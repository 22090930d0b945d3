import { boardOf } from "../../machine/board.ts";
import { configArch, type VmConfig } from "../../machine/mod.ts";
import { withRunPort } from "../run/run_port.ts";

/**
 * Which port for commands a guest gets: one that is fast and needs a driver, one that each kernel has, or none.
 *
 * @example
 * ```ts
 * import { bootVm, type RunPortWish } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const runPort: RunPortWish = "serial";
 * await using vm = await bootVm({ accel: "tcg" }, { runPort });
 * assertEquals(vm.argv?.includes("chardev:run"), true);
 * ```
 */
export type RunPortWish = "virtio" | "serial" | "none";

/**
 * What a test's VM has beyond its config. QEMU holds a guest that panicked, or whose watchdog fired, so that it is still there to be looked at; a
 * power-off and a reset stay what they are: a test that wants one waits for it. And a guest that may have a shell has a port for commands, where
 * its board is known to have a place for one.
 *
 * @param config The guest's config; the actions that it names itself come first.
 * @param runPort Which port; by itself the one that the board can have.
 * @returns The config to launch.
 * @throws {RangeError} When the board has no place for the port that is asked for.
 */
export function testConfig(config: VmConfig, runPort?: RunPortWish): VmConfig {
  const held: VmConfig = { ...config, actions: { panic: "pause", watchdog: "pause", ...config.actions } };
  if (runPort === "none") return held;
  if (runPort !== undefined) return withRunPort(held, { device: runPort });
  const { kernel, drives = [], cdrom } = config;
  const mayHaveShell = kernel !== undefined || drives.length > 0 || cdrom !== undefined;
  const board = boardOf(config, { arch: configArch(config) });
  const hasPlace = board.virtio === "pci" ? board.pci : board.virtio !== null || board.isa && board.uart;
  return mayHaveShell && hasPlace ? withRunPort(held) : held;
}
