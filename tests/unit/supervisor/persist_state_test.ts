import { assert, assertEquals, assertThrows } from "@std/assert";
import { nextRestart } from "../../../src/supervisor/backoff.ts";
import {
  parsePersistedState,
  type PersistedState,
  persistState,
  restoreState,
} from "../../../src/supervisor/persist_state.ts";
import { INITIAL_STATE, type PolicyState } from "../../../src/supervisor/policy.ts";
import { policy } from "./_policy.ts";

const WALL = Date.UTC(2026, 0, 1);

const RICH: PolicyState = {
  wanted: "up",
  phase: "backoff",
  history: { times: [1_000, 2_000, 5_250], attempts: 3, lastDelayMs: 250 },
  upSince: null,
  pending: "reset",
  after: { kind: "restart", ranMs: 12.5 },
  begun: {
    kind: "dump",
    dump: { dir: "/dumps", format: "elf", keep: 2 },
    then: { kind: "act", action: "preserve", ranMs: 7 },
  },
};

/** Through a file, as it is kept. */
function kept(state: PolicyState, nowMono: number, nowWall: number): PersistedState {
  return parsePersistedState(JSON.parse(JSON.stringify(persistState(state, nowMono, nowWall))));
}

Deno.test("restoreState() gives back what persistState() took, for a clock that began anew", () => {
  const up: PolicyState = { ...INITIAL_STATE, wanted: "up", phase: "up", upSince: 4_000 };
  for (const state of [INITIAL_STATE, RICH, up]) {
    assertEquals(restoreState(kept(state, 5_000, WALL), 5_000, WALL), state);
    const later = restoreState(kept(state, 5_000, WALL), 100, WALL + 700);
    assertEquals(later, {
      ...state,
      // 700 ms older, by a clock that is 5,600 ms behind where it would be.
      history: { ...state.history, times: state.history.times.map((at) => at - 5_600) },
      upSince: state.upSince === null ? null : state.upSince - 5_600,
    });
  }
});

Deno.test("persistState() keeps times of the wall clock", () => {
  const { savedAt, history, upSince } = persistState({ ...RICH, upSince: 4_000 }, 5_000, WALL);
  assertEquals([savedAt, history.times, upSince], [
    WALL,
    [WALL - 4_000, WALL - 3_000, WALL + 250],
    WALL - 1_000,
  ]);
});

Deno.test("restoreState() makes nothing younger or older when the wall clock was set back meanwhile", () => {
  const { limit, backoff } = policy({ limit: { restarts: 3, withinMs: 60_000 } });
  const used = { ...RICH, history: { times: [4_997, 4_998, 4_999], attempts: 3, lastDelayMs: 0 } };
  for (const backMs of [1, 60_000, 3_600_000, 20 * 365 * 86_400_000]) {
    const { history } = restoreState(kept(used, 5_000, WALL), 0, WALL - backMs);
    assertEquals(history.times, [-3, -2, -1]);
    assertEquals(nextRestart({ limit, backoff }, history, 0, 0, 0.5).kind, "give-up");
    assertEquals(nextRestart({ limit, backoff }, history, 0, 59_996, 0.5).kind, "give-up");
    assertEquals(nextRestart({ limit, backoff }, history, 0, 59_997, 0.5).kind, "restart");
  }
});

Deno.test("restoreState() counts the time that nobody was there", () => {
  const { history } = restoreState(kept(RICH, 6_000, WALL), 0, WALL + 3_600_000);
  assert(history.times.every((at) => at < -3_600_000));
});

Deno.test("parsePersistedState() takes what a policy may have said, and leaves out what a newer version added", () => {
  const good = JSON.parse(JSON.stringify(persistState(RICH, 0, WALL)));
  const begun = { ...good.begun, dump: [], more: 1 };
  const state = parsePersistedState({ ...good, begun, later: true });
  assertEquals(state.begun, { kind: "dump", dump: {}, then: { kind: "act", action: "preserve", ranMs: 7 } });
  assertEquals(Object.keys(state).toSorted(), Object.keys(good).toSorted());
});

Deno.test("parsePersistedState() names what is wrong in a file", async (t) => {
  const good = JSON.parse(JSON.stringify(persistState(RICH, 0, WALL)));
  const cases: [unknown, string][] = [
    [{ ...good, phase: "asleep" }, "'phase' must be "],
    [{ ...good, savedAt: "now" }, "'savedAt' must be a number: found \"now\""],
    [
      { ...good, history: { ...good.history, times: [1, null] } },
      "'history.times[1]' must be a number: found null",
    ],
    [{ ...good, after: { kind: "party" } }, "'after.kind' must be "],
    [
      { ...good, begun: { ...good.begun, then: { kind: "act", action: "sing", ranMs: 0 } } },
      "'begun.then.action' must be ",
    ],
    [{ ...good, upSince: undefined }, "'upSince' must be "],
    [null, "'it' must be an object: found null"],
  ];
  for (const [value, words] of cases) {
    await t.step(words, () => {
      assertThrows(
        () => parsePersistedState(value),
        TypeError,
        `Cannot take up the state of a guest as ${words}`,
      );
    });
  }
});

Deno.test("parsePersistedState() leaves out what a later version may have added", () => {
  const value = { ...persistState(INITIAL_STATE, 0, WALL), mood: "good" };
  assertEquals(parsePersistedState(value), persistState(INITIAL_STATE, 0, WALL));
});
