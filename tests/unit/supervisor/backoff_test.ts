import { assertEquals } from "@std/assert";
import {
  nextRestart,
  NO_RESTARTS,
  recentRestarts,
  type RestartHistory,
} from "../../../src/supervisor/backoff.ts";
import type { SupervisedVm } from "../../../src/supervisor/spec.ts";
import { policy } from "./_policy.ts";

const FOR_EVER = { restarts: Infinity, withinMs: Infinity };

/** The waits of so many restarts in a row, of a guest that never becomes ready; `null` where it is given up. */
function waits(spec: Omit<SupervisedVm, "config">, count: number, random = 0.5): (number | null)[] {
  let history: RestartHistory = NO_RESTARTS;
  let now = 0;
  return Array.from({ length: count }, () => {
    const decision = nextRestart(policy(spec), history, 0, now, random);
    if (decision.kind === "give-up") return null;
    history = decision.history;
    now += decision.delayMs;
    return decision.delayMs;
  });
}

Deno.test("nextRestart() restarts at once, then waits 100 ms and twice as long each time, up to 30 s", () => {
  assertEquals(waits({ limit: FOR_EVER }, 13), [
    ...[0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600],
    ...[30_000, 30_000, 30_000],
  ]);
});

Deno.test("nextRestart() gives up at the sixth failure within 60 s", () => {
  assertEquals(waits({}, 7), [0, 100, 200, 400, 800, null, null]);
});

Deno.test("nextRestart() gives up at the first failure when no restart is allowed", () => {
  assertEquals(waits({ limit: { restarts: 0, withinMs: 60_000 } }, 1), [null]);
});

Deno.test("nextRestart() goes on for ever when the limit is Infinity, or its period is 0", () => {
  const never = { initialMs: 0 };
  assertEquals(waits({ limit: FOR_EVER, backoff: never }, 2_000).filter((wait) => wait !== 0), []);
  assertEquals(
    waits({ limit: { restarts: 1, withinMs: 0 }, backoff: never }, 100).filter((wait) => wait !== 0),
    [],
  );
});

Deno.test("nextRestart() varies a wait by chance, by 20 % and never beyond the longest", () => {
  const spec = { limit: FOR_EVER, backoff: { jitter: 0.2 } };
  assertEquals(waits(spec, 4, 0), [0, 80, 160, 320]);
  assertEquals(waits(spec, 4, 0.999_999), [0, 120, 240, 480]);
  assertEquals(waits(spec, 12, 0.999_999).at(-1), 30_000);
});

Deno.test("nextRestart() does not wait less than before, whatever chance says", () => {
  const { backoff, limit } = policy({ backoff: { jitter: 1, factor: 1 }, limit: FOR_EVER });
  const long = nextRestart({ backoff, limit }, { times: [], attempts: 3, lastDelayMs: 150 }, 0, 0, 0);
  assertEquals(long, {
    kind: "restart",
    delayMs: 150,
    history: { times: [150], attempts: 4, lastDelayMs: 150 },
  });
});

Deno.test("nextRestart() forgets earlier waits, but not the limit's count, after a good run", () => {
  const spec = policy({ backoff: { resetAfterMs: 1_000 } });
  const failing = { times: [100, 200], attempts: 9, lastDelayMs: 25_600 };
  assertEquals(nextRestart(spec, failing, 999, 5_000, 0.5), {
    kind: "restart",
    delayMs: 25_600,
    history: { times: [100, 200, 30_600], attempts: 10, lastDelayMs: 25_600 },
  });
  assertEquals(nextRestart(spec, failing, 1_000, 5_000, 0.5), {
    kind: "restart",
    delayMs: 0,
    history: { times: [100, 200, 5_000], attempts: 1, lastDelayMs: 0 },
  });
});

Deno.test("nextRestart() allows one more as soon as the oldest one is out of the period", () => {
  const spec = policy({ limit: { restarts: 2, withinMs: 1_000 } });
  const used = { times: [0, 600], attempts: 0, lastDelayMs: 0 };
  assertEquals(nextRestart(spec, used, 0, 999, 0.5), { kind: "give-up" });
  assertEquals(nextRestart(spec, used, 0, 1_000, 0.5), {
    kind: "restart",
    delayMs: 0,
    history: { times: [600, 1_000], attempts: 1, lastDelayMs: 0 },
  });
});

Deno.test("nextRestart() still knows how long to wait after thousands of failures", () => {
  const { backoff, limit } = policy({ limit: FOR_EVER });
  const old = { times: [], attempts: 5_000, lastDelayMs: 30_000 };
  const decision = nextRestart({ backoff, limit }, old, 0, 0, 0.5);
  assertEquals(decision.kind === "restart" && decision.delayMs, 30_000);
  const none = nextRestart(
    { backoff: { ...backoff, initialMs: 0 }, limit },
    { ...old, lastDelayMs: 0 },
    0,
    0,
    0.5,
  );
  assertEquals(none.kind === "restart" && none.delayMs, 0);
});

Deno.test("recentRestarts() leaves out what is out of the period, and counts one that is still waited for", () => {
  const history = { times: [0, 500, 1_200], attempts: 3, lastDelayMs: 200 };
  assertEquals(recentRestarts({ restarts: 5, withinMs: 1_000 }, history, 1_000), [500, 1_200]);
});

Deno.test("nextRestart() remembers no more than a thousand restarts where there is no limit", () => {
  let history: RestartHistory = NO_RESTARTS;
  for (let now = 0; now < 3_000; now++) {
    const decision = nextRestart(
      policy({ limit: FOR_EVER, backoff: { initialMs: 0 } }),
      history,
      0,
      now,
      0.5,
    );
    if (decision.kind === "restart") history = decision.history;
  }
  assertEquals([history.times.length, history.times.at(-1), history.attempts], [1_000, 2_999, 3_000]);
});
