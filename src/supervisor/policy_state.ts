import { NO_RESTARTS, type RestartHistory } from "./backoff.ts";
import type { ActionWord, DumpOptions } from "./action.ts";

/**
 * What is wanted, by the operator or by a policy that is done with the guest.
 *
 * @example
 * ```ts
 * import { Supervisor, type Wanted } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open();
 * await supervisor.add({ config: { name: "web", machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } });
 * const stopped = supervisor.stop("web");
 * const wanted: Wanted | undefined = supervisor.get("web")?.wanted;
 * assertEquals([wanted, supervisor.get("web")?.phase], ["down", "stopping"]);
 * assertEquals((await stopped).phase, "down");
 * ```
 */
export type Wanted = "up" | "down";

/**
 * Where a guest is: `down`; `starting`; `up`; `unresponsive`, its QEMU is there and does not answer; `dumping`, its memory is written to
 * a file before anything else is done about its end; `held`, preserved at its end; `stopping`; `backoff`, waiting for its next life;
 * `failed`, given up because of the restart limit; `unverified`, something runs in its place that could not be proven to be it, so
 * nothing is done. In `down` and `failed` there is no QEMU.
 *
 * @example
 * ```ts
 * import { type Phase, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open();
 * const limit = { restarts: 0, withinMs: 60_000 };
 * const { phase, lastVerdict } = await supervisor.add({ config: { machine: "no-such-board", accel: "tcg" }, limit });
 * const trouble: Phase[] = ["held", "failed"];
 * assertEquals([trouble.includes(phase), lastVerdict?.cause], [true, "launch-failed"]);
 * ```
 */
export type Phase =
  | "down"
  | "starting"
  | "up"
  | "unresponsive"
  | "dumping"
  | "held"
  | "stopping"
  | "backoff"
  | "failed"
  | "unverified";

/**
 * What is waited for: the time of a start; of a reset or a resume of the guest that QEMU holds; an answer of a QEMU that has lost its
 * monitors. `start` also where nothing is.
 */
export type Pending = "start" | "reset" | "resume" | "answer";

/** What follows once QEMU is gone. */
export type AfterStop =
  /** It stays stopped. */
  | { kind: "nothing" }
  /** The operator wants it started. */
  | { kind: "start" }
  /** The policy wants it started, if the limit allows it; it had run for so long. */
  | { kind: "restart"; ranMs: number }
  /** The limit is reached. */
  | { kind: "fail" };

/** What follows once the guest's memory is dumped, or could not be. */
export type AfterDump =
  /** What the policy says; the guest had run for so long. */
  | { kind: "act"; action: ActionWord; ranMs: number }
  /** The operator wants it started. */
  | { kind: "start" };

/** What was begun with the guest that QEMU holds, and has not shown yet. Whoever began it may die meanwhile. */
export type Begun =
  | { kind: "reset" }
  | { kind: "resume" }
  | { kind: "dump"; dump: DumpOptions; then: AfterDump };

/** What is known of one guest. A plain value: each step makes a new one. */
export interface PolicyState {
  wanted: Wanted;
  phase: Phase;
  history: RestartHistory;
  /** Since when it has been up, in milliseconds, as far as is known; null while it is not. */
  upSince: number | null;
  /**
   * In `backoff`, what the wait is for; for `reset` and `resume` QEMU is there and holds the guest. In `unresponsive`, whether an answer is
   * waited for.
   */
  pending: Pending;
  /** What the end of `stopping` leads to. */
  after: AfterStop;
  /** A dump in `dumping`, a reset or a resume in `up`; any of them in `unresponsive` and `unverified`; else null. */
  begun: Begun | null;
}

/** A guest that was never started. */
export const INITIAL_STATE: PolicyState = {
  wanted: "down",
  phase: "down",
  history: NO_RESTARTS,
  upSince: null,
  pending: "start",
  after: { kind: "nothing" },
  begun: null,
};
