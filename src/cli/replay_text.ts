import type { Phase, Policy, PolicyAction } from "../supervisor/mod.ts";
import type { Happened, ReplayStep } from "../supervisor/replay.ts";
import { formatTable } from "./table.ts";

/** A journal that was run through another policy. */
export interface Replayed {
  /** The policy, whole. */
  readonly policy: Policy;
  /** All that happened, by time. */
  readonly steps: readonly (ReplayStep & {
    /** Whether the other policy would have done the same, but for the chance in its waits. */
    readonly same: boolean;
  })[];
  /** The sums, guest by guest. */
  readonly guests: readonly ReplayedGuest[];
  /** How many reports the journal lacks. */
  readonly missing: number;
}

/** What it comes to for one guest. */
export interface ReplayedGuest {
  readonly vm: string;
  /** How much happened to it, without what operators asked for. */
  readonly incidents: number;
  /** How often it was started, reset or resumed after that. */
  readonly restartsDone: number;
  /** How often it would have been. */
  readonly restartsWould: number;
  /** How many incidents it would not have come to. */
  readonly avoided: number;
  /** Where it would be at the end. */
  readonly phase: Phase;
  /** Since when; null when nothing happened to it. */
  readonly since: Date | null;
}

/**
 * A replay in words.
 *
 * @param replayed The replay.
 * @returns A table of what happened, and one of the sums.
 */
export function describeReplay({ steps, guests, missing }: Replayed): string {
  if (guests.length === 0) return "The journal is empty\n";
  const rows = steps.filter(({ did, would }) => did.length > 0 || (would?.length ?? 0) > 0).map((step) => [
    step.at.toISOString(),
    step.vm,
    whatHappened(step.happened),
    inWords(step.did),
    step.would === null ? "(it would not have come to this)" : step.same ? "the same" : inWords(step.would),
  ]);
  const sums = guests.map((guest) => [
    guest.vm,
    `${guest.incidents}`,
    `${guest.restartsDone}`,
    `${guest.restartsWould}`,
    `${guest.avoided}`,
    guest.since === null ? guest.phase : `${guest.phase} since ${guest.since.toISOString()}`,
  ]);
  return [
    formatTable([["TIME", "GUEST", "WHAT HAPPENED", "DONE", "WOULD BE DONE"], ...rows]),
    formatTable([["GUEST", "INCIDENTS", "RESTARTS", "WOULD BE", "AVOIDED", "WOULD END AS"], ...sums]),
    ...(missing === 0 ? [] : [`${missing} reports are missing in the journal: the disk did not take them\n`]),
  ].join("\n");
}

function whatHappened({ kind, cause }: Happened): string {
  switch (kind) {
    case "start-asked":
    case "stop-asked":
    case "restart-asked":
    case "clear-asked":
      return `asked to ${kind.slice(0, -"-asked".length)}`;
    case "guest-ended":
      return `the guest ended: ${cause}`;
    case "ended":
      return `QEMU ended: ${cause}`;
    default:
      return kind;
  }
}

function inWords(actions: readonly PolicyAction[]): string {
  return actions.length === 0 ? "nothing" : actions.map(actionInWords).join(", ");
}

function actionInWords(action: PolicyAction): string {
  switch (action.kind) {
    case "wait":
      return `wait ${action.delayMs} ms`;
    case "give-up":
      return action.why === "restart-limit" ? "give up: restart limit" : `leave it ${action.why}`;
    default:
      return action.kind.replace("-", " ");
  }
}
