import type { VmConfig } from "../machine/mod.ts";
import type { Policy } from "./spec.ts";

/**
 * Has QEMU hold a guest at its end, so that the process stays and says what happened. Where the policy has something to do about
 * a plain reboot, reboots are held too.
 *
 * @param config The guest's config; the actions that it names itself come first.
 * @param policy What is done about its ends.
 * @returns The config to launch.
 */
export function heldConfig(config: VmConfig, policy: Pick<Policy, "onCause">): VmConfig {
  const onReset = policy.onCause["guest-reset"];
  const reboot = onReset === "restart" || onReset === "stop" || onReset === "preserve"
    ? { reboot: "shutdown" as const }
    : {};
  return {
    ...config,
    actions: { shutdown: "pause", panic: "pause", watchdog: "pause", ...reboot, ...config.actions },
  };
}
