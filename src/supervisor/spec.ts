import type { VmConfig } from "../machine/mod.ts";
import type { StopOptions, VerdictCause } from "../vm/mod.ts";
import { CAUSE_CLASSES, RESTARTED } from "./cause_table.ts";

/**
 * When a guest that ended is started again, in systemd's words: never; after a clean end; after a failure; after a failure that
 * the guest itself had no part in, or a hang; always. What the operator stops is never started again.
 *
 * @example
 * ```ts
 * import { RESTARTED, type RestartWhen } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const words = Object.keys(RESTARTED) as RestartWhen[];
 * assertEquals(words, ["no", "on-success", "on-failure", "on-abnormal", "always"]);
 * ```
 */
export type RestartWhen = "no" | "on-success" | "on-failure" | "on-abnormal" | "always";

/**
 * What to do about an end: `restart` as a new process; `reset` in place, or `resume` the CPUs where they were held, where QEMU still
 * holds the guest (else, and where QEMU refuses, as `restart`); `preserve` everything as it is, for a person to look at; `stop`, that
 * is clear QEMU away and leave the guest stopped.
 *
 * @example
 * ```ts
 * import { type Action, actionFor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const full = { cause: "io-error", tripleFault: null } as const;
 * const usual: Action = actionFor({ restart: "always", onCause: {} }, full);
 * const named: Action = actionFor({ restart: "always", onCause: { "io-error": "resume" } }, full);
 * assertEquals([usual, named], ["preserve", "resume"]);
 * ```
 */
export type Action = "restart" | "reset" | "resume" | "preserve" | "stop";

/**
 * How long to wait before a restart. The first one within a period is immediate.
 *
 * @example
 * ```ts
 * import { type Backoff, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const backoff: Backoff = { initialMs: 1, factor: 3, jitter: 0 }; // then 3 ms, 9 ms...
 * await using supervisor = await Supervisor.open();
 * using reports = supervisor.reports();
 * const limit = { restarts: 2, withinMs: 60_000 };
 * await supervisor.add({ config: { machine: "no-such-board", accel: "tcg" }, backoff, limit });
 * await supervisor.close({ vms: "stop" });
 *
 * const waits = [];
 * for await (const report of reports) {
 *   if (report.kind === "ended") waits.push(report.actions[0]);
 * }
 * assertEquals(waits, [
 *   { kind: "start" },
 *   { kind: "wait", delayMs: 1 },
 *   { kind: "give-up", why: "restart-limit" },
 * ]);
 * ```
 */
export interface Backoff {
  /** Before the second restart, in milliseconds. Default 100. */
  initialMs?: number;
  /** How much longer each further wait is. Default 2. */
  factor?: number;
  /** The longest wait, in milliseconds. Default 30000. */
  maxMs?: number;
  /** How much a wait is varied by chance, as a part of it from 0 to 1; never beyond `maxMs`. Default 0.2. */
  jitter?: number;
  /** After running for so long, in milliseconds, earlier waits are forgotten. Default 60000. */
  resetAfterMs?: number;
}

/**
 * At most so many restarts within so many milliseconds; one more, and the guest is `failed`. (One that was only to be resumed is left
 * as it is, `held`: nothing of it is lost yet.)
 *
 * @example
 * ```ts
 * import { type RestartLimit, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const limit: RestartLimit = { restarts: 1, withinMs: 10 * 60_000 };
 * await using supervisor = await Supervisor.open();
 * const status = await supervisor.add({ config: { machine: "no-such-board", accel: "tcg" }, limit });
 * assertEquals([status.phase, status.restarts], ["failed", 1]);
 * ```
 */
export interface RestartLimit {
  /** Default 5. */
  restarts: number;
  /** Default 60000. */
  withinMs: number;
}

/**
 * A guest to keep.
 *
 * @example
 * ```ts
 * import { type SupervisedVm, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const spec: SupervisedVm = {
 *   config: { name: "build", machine: "none", accel: "tcg" },
 *   restart: "on-failure",
 *   limit: { restarts: 3, withinMs: 10 * 60_000 },
 *   onCause: { "guest-panic": "reset", "io-error": "preserve" },
 *   stop: { powerdownMs: 0 }, // there is nobody in it to obey a power button
 * };
 * await using supervisor = await Supervisor.open();
 * assertEquals((await supervisor.add(spec)).phase, "up");
 * ```
 */
