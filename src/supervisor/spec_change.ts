import { holdsReboots } from "./held_config.ts";
import type { Policy } from "./spec.ts";

/**
 * The policy that holds for a guest whose spec was replaced. The config, and whether QEMU holds reboots, take effect at its next start;
 * everything else at once. So while a QEMU still holds reboots because of the earlier policy, what that named for them is done about
 * the next one, and the life after it is the new spec's.
 *
 * @param launched The policy under which the QEMU was launched that is there; null when there is none.
 * @param current The policy of the spec as it is now.
 * @returns The policy to decide by.
 */
export function policyInForce(launched: Policy | null, current: Policy): Policy {
  const named = launched?.onCause["guest-reset"];
  if (launched === null || named === undefined || !holdsReboots(launched)) return current;
  if (current.onCause["guest-reset"] !== undefined) return current;
  return { ...current, onCause: { ...current.onCause, "guest-reset": named } };
}
