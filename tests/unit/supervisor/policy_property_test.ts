// What the policy promises whatever happens, in any order, over months: with a clock that is only a number.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CAUSE_CLASSES, RESTARTED } from "../../../src/supervisor/cause_table.ts";
import { decide, type Incident, INITIAL_STATE, type Phase } from "../../../src/supervisor/policy.ts";
import { type Action, type Policy, policyOf, type RestartWhen } from "../../../src/supervisor/spec.ts";
import type { VerdictCause } from "../../../src/vm/mod.ts";
import { verdict } from "./_policy.ts";
import { type Happening, World } from "./_world.ts";

const causes = Object.keys(CAUSE_CLASSES) as VerdictCause[];
const restarts = Object.keys(RESTARTED) as RestartWhen[];
const actions: Action[] = ["restart", "reset", "resume", "preserve", "stop"];

const aCause = fc.constantFrom(...causes);
const aPolicy: fc.Arbitrary<Policy> = fc.record({
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
  onCause: fc.dictionary(aCause, fc.constantFrom(...actions), { maxKeys: 4 }),
}).map((spec) => policyOf(spec));

// Not fc.double(): nearly all doubles are next to 0.
const aRandom = fc.nat(999).map((thousandths) => thousandths / 1_000);

const aHappening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("asked" as const), ask: fc.constantFrom("start", "restart") }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "asked" as const, ask: "stop" as const }) },
  { weight: 6, arbitrary: fc.constant({ kind: "done" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "failed" as const }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("guest-ended" as const), cause: aCause }) },
  { weight: 1, arbitrary: fc.constant({ kind: "rebooted" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("died" as const), cause: aCause }) },
  { weight: 1, arbitrary: fc.constant({ kind: "resumed" as const }) },
);
const aStep = fc.record({
  ms: fc.oneof(fc.nat(50), fc.nat(5_000), fc.nat(120_000)),
  happening: aHappening,
  random: aRandom,
});

function live(policy: Policy, steps: { ms: number; happening: Happening; random: number }[]): World {
  const world = new World(policy);
  world.happen({ kind: "asked", ask: "start" }, 0);
  for (const { ms, happening, random } of steps) {
    world.pass(ms, random);
    world.happen(happening, random);
  }
  return world;
}

/** When the policy gave the guest another life by itself: at an operator's word the count begins again. */
function restartTimes(world: World): number[][] {
  const runs: number[][] = [[]];
  for (const { nowMs, incident, actions } of world.log) {
    const begins = actions.some(({ kind }) => kind === "start" || kind === "reset" || kind === "resume");
    if (begins && ["start-asked", "restart-asked"].includes(incident)) runs.push([]);
    else if (begins) runs.at(-1)?.push(nowMs);
  }
  return runs;
}

