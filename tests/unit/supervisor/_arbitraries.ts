import fc from "fast-check";
import type { Action, ActionWord } from "../../../src/supervisor/action.ts";
import { CAUSE_CLASSES, RESTARTED } from "../../../src/supervisor/cause_table.ts";
import { policyOf } from "../../../src/supervisor/policy_of.ts";
import type { Policy, RestartWhen } from "../../../src/supervisor/spec.ts";
import type { VerdictCause } from "../../../src/vm/mod.ts";
import type { Death, Happening } from "./_world.ts";

const causes = Object.keys(CAUSE_CLASSES) as VerdictCause[];
const restarts = Object.keys(RESTARTED) as RestartWhen[];
const words: ActionWord[] = ["restart", "reset", "resume", "preserve", "stop"];

export const aCause: fc.Arbitrary<VerdictCause> = fc.constantFrom(...causes);

const anAction: fc.Arbitrary<Action> = fc.oneof(
  fc.constantFrom(...words),
  fc.record({ dump: fc.record({ keep: fc.integer({ min: 1, max: 3 }) }), then: fc.constantFrom(...words) }),
);

export const aPolicy: fc.Arbitrary<Policy> = fc.record({
  restart: fc.constantFrom(...restarts, "always" as const),
  limit: fc.record({
    restarts: fc.oneof(fc.nat(6), fc.nat(30), fc.constant(Infinity)),
    withinMs: fc.oneof(fc.nat(200_000), fc.constant(Infinity)),
  }),
  backoff: fc.record({
    initialMs: fc.nat(2_000),
    factor: fc.integer({ min: 100, max: 400 }).map((percent) => percent / 100),
    maxMs: fc.integer({ min: 2_000, max: 60_000 }),
    jitter: fc.nat(100).map((percent) => percent / 100),
    resetAfterMs: fc.nat(100_000),
  }),
  onCause: fc.dictionary(aCause, anAction, { maxKeys: 4 }),
  onStuck: fc.record({ action: fc.constantFrom("report" as const, "restart" as const, "preserve" as const) }),
  onUnreachable: fc.record({ graceMs: fc.oneof(fc.constant(0), fc.nat(20_000)) }),
}).map((spec) => policyOf(spec));

/** Not fc.double(): nearly all doubles are next to 0. */
export const aRandom: fc.Arbitrary<number> = fc.nat(999).map((thousandths) => thousandths / 1_000);

const byOperator: fc.Arbitrary<Happening> = fc.record({
  kind: fc.constant("asked" as const),
  ask: fc.constantFrom("start", "restart", "start", "restart", "stop", "stop", "clear"),
});
const byItself: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 12, arbitrary: fc.constant({ kind: "done" as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: "failed" as const }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("guest-ended" as const), cause: aCause }) },
  { weight: 2, arbitrary: fc.constant({ kind: "rebooted" as const }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("died" as const), cause: aCause }) },
  { weight: 2, arbitrary: fc.constant({ kind: "resumed" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "stuck" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "unstuck" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "lost" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "back" as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: "verified" as const }) },
);

const aDeath: fc.Arbitrary<Death> = fc.record({
  at: fc.constantFrom("before-write" as const, 0, 1, 2),
  half: fc.boolean(),
  awayMs: fc.oneof(fc.constant(0), fc.nat(2_000), fc.nat(200_000)),
  backMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(10_000_000) }),
  meanwhile: fc.array(fc.constantFrom("guest-ended", "died", "resumed", "lost", "stuck"), { maxLength: 3 }),
  launch: fc.constantFrom("prelaunch", "gone"),
  verified: fc.nat(9).map((n) => n > 0),
});

/** A moment in the life of a guest. */
export interface Moment {
  ms: number;
  happening: Happening;
  random: number;
  death: Death | null;
}

/** Moments with or without an operator's word, and with supervisors that die or live for ever. */
export function moments(
  { operator = "yes", deaths = "yes" }: { operator?: "yes" | "no"; deaths?: "yes" | "no" } = {},
): fc.Arbitrary<Moment[]> {
  const moment = fc.record({
    ms: fc.oneof(fc.nat(50), fc.nat(5_000), fc.nat(120_000)),
    happening: operator === "no" ? byItself : fc.oneof(
      { weight: 5, arbitrary: byItself },
      { weight: 1, arbitrary: byOperator },
      { weight: 1, arbitrary: fc.constant({ kind: "host-reset" as const }) },
    ),
    random: aRandom,
    death: deaths === "no"
      ? fc.constant(null)
      : fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: aDeath }),
  });
  return fc.array(moment, { maxLength: 120, size: "max" });
}
