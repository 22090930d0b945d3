import type { Verdict, VerdictCause } from "../vm/mod.ts";
import type { Action } from "./action.ts";
import type { Policy, RestartWhen } from "./spec.ts";

/**
 * What kind of an end a cause is, which is what the restart words are about.
 *
 * @example
 * ```ts
 * import { CAUSE_CLASSES, type EndClass } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const alarming: EndClass[] = ["failure", "abnormal", "attention"];
 * assertEquals(alarming.includes(CAUSE_CLASSES["watchdog"]), true);
 * assertEquals(alarming.includes(CAUSE_CLASSES["host-quit"]), false);
 * ```
 */
export type EndClass =
  /** It was meant: by the guest, or by somebody on the host. */
  | "success"
  /** The guest, or the way to it, failed in a way of its own. */
  | "failure"
  /** It was torn away or hung: a failure that `on-abnormal` restarts as well. */
  | "abnormal"
  /** Nothing is lost yet: only a person can do something about it. */
  | "attention";

/**
 * Which causes are what. The table in the README is made from this one.
 *
 * @example
 * ```ts
 * import { CAUSE_CLASSES } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(CAUSE_CLASSES["guest-shutdown"], "success");
 * assertEquals(CAUSE_CLASSES["guest-panic"], "failure");
 * ```
 */
export const CAUSE_CLASSES: Readonly<Record<VerdictCause, EndClass>> = {
  "guest-shutdown": "success",
  "guest-reset": "success",
  "host-quit": "success",
  "host-signal": "success",
  "guest-panic": "failure",
  "launch-failed": "failure",
  "watchdog": "abnormal",
  "internal-error": "abnormal",
  "killed": "abnormal",
  "crashed": "abnormal",
  "unresponsive": "abnormal",
  "lost": "abnormal",
  // A full disk does not get better by a restart, and the write that failed is tried again when the guest is resumed.
  "io-error": "attention",
};

/**
 * Which ends each restart word restarts.
 *
 * @example
 * ```ts
 * import { RESTARTED } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(RESTARTED["on-failure"], ["failure", "abnormal"]);
 * assertEquals(RESTARTED["no"], []);
 * ```
 */
export const RESTARTED: Readonly<Record<RestartWhen, readonly EndClass[]>> = {
  "no": [],
  "on-success": ["success"],
  "on-failure": ["failure", "abnormal"],
  "on-abnormal": ["abnormal"],
  "always": ["success", "failure", "abnormal"],
};

/**
 * What to do about an end.
 *
 * @param policy The guest's restart word, and what is named for particular causes.
 * @param verdict Why it ended. A triple fault is abnormal, though its cause is `guest-reset`.
 * @returns The action that the policy names for this cause, else what its restart word says.
 *
 * @example
 * ```ts
 * import { actionFor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const panic = { cause: "guest-panic", tripleFault: null } as const;
 * assertEquals(actionFor({ restart: "on-failure", onCause: {} }, panic), "restart");
 * assertEquals(actionFor({ restart: "on-failure", onCause: { "guest-panic": "preserve" } }, panic), "preserve");
 * ```
 */
export function actionFor(
  policy: Pick<Policy, "restart" | "onCause">,
  verdict: Pick<Verdict, "cause" | "tripleFault">,
): Action {
  const named = policy.onCause[verdict.cause];
  if (named !== undefined) return named;
  const endClass = verdict.tripleFault === true ? "abnormal" : CAUSE_CLASSES[verdict.cause];
  if (endClass === "attention") return "preserve";
  return RESTARTED[policy.restart].includes(endClass) ? "restart" : "stop";
}
