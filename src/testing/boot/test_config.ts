import type { VmConfig } from "../../machine/mod.ts";

/**
 * Has QEMU hold a guest that panicked, or whose watchdog fired, so that it is still there to be looked at. A power-off and a reset stay what
 * they are: a test that wants one waits for it.
 *
 * @param config The guest's config; the actions that it names itself come first.
 * @returns The config to launch.
 */
export function testConfig(config: VmConfig): VmConfig {
  return { ...config, actions: { panic: "pause", watchdog: "pause", ...config.actions } };
}
