import type { Verdict, VerdictCause } from "../../vm/mod.ts";
import { type Action, wordOf } from "../action.ts";
import { nextRestart, type RestartHistory } from "../backoff.ts";
import { actionFor } from "../cause_table.ts";
import type { Policy, SupervisedVm } from "../spec.ts";

/** What an end comes to. */
export type MemberDecision =
  /** It is started again, now or after a wait. */
  | { kind: "restart"; delayMs: number; history: RestartHistory }
  /** It stays down. */
  | { kind: "stop" }
  /** It would be started again, and its limit is reached. */
  | { kind: "give-up" };

/** What is known when a member ended. */
export interface EndCircumstances {
  history: RestartHistory;
  /** How long it was up, in milliseconds; 0 when it was not. */
  ranMs: number;
  /** The time in milliseconds. */
  now: number;
  /** A number from 0 up to 1. */
  random: number;
}

/**
 * The spec of a member as its supervisor gets it: what would start a new process is left to the group, which has others to think of and
 * helpers to start first. What is done in place stays with the supervisor, and so do dumps.
 *
 * @param spec The member's own.
 * @returns One that never asks for a new process.
 */
export function leftToGroup(spec: SupervisedVm): SupervisedVm {
  const onCause = Object.fromEntries(
    Object.entries(spec.onCause ?? {}).map(([cause, action]) => [cause, withoutRestart(action)]),
  ) as Partial<Record<VerdictCause, Action>>;
  const { onStuck } = spec;
  return {
    ...spec,
    restart: "no",
    onCause,
    ...(onStuck?.action === "restart" ? { onStuck: { ...onStuck, action: "report" } } : {}),
  };
}

function withoutRestart(action: Action): Action {
  if (typeof action !== "string") {
    return { ...action, then: action.then === "restart" ? "stop" : action.then };
  }
  return action === "restart" ? "stop" : action;
}

/**
 * What a member's own policy makes of its end, its QEMU gone.
 *
 * @param policy The member's policy.
 * @param verdict Why it ended.
 * @param circumstances Its past, the time, and chance.
 * @returns What follows.
 */
export function afterMemberEnd(
  policy: Policy,
  verdict: Pick<Verdict, "cause" | "tripleFault">,
  circumstances: EndCircumstances,
): MemberDecision {
  const word = wordOf(actionFor(policy, verdict));
  return word === "stop" || word === "preserve" ? { kind: "stop" } : oneMoreLife(policy, circumstances);
}

/**
 * One more life, whatever the policy's restart word is: something around the guest failed, and not the guest.
 *
 * @param policy The member's limit and backoff.
 * @param circumstances Its past, the time, and chance.
 * @returns When, or that the limit is reached.
 */
export function oneMoreLife(
  policy: Pick<Policy, "backoff" | "limit">,
  { history, ranMs, now, random }: EndCircumstances,
): MemberDecision {
  return nextRestart(policy, history, ranMs, now, random);
}
