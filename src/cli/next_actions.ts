import type { PolicyAction } from "../supervisor/mod.ts";

/**
 * What follows, at the end of a report's line.
 *
 * @param actions What the policy makes of it.
 * @returns `; next: ...`, or nothing.
 */
export function then(actions: readonly PolicyAction[]): string {
  return actions.length === 0 ? "" : `; next: ${actions.map(describeAction).join(", ")}`;
}

/** Why nothing more is done, in words. */
const GIVEN_UP: Readonly<Record<Extract<PolicyAction, { kind: "give-up" }>["why"], string>> = {
  "stopped": "leave it stopped",
  "preserved": "leave it preserved",
  "restart-limit": "nothing more, as the restart limit is reached",
  "unverifiable": "leave it alone, as nothing proves that it is the guest",
};

function describeAction(action: PolicyAction): string {
  switch (action.kind) {
    case "wait":
      return `wait ${action.delayMs} ms`;
    case "give-up":
      return GIVEN_UP[action.why];
    case "clear-away":
      return "clear its QEMU away";
    case "put-down":
      return "end its QEMU, which does not answer";
    case "dump":
      return "dump its memory";
    case "follow-dump":
      return "see to the end of its dump";
    case "end-wait":
      return "end the wait";
    default:
      return action.kind;
  }
}
