import type { Verdict, VerdictCause } from "../../vm/mod.ts";

/** What the test has said about ends so far. */
export interface WantedEnds {
  /** What is waited for right now, one entry for each that waits. */
  readonly expected: readonly (readonly VerdictCause[])[];
  /** Ends that are no failure whenever they come. */
  readonly allowed: readonly VerdictCause[];
}

/** What an end means for the test. */
export type EndMeaning =
  /** It is waited for, by the expectation at this place. */
  | { kind: "expected"; by: number }
  /** The test asked for it, or allows it. */
  | { kind: "wanted" }
  /** Nobody wanted it: the test fails. */
  | { kind: "failure" };

/** Whatever the test asked for, it did not ask for this. */
const NEVER_ASKED_FOR: ReadonlySet<VerdictCause> = new Set([
  "guest-panic",
  "watchdog",
  "io-error",
  "internal-error",
  "crashed",
]);

/**
 * Decides what an end of the guest, or of QEMU, means for the test.
 *
 * @param verdict The end.
 * @param wanted What the test has said about ends.
 * @param held The last end at which QEMU held the guest, and what that meant; null where there was none.
 * @returns Its meaning.
 */
export function weighEnd(
  verdict: Verdict,
  wanted: WantedEnds,
  held: { cause: VerdictCause; meaning: EndMeaning["kind"] } | null = null,
): EndMeaning {
  const by = wanted.expected.findIndex((causes) => causes.includes(verdict.cause));
  if (by >= 0) return { kind: "expected", by };
  if (wanted.allowed.includes(verdict.cause)) return { kind: "wanted" };
  if (verdict.intent === "none") return { kind: "failure" };
  // One that is held and then cleared away is told a second time; what it means was decided at the first.
  const told = verdict.process === "ended" && held?.cause === verdict.cause && held.meaning !== "failure";
  if (told) return { kind: "wanted" };
  return { kind: NEVER_ASKED_FOR.has(verdict.cause) ? "failure" : "wanted" };
}
