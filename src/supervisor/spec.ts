import type { VmConfig } from "../machine/mod.ts";
import type { StopOptions, VerdictCause } from "../vm/mod.ts";

/**
 * When a guest that ended is started again, in systemd's words: never; after a clean end; after a failure; after a failure that
 * the guest itself had no part in, or a hang; always. What the operator stops is never started again.
 */
export type RestartWhen = "no" | "on-success" | "on-failure" | "on-abnormal" | "always";

/**
 * What to do about an end: `restart` as a new process; `reset` in place where QEMU still holds the guest (else as `restart`); `resume`
 * the CPUs where they were held; `preserve` everything as it is, for a person to look at; `stop`, that is clear QEMU away and
 * leave the guest stopped.
 */
export type Action = "restart" | "reset" | "resume" | "preserve" | "stop";

/** How long to wait before a restart. The first one within a period is immediate. */
export interface Backoff {
  /** Before the second restart, in milliseconds. Default 100. */
  initialMs?: number;
  /** How much longer each further wait is. Default 2. */
  factor?: number;
  /** The longest wait, in milliseconds. Default 30000. */
  maxMs?: number;
  /** How much a wait is varied by chance, as a part of it from 0 to 1. Default 0.2. */
  jitter?: number;
  /** After running for so long, in milliseconds, earlier restarts are forgotten. Default 60000. */
  resetAfterMs?: number;
}

/** At most so many restarts within so many milliseconds; one more, and the guest is `failed`. */
export interface RestartLimit {
  /** Default 5. */
  restarts: number;
  /** Default 60000. */
  withinMs: number;
}

/** A guest to keep. */
export interface SupervisedVm {
  /** What to run. Its `name` is the guest's name here, and must be new. */
  config: VmConfig;
  /** When it is started again. Default `on-failure`. */
  restart?: RestartWhen;
  backoff?: Backoff;
  limit?: RestartLimit;
  /** What to do about particular ends, whatever `restart` says. */
  onCause?: Partial<Record<VerdictCause, Action>>;
  /** The budgets of the stop ladder. */
  stop?: StopOptions;
}

/** A spec in which nothing is left to say. */
export interface Policy {
  restart: RestartWhen;
  backoff: Required<Backoff>;
  limit: RestartLimit;
  onCause: Partial<Record<VerdictCause, Action>>;
}

const DEFAULT_BACKOFF: Required<Backoff> = {
  initialMs: 100,
  factor: 2,
  maxMs: 30_000,
  jitter: 0.2,
  resetAfterMs: 60_000,
};
const DEFAULT_LIMIT: RestartLimit = { restarts: 5, withinMs: 60_000 };

/**
 * Fills in what a spec leaves out.
 *
 * @param spec The spec.
 * @returns The whole policy.
 * @throws {RangeError} When a number is out of its range; it names the number.
 */
export function policyOf(spec: SupervisedVm): Policy {
  const backoff = { ...DEFAULT_BACKOFF, ...spec.backoff };
  const limit = { ...DEFAULT_LIMIT, ...spec.limit };
  atLeast(0, "backoff.initialMs", backoff.initialMs);
  atLeast(1, "backoff.factor", backoff.factor);
  atLeast(backoff.initialMs, "backoff.maxMs", backoff.maxMs);
  atLeast(0, "backoff.jitter", backoff.jitter);
  atLeast(0, "backoff.resetAfterMs", backoff.resetAfterMs);
  atLeast(0, "limit.restarts", limit.restarts);
  atLeast(0, "limit.withinMs", limit.withinMs);
  if (backoff.jitter > 1) {
    throw new RangeError(
      `Cannot supervise as 'backoff.jitter' must be at most 1: current value is ${backoff.jitter}`,
    );
  }
  return { restart: spec.restart ?? "on-failure", backoff, limit, onCause: spec.onCause ?? {} };
}

function atLeast(least: number, name: string, value: number): void {
  if (!(value >= least)) {
    throw new RangeError(
      `Cannot supervise as '${name}' must be at least ${least}: current value is ${value}`,
    );
  }
}
