import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { wordOf } from "../../../../src/supervisor/action.ts";
import { NO_RESTARTS } from "../../../../src/supervisor/backoff.ts";
import { actionFor, CAUSE_CLASSES } from "../../../../src/supervisor/cause_table.ts";
import { holdsReboots } from "../../../../src/supervisor/held_config.ts";
import { afterMemberEnd, leftToGroup, oneMoreLife } from "../../../../src/supervisor/groups/member_policy.ts";
import { policyOf } from "../../../../src/supervisor/policy_of.ts";
import type { SupervisedVm } from "../../../../src/supervisor/spec.ts";
import type { VerdictCause } from "../../../../src/vm/mod.ts";

const CAUSES = Object.keys(CAUSE_CLASSES) as VerdictCause[];
const NOW = { history: NO_RESTARTS, ranMs: 0, now: 1_000, random: 0.5 };

const anyAction = fc.oneof(
  fc.constantFrom(
    "restart" as const,
    "reset" as const,
    "resume" as const,
    "preserve" as const,
    "stop" as const,
  ),
  fc.record({
    dump: fc.constant({ keep: 1 }),
    then: fc.constantFrom("restart" as const, "reset" as const, "stop" as const),
  }),
);

const anySpec: fc.Arbitrary<SupervisedVm> = fc.record({
  config: fc.constant({}),
  restart: fc.constantFrom("no", "on-success", "on-failure", "on-abnormal", "always"),
  onCause: fc.dictionary(fc.constantFrom(...CAUSES), anyAction).map((table) => ({ ...table })),
  onStuck: fc.record({ action: fc.constantFrom("report", "restart", "preserve") }),
});

Deno.test("leftToGroup() leaves no new process to the supervisor, and everything else as it was", () => {
  fc.assert(fc.property(anySpec, fc.constantFrom(...CAUSES), fc.boolean(), (spec, cause, tripleFault) => {
    const [own, left] = [policyOf(spec), policyOf(leftToGroup(spec))];
    const verdict = { cause, tripleFault: cause === "guest-reset" ? tripleFault : null };
    const [before, after] = [actionFor(own, verdict), actionFor(left, verdict)];
    if (wordOf(before) === "restart") {
      assertEquals(wordOf(after), "stop");
      if (typeof before !== "string") assertEquals(after, { ...before, then: "stop" });
    } else {
      assertEquals(after, before);
    }
    assertEquals(holdsReboots(left), holdsReboots(own));
    assertEquals(left.onStuck.action, own.onStuck.action === "restart" ? "report" : own.onStuck.action);
  }));
});

Deno.test("afterMemberEnd() starts again whom its own policy would, and stops whom it would not", () => {
  const cases: [SupervisedVm["restart"], VerdictCause, string][] = [
    ["on-failure", "guest-panic", "restart"],
    ["on-failure", "guest-shutdown", "stop"],
    ["always", "guest-shutdown", "restart"],
    ["no", "killed", "stop"],
    ["on-abnormal", "launch-failed", "stop"],
    // Its QEMU is gone: there is nothing to preserve.
    ["always", "io-error", "stop"],
  ];
  for (const [restart = "no", cause, kind] of cases) {
    assertEquals(
      afterMemberEnd(policyOf({ restart }), { cause, tripleFault: null }, NOW).kind,
      kind,
      `${restart} ${cause}`,
    );
  }
  const resets = policyOf({ restart: "no", onCause: { killed: "reset" } });
  assertEquals(afterMemberEnd(resets, { cause: "killed", tripleFault: null }, NOW).kind, "restart");
});

Deno.test("oneMoreLife() is at once, then after growing waits, then no more, whatever the restart word is", () => {
  const policy = policyOf({
    restart: "no",
    limit: { restarts: 3, withinMs: 60_000 },
    backoff: { initialMs: 10, factor: 3, jitter: 0 },
  });
  let history = NO_RESTARTS;
  const waits: (number | string)[] = [];
  for (let life = 0; life < 4; life++) {
    const decision = oneMoreLife(policy, { ...NOW, history });
    waits.push(decision.kind === "restart" ? decision.delayMs : decision.kind);
    if (decision.kind === "restart") history = decision.history;
  }
  assertEquals(waits, [0, 10, 30, "give-up"]);
});
