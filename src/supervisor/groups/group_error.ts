import type { ConfigIssue, NewConfigIssue } from "../../machine/mod.ts";

/**
 * A group that is not started: unknown keys, wrong types, names that nobody has, guests that wait for each other. Its message has every
 * issue, its `issues` have them apart.
 *
 * @example
 * ```ts
 * import { GroupError, openGroup, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using supervisor = await Supervisor.open({ signals: "ignore" });
 * const vms = { db: { config: {} }, web: { config: { cpus: 0 }, dependsOn: ["dbb"] } };
 * const error = await assertRejects(() => openGroup(supervisor, { vms }), GroupError);
 * assertEquals(error.issues.map(({ path }) => path), ["vms.web.config.cpus", "vms.web.dependsOn[0]"]);
 * ```
 */
export class GroupError extends Error {
  /** The error's class, for those who can't use `instanceof`. */
  override readonly name = "GroupError";
  /** What is wrong. */
  readonly issues: readonly ConfigIssue[];

  /**
   * An error about a group.
   *
   * @param issues What is wrong, one at least.
   */
  constructor(issues: readonly NewConfigIssue[]) {
    const whole = issues.map((issue): ConfigIssue => ({ ...issue, message: issue.message ?? lineOf(issue) }));
    super(
      whole.length === 1
        ? `Invalid group: ${whole[0]?.message}`
        : `Invalid group, ${whole.length} problems\n${whole.map(({ message }) => `- ${message}`).join("\n")}`,
    );
    this.issues = whole;
  }
}

function lineOf({ path, expected, found }: NewConfigIssue): string {
  return `${path === "" ? "" : `${path}: `}expected ${expected}, found ${found}`;
}
