import type { Policy, RestartLimit } from "./spec.ts";

/** What is remembered of earlier restarts. */
export interface RestartHistory {
  /** When each restart within the limit's period begins, its wait over, in milliseconds; oldest first. */
  times: readonly number[];
  /** How many there were since the guest last ran well. */
  attempts: number;
  /** The last wait, in milliseconds: the next one is never shorter. */
  lastDelayMs: number;
}

/** No restarts yet. */
export const NO_RESTARTS: RestartHistory = { times: [], attempts: 0, lastDelayMs: 0 };

/** How many restarts are remembered where there is no limit. */
const MOST_REMEMBERED = 1_000;

/** Whether one more restart is allowed, and after what wait. */
export type RestartDecision = { kind: "restart"; delayMs: number; history: RestartHistory } | {
  kind: "give-up";
};

/**
 * Decides about one more restart.
 *
 * @param policy The limits.
 * @param history The restarts so far.
 * @param ranMs How long the guest ran before this end, in milliseconds; 0 when it did not become ready.
 * @param now The time in milliseconds.
 * @param random A number from 0 up to 1.
 * @returns The wait and the new history, or that the limit is reached.
 */
export function nextRestart(
  policy: Pick<Policy, "backoff" | "limit">,
  history: RestartHistory,
  ranMs: number,
  now: number,
  random: number,
): RestartDecision {
  const { backoff, limit } = policy;
  const times = recentRestarts(limit, history, now);
  if (times.length >= limit.restarts) return { kind: "give-up" };
  const { attempts, lastDelayMs } = ranMs >= backoff.resetAfterMs ? NO_RESTARTS : history;
  const delayMs = attempts === 0 ? 0 : Math.max(lastDelayMs, wait(backoff, attempts, random));
  return {
    kind: "restart",
    delayMs,
    history: { times: withOne(times, limit, now + delayMs), attempts: attempts + 1, lastDelayMs: delayMs },
  };
}

/**
 * Counts a restart that needed nobody's doing, and so no wait.
 *
 * @param limit The limit.
 * @param history The restarts so far.
 * @param now The time in milliseconds.
 * @returns The new history; null when the limit is reached.
 */
export function countRestart(
  limit: RestartLimit,
  history: RestartHistory,
  now: number,
): RestartHistory | null {
  const times = recentRestarts(limit, history, now);
  return times.length >= limit.restarts ? null : { ...history, times: withOne(times, limit, now) };
}

/** Without a limit nobody asks how many there were, and a guest may fail for years. */
function withOne(times: readonly number[], limit: RestartLimit, at: number): readonly number[] {
  return [...(limit.restarts === Infinity ? times.slice(-(MOST_REMEMBERED - 1)) : times), at];
}

/**
 * Which restarts still count.
 *
 * @param limit The limit, which says for how long.
 * @param history The restarts so far.
 * @param now The time in milliseconds.
 * @returns When they began, or will begin, oldest first.
 */
export function recentRestarts(
  limit: RestartLimit,
  history: RestartHistory,
  now: number,
): readonly number[] {
  return history.times.filter((at) => now - at < limit.withinMs);
}

function wait(backoff: Policy["backoff"], attempts: number, random: number): number {
  const { initialMs, factor, maxMs, jitter } = backoff;
  // Capped before anything else is done with it: after a thousand failures the power is infinite, and nothing times that is no number.
  const plainMs = initialMs === 0 ? 0 : Math.min(maxMs, initialMs * factor ** (attempts - 1));
  return Math.min(maxMs, Math.round(plainMs * (1 + jitter * (2 * random - 1))));
}
