import { type Dependencies, dependentsOf } from "./order.ts";
import { affectedBy, type GroupShape } from "./strategy.ts";

/**
 * Where a member of a group is: `down`; `backoff`, down and waiting for its next start; `failed`, given up because of its restart limit;
 * `starting`, its helpers and then its guest; `up`, and not known to be ready; `ready`; `held`, preserved for a person; `ending`, its guest
 * has ended and its QEMU is cleared away; `stopping`, its guest and then its helpers.
 *
 * @example
 * ```ts
 * import { type MemberPhase, openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * const guest = { config: { machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } } as const;
 * await using group = await openGroup(supervisor, { vms: { db: guest } });
 * const before: MemberPhase | undefined = group.get("db")?.phase;
 * await group.start();
 * assertEquals([before, group.get("db")?.phase], ["down", "ready"]);
 * ```
 */
export type MemberPhase =
  | "down"
  | "backoff"
  | "failed"
  | "starting"
  | "up"
  | "ready"
  | "held"
  | "ending"
  | "stopping";

/** What is to become of a member; `renew` is down and then up. */
export type Goal = "up" | "down" | "renew";

/** What is known of a member. */
export interface MemberState {
  goal: Goal;
  phase: MemberPhase;
}

/** What can be begun now. */
export interface Steps {
  stop: readonly string[];
  start: readonly string[];
}

/** Where nothing of a member runs. */
const AT_REST: readonly MemberPhase[] = ["down", "backoff", "failed"];

/**
 * Whether nothing of a member runs.
 *
 * @param state The member.
 * @returns Whether it is so.
 */
export function isAtRest({ phase }: MemberState): boolean {
  return AT_REST.includes(phase);
}

/**
 * What is to become of a member that is wanted.
 *
 * @param state The member.
 * @returns Its goal: one that is at its end, or on the way to it, begins anew.
 */
export function goalToStart({ phase }: MemberState): Goal {
  return phase === "held" || phase === "ending" || phase === "stopping" ? "renew" : "up";
}

/**
 * What can be begun now. Nobody is stopped before those that depend on it and are to be stopped too; nobody is started before what it depends
 * on is ready, nor while one that is restarted with it has yet to stop.
 *
 * @param group Strategy and dependencies.
 * @param members How each member is.
 * @returns Whom to stop and whom to start, in the group's own order.
 */
export function nextSteps(group: GroupShape, members: ReadonlyMap<string, MemberState>): Steps {
  const { dependencies } = group;
  const names = [...members.keys()];
  const leaving = new Set(names.filter((name) => isLeaving(members.get(name))));
  return {
    stop: names.filter((name) =>
      leaving.has(name) && members.get(name)?.phase !== "stopping" &&
      leaving.isDisjointFrom(dependentsOf(dependencies, name))
    ),
    start: names.filter((name) =>
      canStart(members.get(name)) && waitsFor(dependencies, members, name).length === 0 &&
      leaving.isDisjointFrom(affectedBy(group, name))
    ),
  };
}

/**
 * What a member has to wait for.
 *
 * @param dependencies Who depends on whom.
 * @param members How each member is.
 * @param name The member.
 * @returns Those of its own dependencies that are not ready, or not for long.
 */
export function waitsFor(
  dependencies: Dependencies,
  members: ReadonlyMap<string, MemberState>,
  name: string,
): readonly string[] {
  return (dependencies.get(name) ?? []).filter((needed) => !isThere(members.get(needed)));
}

function isThere(state: MemberState | undefined): boolean {
  return state?.phase === "ready" && state.goal === "up";
}

/** It is there, and is not to be. */
function isLeaving(state: MemberState | undefined): boolean {
  return state !== undefined && state.goal !== "up" && !isAtRest(state);
}

function canStart(state: MemberState | undefined): boolean {
  return state?.goal === "up" && state.phase === "down";
}
