// What the policy promises whatever happens, in any order, over months, also when its supervisor dies at any step: with clocks that are
// only numbers.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parsePersistedState, persistState, restoreState } from "../../../src/supervisor/persist_state.ts";
import { type Found, resumeAfterDeath } from "../../../src/supervisor/after_death.ts";
import {
  type Circumstances,
  decide,
  type Decision,
  type Incident,
  INITIAL_STATE,
  type PolicyState,
} from "../../../src/supervisor/policy.ts";
import { policyOf } from "../../../src/supervisor/policy_of.ts";
import type { Policy } from "../../../src/supervisor/spec.ts";
import { aCause, aPolicy, aRandom, type Moment, moments } from "./_arbitraries.ts";
import { verdict } from "./_policy.ts";
import { type Death, World } from "./_world.ts";

const RUNS = { numRuns: 1_000 } as const;

function live(policy: Policy, moments: readonly Moment[]): World {
  const world = new World(policy);
  world.happen({ kind: "asked", ask: "start" }, 0);
  for (const { ms, happening, random, death } of moments) {
    world.pass(ms, random);
    world.happen(happening, random, death);
  }
  return world;
}

Deno.test("decide() has one QEMU at a time, keeps a stop, and leaves no wait behind, whatever happens", () => {
  fc.assert(
    fc.property(aPolicy, moments(), (policy, moments) => {
      // The world itself checks each step.
      const world = live(policy, moments);
      world.happen({ kind: "asked", ask: "stop" }, 0.5);
      world.settle(0.5);
      assertEquals([world.state.phase, world.state.wanted], ["down", "down"]);
    }),
    RUNS,
  );
});

Deno.test("decide() begins no more lives by itself within the limit's period than the limit allows, whoever dies", () => {
  fc.assert(
    fc.property(aPolicy, moments({ operator: "no" }), (policy, moments) => {
      const { restarts, withinMs } = policy.limit;
      for (const times of live(policy, moments).lives) {
        for (let i = 0; i + restarts < times.length; i++) {
          const [first = 0, last = 0] = [times[i], times[i + restarts]];
          // What a file's numbers are good for.
          assert(last - first >= withinMs - 0.5, `${restarts + 1} restarts in ${last - first} ms`);
        }
      }
    }),
    RUNS,
  );
});

Deno.test("decide() never waits less than before while the guest keeps failing, whoever dies", () => {
  const aLife = fc.record({
    random: aRandom,
    death: fc.option(fc.constantFrom<Death["at"][]>("before-write", 0, 1)),
    backMs: fc.nat(10_000_000),
  });
  fc.assert(
    fc.property(aPolicy, fc.array(aLife, { minLength: 1, maxLength: 40 }), (policy, lives) => {
      const failing: Policy = {
        ...policy,
        restart: "always",
        onCause: {},
        limit: { restarts: Infinity, withinMs: Infinity },
        backoff: { ...policy.backoff, resetAfterMs: 60_000 },
      };
      const world = new World(failing);
      world.happen({ kind: "asked", ask: "start" }, 0);
      const waits: number[] = [];
      for (const { random, death, backMs } of lives) {
        world.happen({ kind: "done" }, random);
        world.pass(59_999, random);
        world.happen(
          { kind: "died", cause: "killed" },
          random,
          death === null ? null : {
            at: death,
            half: false,
            awayMs: 0,
            backMs,
            meanwhile: [],
            launch: "prelaunch",
            verified: true,
          },
        );
        const { lastDelayMs } = world.state.history;
        waits.push(lastDelayMs);
        // The world checks that nothing begins before its time.
        world.pass(60_000, random);
        assertEquals(world.state.phase === "starting" || world.state.phase === "up", true);
      }
      assertEquals(waits, waits.toSorted((a, b) => a - b));
    }),
  );
});

/** Anything that could be told, whether it makes sense or not. */
const aVerdict = fc.record({
  cause: aCause,
  process: fc.constantFrom("ended" as const, "held" as const, "running" as const),
  tripleFault: fc.constantFrom(true, false, "unknown" as const, null),
}).map(({ cause, ...more }) => verdict(cause, more));
const aGuest = fc.constantFrom("running" as const, "held" as const, "prelaunch" as const);
const anIncident: fc.Arbitrary<Incident> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      ...["started", "resumed", "wait-over", "action-failed", "dumped", "dump-failed"] as const,
      ...["start-asked", "restart-asked", "stop-asked", "clear-asked", "stuck", "unreachable"] as const,
    ),
  }),
  fc.record({ kind: fc.constantFrom("guest-ended" as const, "ended" as const), verdict: aVerdict }),
  fc.record({ kind: fc.constantFrom("unstuck" as const, "reachable" as const), guest: aGuest }),
);
const aFound: fc.Arbitrary<Found> = fc.oneof(
  fc.record({ kind: fc.constantFrom("running", "prelaunch", "stuck", "silent", "unverifiable") }),
  fc.record({ kind: fc.constant("held" as const), verdict: aVerdict }),
  fc.record({ kind: fc.constant("gone" as const), verdict: fc.option(aVerdict) }),
);