Deno.test("decide() has one QEMU at a time, keeps a stop, and leaves no wait behind, whatever happens", () => {
  fc.assert(
    fc.property(aPolicy, fc.array(aStep, { minLength: 40, maxLength: 120 }), (policy, steps) => {
      // The world itself checks each step.
      const world = live(policy, steps);
      world.happen({ kind: "asked", ask: "stop" }, 0.5);
      world.settle(0.5);
      assertEquals([world.state.phase, world.state.wanted], ["down", "down"]);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("decide() begins no more lives by itself within the limit's period than the limit allows", () => {
  fc.assert(
    fc.property(aPolicy, fc.array(aStep, { minLength: 40, maxLength: 120 }), (policy, steps) => {
      const { restarts, withinMs } = policy.limit;
      for (const times of operatorless(policy, steps)) {
        for (let i = 0; i + restarts < times.length; i++) {
          const [first = 0, last = 0] = [times[i], times[i + restarts]];
          assert(last - first >= withinMs, `${restarts + 1} restarts in ${last - first} ms`);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

/** The restarts of a life in which the operator asks for nothing but the first start. */
function operatorless(policy: Policy, steps: Parameters<typeof live>[1]): number[][] {
  return restartTimes(live(policy, steps.filter(({ happening }) => happening.kind !== "asked")));
}

Deno.test("decide() never waits less than before while the guest keeps failing", () => {
  fc.assert(
    fc.property(aPolicy, fc.array(aRandom, { minLength: 1, maxLength: 40 }), (policy, randoms) => {
      const failing: Policy = {
        ...policy,
        restart: "always",
        onCause: {},
        limit: { restarts: Infinity, withinMs: Infinity },
        backoff: { ...policy.backoff, resetAfterMs: 60_000 },
      };
      const world = new World(failing);
      world.happen({ kind: "asked", ask: "start" }, 0);
      for (const random of randoms) {
        world.happen({ kind: "done" }, random);
        world.pass(59_999, random);
        world.happen({ kind: "died", cause: "killed" }, random);
        world.pass(60_000, random);
      }
      const waits = world.log.flatMap(({ actions }) =>
        actions.flatMap((a) => a.kind === "wait" ? [a.delayMs] : [])
      );
      assertEquals(waits, waits.toSorted((a, b) => a - b));
    }),
  );
});

Deno.test("decide() has an answer even to what can't happen, and a stop is kept there too", () => {
  const phases: Phase[] = ["down", "starting", "up", "held", "stopping", "backoff", "failed"];
  const aVerdict = fc.record({
    cause: aCause,
    process: fc.constantFrom("ended" as const, "held" as const, "running" as const),
    tripleFault: fc.constantFrom(true, false, "unknown" as const, null),
  }).map(({ cause, ...more }) => verdict(cause, more));
  const anIncident: fc.Arbitrary<Incident> = fc.oneof(
    fc.record({
      kind: fc.constantFrom(
        "started",
        "resumed",
        "wait-over",
        "action-failed",
        "start-asked",
        "restart-asked",
        "stop-asked",
      ),
    }) as fc.Arbitrary<Incident>,
    fc.record({ kind: fc.constantFrom("guest-ended", "ended"), verdict: aVerdict }) as fc.Arbitrary<Incident>,
  );
  fc.assert(
    fc.property(
      aPolicy,
      fc.array(anIncident, { maxLength: 30 }),
      aRandom,
      (policy, incidents, random) => {
        let state = INITIAL_STATE;
        let stopped = false;
        for (const [index, incident] of incidents.entries()) {
          const decision = decide(state, incident, { policy, now: 1_000 + index, random });
          state = decision.state;
          assert(phases.includes(state.phase));
          if (incident.kind.endsWith("-asked")) stopped = incident.kind === "stop-asked";
          if (stopped) {
            assertEquals(
              decision.actions.filter(({ kind }) => ["start", "reset", "resume"].includes(kind)),
              [],
            );
            assertEquals(state.wanted, "down");
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("decide() keeps a guest through months of failures", async (t) => {
  const monthsMs = 90 * 24 * 3_600_000;
  await t.step("one that dies once an hour is always started again, at once", () => {
    const world = new World(policyOf({}));
    world.happen({ kind: "asked", ask: "start" }, 0);
    let lives = 0;
    for (; world.nowMs < monthsMs; lives++) {
      world.happen({ kind: "done" }, 0.5);
      world.pass(3_600_000, 0.5);
      world.happen({ kind: "died", cause: "killed" }, 0.5);
    }
    assertEquals([world.state.phase, lives], ["starting", 90 * 24]);
    assert(world.log.every(({ actions }) => actions.every(({ kind }) => kind !== "wait")));
  });
  await t.step("one that dies every 40 s waits the longest wait and stays below the limit", () => {
    const world = new World(policyOf({ backoff: { jitter: 0 } }));
    world.happen({ kind: "asked", ask: "start" }, 0);
    while (world.nowMs < monthsMs) {
      world.happen({ kind: "done" }, 0.5);
      world.pass(40_000, 0.5);
      world.happen({ kind: "died", cause: "killed" }, 0.5);
      world.pass(30_000, 0.5);
    }
    assertEquals(world.state.phase, "starting");
    assert(world.log.length > 100_000);
    assertEquals(world.state.history.lastDelayMs, 30_000);
    assert(world.state.history.times.length <= 2);
  });
  await t.step("one that never comes up has failed after six tries, and does nothing more", () => {
    const world = new World(policyOf({ backoff: { jitter: 0 } }));
    world.happen({ kind: "asked", ask: "start" }, 0);
    while (world.nowMs < monthsMs) {
      world.happen({ kind: "failed" }, 0.5);
      world.pass(world.state.phase === "failed" ? 3_600_000 : 1_000, 0.5);
    }
    const waits = world.log.flatMap(({ actions }) =>
      actions.flatMap((a) => a.kind === "wait" ? [a.delayMs] : [])
    );
    assertEquals([world.state.phase, waits], ["failed", [100, 200, 400, 800]]);
    assertEquals(world.log.filter(({ actions }) => actions.some(({ kind }) => kind === "start")).length, 6);
  });
  await t.step("one that may fail for ever still remembers little, and its wait is a number", () => {
    const world = new World(
      policyOf({ limit: { restarts: Infinity, withinMs: 60_000 }, backoff: { initialMs: 0 } }),
    );
    world.happen({ kind: "asked", ask: "start" }, 0);
    for (let life = 0; life < 5_000; life++) {
      world.happen({ kind: "failed" }, 0.5);
      world.pass(1_000, 0.5);
    }
    assertEquals(world.state.history.lastDelayMs, 0);
    assertEquals(world.state.history.times.length, 60);
  });
});
