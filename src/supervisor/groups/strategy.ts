import { type Dependencies, dependentsOf, inWaves } from "./order.ts";

/**
 * Who is restarted when a member of a group has to be, in OTP's words: it alone; all of the group; or it and the rest, that is all that
 * depends on it, directly or through others.
 *
 * @example
 * ```ts
 * import { openGroup, type Strategy, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const strategy: Strategy = "rest-for-one"; // web is restarted with db, and db not with web
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * await using group = await openGroup(supervisor, {
 *   strategy,
 *   vms: { db: { config: {} }, web: { config: {}, dependsOn: ["db"] } },
 * });
 * assertEquals(group.list().map(({ name }) => name), ["db", "web"]);
 * ```
 */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";

/** Every strategy. */
export const STRATEGIES: readonly Strategy[] = ["one-for-one", "one-for-all", "rest-for-one"];

/** What a group is, as far as its decisions go. */
export interface GroupShape {
  strategy: Strategy;
  dependencies: Dependencies;
}

/**
 * A restart, in the order in which it is done. What stands in one wave is done at the same time.
 *
 * @example
 * ```ts
 * import type { GroupReport, RestartPlan } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const plan: RestartPlan = { stop: [["web"], ["db"]], start: [["db"], ["web"]] };
 * const report: GroupReport = { at: new Date(), vm: "db", kind: "restart-planned", because: "ended", plan };
 * assertEquals(report.plan.start.flat(), ["db", "web"]);
 * ```
 */
export interface RestartPlan {
  /** Those that depend on others first. The one that has ended stands here as well: its helpers are stopped. */
  stop: readonly (readonly string[])[];
  /** Those that others depend on first. */
  start: readonly (readonly string[])[];
}

/**
 * Who is restarted with a member.
 *
 * @param group Strategy and dependencies.
 * @param name The member.
 * @returns It and the others.
 */
export function affectedBy({ strategy, dependencies }: GroupShape, name: string): ReadonlySet<string> {
  switch (strategy) {
    case "one-for-one":
      return new Set([name]);
    case "one-for-all":
      return new Set(dependencies.keys());
    case "rest-for-one":
      return new Set([name, ...dependentsOf(dependencies, name)]);
  }
}

/**
 * What a member's restart comes to.
 *
 * @param group Strategy and dependencies.
 * @param name The member.
 * @param running Who is up, or on the way; who is not is left as it is.
 * @returns The order of it.
 */
export function restartPlan(group: GroupShape, name: string, running: ReadonlySet<string>): RestartPlan {
  const names = [...affectedBy(group, name)].filter((one) => one === name || running.has(one));
  const start = inWaves(group.dependencies, new Set(names));
  return { stop: start.toReversed(), start };
}