export interface SupervisedVm {
  /** What to run. Its `name` (default `vm`) is the guest's name here, and must be new. */
  config: VmConfig;
  /** When it is started again. Default `on-failure`. */
  restart?: RestartWhen;
  /** How long to wait before that. */
  backoff?: Backoff;
  /** How often that may happen. */
  limit?: RestartLimit;
  /** What to do about particular ends, whatever `restart` says. */
  onCause?: Partial<Record<VerdictCause, Action>>;
  /** The budgets of the stop ladder. */
  stop?: StopOptions;
}

/**
 * The part of a spec that decides, with nothing left to say.
 *
 * @example
 * ```ts
 * import { actionFor, type Policy } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const policy: Policy = {
 *   restart: "always",
 *   backoff: { initialMs: 100, factor: 2, maxMs: 30_000, jitter: 0.2, resetAfterMs: 60_000 },
 *   limit: { restarts: 5, withinMs: 60_000 },
 *   onCause: { "guest-shutdown": "stop" },
 * };
 * assertEquals(actionFor(policy, { cause: "guest-shutdown", tripleFault: null }), "stop");
 * ```
 */
export interface Policy {
  /** When the guest is started again. */
  restart: RestartWhen;
  /** How long to wait before that. */
  backoff: Required<Backoff>;
  /** How often that may happen. */
  limit: RestartLimit;
  /** What to do about particular ends. */
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

/** The longest that a timer can wait (24.8 days): with more it goes off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const ACTIONS: readonly Action[] = ["restart", "reset", "resume", "preserve", "stop"];

/**
 * Checks the policy of a spec, and fills in what it leaves out.
 *
 * @param spec The spec; its config is not looked at.
 * @returns The whole policy.
 * @throws {RangeError} When a number is out of its range; it names the number.
 * @throws {TypeError} When a word or a key is none that is known; it names it, and those that are.
 */
export function policyOf(spec: Omit<SupervisedVm, "config">): Policy {
  checkKeys("a guest's spec", spec, ["config", "restart", "backoff", "limit", "onCause", "stop"]);
  checkKeys("'backoff'", spec.backoff, Object.keys(DEFAULT_BACKOFF));
  checkKeys("'limit'", spec.limit, Object.keys(DEFAULT_LIMIT));
  checkKeys("'onCause'", spec.onCause, Object.keys(CAUSE_CLASSES));
  checkKeys("'stop'", spec.stop, ["powerdownMs", "quitMs", "termMs"]);
  const { restart = "on-failure" } = spec;
  checkWord("restart", restart, Object.keys(RESTARTED));
  for (const [cause, action] of Object.entries(spec.onCause ?? {})) {
    checkWord(`onCause.${cause}`, action, ACTIONS);
  }
  for (const [name, ms] of Object.entries(spec.stop ?? {})) checkRange(`stop.${name}`, ms, 0);
  const backoff = { ...DEFAULT_BACKOFF, ...spec.backoff };
  const limit = { ...DEFAULT_LIMIT, ...spec.limit };
  checkRange("backoff.initialMs", backoff.initialMs, 0, MAX_TIMER_MS);
  checkRange("backoff.factor", backoff.factor, 1);
  checkRange("backoff.maxMs", backoff.maxMs, backoff.initialMs, MAX_TIMER_MS);
  checkRange("backoff.jitter", backoff.jitter, 0, 1);
  checkRange("backoff.resetAfterMs", backoff.resetAfterMs, 0);
  checkRange("limit.restarts", limit.restarts, 0);
  checkRange("limit.withinMs", limit.withinMs, 0);
  return { restart, backoff, limit, onCause: { ...spec.onCause } };
}

function checkRange(name: string, value: number, least: number, most: number = Infinity): void {
  if (typeof value === "number" && value >= least && value <= most) return;
  const range = most === Infinity ? `a number of at least ${least}` : `a number from ${least} to ${most}`;
  throw new RangeError(`Cannot supervise as '${name}' must be ${range}: current value is ${value}`);
}

function checkWord(name: string, word: unknown, known: readonly string[]): void {
  if (typeof word === "string" && known.includes(word)) return;
  throw new TypeError(
    `Cannot supervise as '${name}' must be one of ${known.join(", ")}: current value is ${
      JSON.stringify(word)
    }`,
  );
}

/** An option that is passed over in silence is worse than one that is refused. */
function checkKeys(name: string, part: object | undefined, known: readonly string[]): void {
  for (const key of Object.keys(part ?? {})) {
    if (known.includes(key)) continue;
    throw new TypeError(
      `Cannot supervise as ${name} has no ${JSON.stringify(key)}; it has: ${known.join(", ")}`,
    );
  }
}
