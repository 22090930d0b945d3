import type { VmConfig } from "../machine/mod.ts";
import type { StopOptions, VerdictCause } from "../vm/mod.ts";
import type { Probe } from "./liveness/mod.ts";
import type { Action } from "./action.ts";

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
 * What to do about a QEMU that is there and does not answer, because its main loop is blocked or its process is stopped: `report` it;
 * `restart` it as a new process, whatever `restart` says; or `preserve` it, for a person to look at.
 *
 * @example
 * ```ts
 * import { type OnStuck, policyOf } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const onStuck: OnStuck = { action: "restart" };
 * assertEquals(policyOf({ onStuck }).onStuck, { afterMs: 60_000, action: "restart" });
 * ```
 */
export interface OnStuck {
  /** After how long, in milliseconds. Default 60000. */
  afterMs?: number;
  /** Default `report`. */
  action?: "report" | "restart" | "preserve";
}

/**
 * What to do when every monitor of a guest is lost and its process lives: it is given time to end or to be reached again; then it has
 * ended as `unresponsive`, and `restart` and `onCause` say what follows.
 *
 * @example
 * ```ts
 * import { type OnUnreachable, policyOf } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const onUnreachable: OnUnreachable = { graceMs: 1_000 };
 * assertEquals(policyOf({ onUnreachable }).onUnreachable, onUnreachable);
 * ```
 */
export interface OnUnreachable {
  /** How long, in milliseconds. Default 10000. */
  graceMs?: number;
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
  /** What to do when it is there and does not answer. */
  onStuck?: OnStuck;
  /** What to do when its monitors are lost. */
  onUnreachable?: OnUnreachable;
  /** What tells whether the guest itself does what it is for. A liveness probe that fails counts as stuck. Default: none. */
  probes?: readonly Probe[];
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
 *   onStuck: { afterMs: 60_000, action: "report" },
 *   onUnreachable: { graceMs: 10_000 },
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
  /** What to do when it does not answer. */
  onStuck: Required<OnStuck>;
  /** What to do when its monitors are lost. */
  onUnreachable: Required<OnUnreachable>;
}
