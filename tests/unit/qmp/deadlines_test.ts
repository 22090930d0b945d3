import { assert, assertEquals } from "@std/assert";
import { Deadlines } from "../../../src/qmp/deadlines.ts";
import { recordTimers } from "./_record_timers.ts";

/** Deadlines, what has expired so far, and a wait for the next one. */
function recorded(): { deadlines: Deadlines<string>; expired: string[]; next: () => Promise<void> } {
  const expired: string[] = [];
  let wake = () => {};
  const deadlines = new Deadlines<string>((key) => {
    expired.push(key);
    wake();
  });
  return { deadlines, expired, next: () => new Promise((resolve) => wake = resolve) };
}

/** Runs something as if it took no time, however busy the machine is. */
function atOnce(run: () => void): void {
  const now = performance.now();
  performance.now = () => now;
  try {
    run();
  } finally {
    // The real one is on the prototype.
    delete (performance as { now?: unknown }).now;
  }
}

Deno.test("Deadlines expire in the order in which they are due, never early, and once", async () => {
  const { deadlines, expired, next } = recorded();
  using _ = deadlines;
  const start = performance.now();
  atOnce(() => {
    deadlines.set("late", 30);
    deadlines.set("early", 5);
    deadlines.set("middle", 15);
  });
  const times: number[] = [];
  while (expired.length < 3) {
    await next();
    times.push(performance.now() - start);
  }
  assertEquals(expired, ["early", "middle", "late"]);
  assert((times[0] ?? 0) >= 5 && (times.at(-1) ?? 0) >= 30, `Expired after ${times} ms`);
});

Deno.test("Deadlines that are due at once expire in the order of their times, not in that of the calls", async () => {
  const { deadlines, expired, next } = recorded();
  using _ = deadlines;
  atOnce(() => {
    deadlines.set("second", 2);
    deadlines.set("first", 1);
  });
  // The event loop is busy until both are due.
  for (const start = performance.now(); performance.now() - start < 4;);
  while (expired.length < 2) await next();
  assertEquals(expired, ["first", "second"]);
});

Deno.test("Deadlines.delete() keeps a deadline from expiring", async () => {
  const { deadlines, expired, next } = recorded();
  using _ = deadlines;
  deadlines.set("deleted", 1);
  deadlines.set("kept", 5);
  deadlines.delete("deleted");
  await next();
  assertEquals(expired, ["kept"]);
});

Deno.test("Deadlines.set() again moves a deadline", async () => {
  const { deadlines, expired, next } = recorded();
  using _ = deadlines;
  atOnce(() => {
    deadlines.set("moved", 1);
    deadlines.set("moved", 20);
    deadlines.set("other", 5);
  });
  while (expired.length < 2) await next();
  assertEquals(expired, ["other", "moved"]);
});

Deno.test("Deadlines takes a deadline of 0, and an expiry that sets the next one", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let rounds = 0;
  using deadlines = new Deadlines<string>((key) => {
    if (++rounds === 3) resolve();
    else deadlines.set(key, 0);
  });
  deadlines.set("again", 0);
  await promise;
  assertEquals(rounds, 3);
});

Deno.test("Deadlines makes one timer for a thousand commands that are answered in time", () => {
  const { deadlines, expired } = recorded();
  using _ = deadlines;
  using made = recordTimers();
  for (let n = 0; n < 1000; n++) {
    deadlines.set(`${n}`, 60_000);
    deadlines.delete(`${n}`);
  }
  assertEquals([made.timers.length, expired], [1, []]);
});

Deno.test("Deadlines keeps the process alive just while something waits", () => {
  const { deadlines } = recorded();
  using _ = deadlines;
  using made = recordTimers();
  const alive = () => made.timers.map((timer) => timer.hasRef());
  deadlines.set("a", 60_000);
  deadlines.set("b", 60_000);
  deadlines.delete("a");
  assertEquals(alive(), [true]);
  deadlines.delete("b");
  assertEquals(alive(), [false]);
  deadlines.set("c", 60_000);
  assertEquals(alive(), [true]);
});

Deno.test("Deadlines takes a span that no timer can hold", async () => {
  const { deadlines, expired, next } = recorded();
  using _ = deadlines;
  deadlines.set("months", 2 ** 40);
  deadlines.set("never", Infinity);
  deadlines.set("soon", 1);
  await next();
  assertEquals(expired, ["soon"]);
});

Deno.test("Deadlines disposed of expire no more and leave no timer", () => {
  const { deadlines, expired } = recorded();
  deadlines.set("never", 0);
  deadlines[Symbol.dispose]();
  // The sanitizers would find a timer.
  assertEquals(expired, []);
});
