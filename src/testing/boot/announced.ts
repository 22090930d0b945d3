import type { VerdictCause } from "../../vm/mod.ts";
import type { FailureName } from "../console/failures.ts";

/** What a console says of ends, when they are those of a kernel. */
const WORDS_OF: Readonly<Partial<Record<VerdictCause, readonly FailureName[]>>> = {
  "guest-panic": ["kernel-panic", "oops", "bug", "lockup", "hung-task", "out-of-memory"],
  "watchdog": ["lockup", "hung-task"],
};

/**
 * What a console may say about ends that are wanted, so that it is no failure there either.
 *
 * @param causes The ends.
 * @returns The failures that are none.
 */
export function announced(causes: readonly VerdictCause[]): readonly FailureName[] {
  return [...new Set(causes.flatMap((cause) => WORDS_OF[cause] ?? []))];
}