interface Told {
  one: Incident | Found;
  decideOn: (state: PolicyState, circumstances: Circumstances) => Decision;
}

Deno.test("decide() has an answer even to what can't happen, and a stop is kept there too", () => {
  fc.assert(
    fc.property(
      aPolicy,
      fc.array(fc.oneof(anIncident.map(toDecide), aFound.map(toResume)), { maxLength: 30 }),
      aRandom,
      (policy, told, random) => {
        let state = INITIAL_STATE;
        let stopped = false;
        for (const [index, { one, decideOn }] of told.entries()) {
          const decision = decideOn(state, { policy, now: 1_000 + index, random });
          state = decision.state;
          if (one.kind.endsWith("-asked") && one.kind !== "clear-asked") stopped = one.kind === "stop-asked";
          const kinds = decision.actions.map(({ kind }) => kind);
          if (stopped) {
            assertEquals(kinds.filter((kind) => ["start", "reset", "resume", "dump"].includes(kind)), []);
            assertEquals(state.wanted, "down");
          }
          // One thing at a time: never two lives, two ends or two waits, and a wait is ended before anything else is done.
          assert(kinds.length <= 2, `${kinds}`);
          if (kinds.length === 2) assertEquals(kinds[0], "end-wait");
          // Whatever it comes to can be written down.
          const kept = parsePersistedState(JSON.parse(JSON.stringify(persistState(state, 0, 0))));
          assertEquals(restoreState(kept, 0, 0), state);
        }
      },
    ),
    RUNS,
  );
});

function toDecide(one: Incident): Told {
  return { one, decideOn: (state, circumstances) => decide(state, one, circumstances) };
}

function toResume(one: Found): Told {
  return { one, decideOn: (state, circumstances) => resumeAfterDeath(state, one, circumstances) };
}

Deno.test("restoreState() gives back a state that decides as the one that was kept, at whatever moment", () => {
  fc.assert(
    fc.property(
      aPolicy,
      moments({ deaths: "no" }),
      fc.array(anIncident, { maxLength: 20 }),
      fc.nat(1_000_000),
      fc.nat(50_000),
      (policy, moments, incidents, awayMs, laterMs) => {
        const world = live(policy, moments);
        const kept = JSON.stringify(persistState(world.state, world.monoMs, 1_000_000_000));
        let one = world.state;
        let other = restoreState(parsePersistedState(JSON.parse(kept)), laterMs, 1_000_000_000 + awayMs);
        for (const [index, incident] of incidents.entries()) {
          const after = awayMs + index * 1_000;
          const decisions = [
            decide(one, incident, { policy, now: world.monoMs + after, random: 0.25 }),
            decide(other, incident, { policy, now: laterMs + index * 1_000, random: 0.25 }),
          ] as const;
          assertEquals(decisions[1].actions, decisions[0].actions);
          one = decisions[0].state;
          other = decisions[1].state;
          assertEquals(ages(other, laterMs + index * 1_000), ages(one, world.monoMs + after));
        }
      },
    ),
    RUNS,
  );
});

/** A state by how long ago things were. */
function ages(state: PolicyState, now: number): unknown {
  const { history, upSince } = state;
  return {
    ...state,
    history: { ...history, times: history.times.map((at) => now - at) },
    upSince: upSince === null ? null : now - upSince,
  };
}

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
  await t.step("one whose supervisor dies of each of its ends as well is no worse off", () => {
    const death: Death = {
      at: "before-write",
      half: false,
      awayMs: 5_000,
      backMs: 0,
      meanwhile: [],
      launch: "prelaunch",
      verified: true,
    };
    const world = new World(policyOf({}));
    world.happen({ kind: "asked", ask: "start" }, 0);
    for (let life = 0; world.nowMs < monthsMs; life++) {
      world.happen({ kind: "done" }, 0.5, { ...death, at: life % 2 === 0 ? 0 : "before-write" });
      world.pass(3_600_000, 0.5);
      world.happen({ kind: "died", cause: "killed" }, 0.5, {
        ...death,
        at: life % 3 === 0 ? "before-write" : 0,
      });
      assertEquals(world.state.phase, "starting");
    }
    assert(world.lives.flat().length > 2_000);
    assert(
      world.log.every(({ actions }) => actions.every(({ kind }) => kind !== "wait" && kind !== "give-up")),
    );
  });
});
