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
  const reboot = holdsReboots(policy) ? { reboot: "shutdown" as const } : {};
  return {
    ...config,
    actions: { shutdown: "pause", panic: "pause", watchdog: "pause", ...reboot, ...config.actions },
  };
}

/**
 * Whether QEMU has to hold the guest's reboots: where the policy has something to do about one before the next life, a dump as well.
 *
 * @param policy What is done about its ends.
 * @returns Whether it has to.
 */
export function holdsReboots(policy: Pick<Policy, "onCause">): boolean {
  const onReset = policy.onCause["guest-reset"];
  return onReset !== undefined && onReset !== "reset" && onReset !== "resume";
}
