import { assertEquals, assertRejects } from "@std/assert";
import { inTime } from "../../../src/vm/waiting.ts";
import { listenedTimeouts } from "../_listened_timeouts.ts";

Deno.test("inTime() tells whether a promise was fulfilled in time", async () => {
  assertEquals(await inTime(Promise.resolve(), 30_000), true);
  assertEquals(await inTime(new Promise(() => {}), 1), false);
  assertEquals(await inTime(new Promise(() => {}), 0), false);
});

Deno.test("inTime() waits as long as it takes where the limit is more than a timer holds", async () => {
  for (const ms of [Infinity, 2 ** 31]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = inTime(promise, ms);
    // A timer that overflows fires at once: it would be first.
    setTimeout(resolve, 5);
    assertEquals(await waiting, true);
  }
});

Deno.test("inTime() throws a rejection in time, and leaves no limit and no unhandled rejection behind", async () => {
  using limits = listenedTimeouts();
  const pending = inTime(new Promise(() => {}), 1);
  assertEquals(limits.listened, 1);
  assertEquals(await pending, false);
  await assertRejects(() => inTime(Promise.reject(new Error("no")), 30_000), Error, "no");
  const { promise, reject } = Promise.withResolvers<void>();
  assertEquals(await inTime(promise, 1), false);
  reject(new Error("late"));
  await assertRejects(() => promise, Error, "late");
  assertEquals(await inTime(Promise.resolve(), 30_000), true);
  assertEquals(limits.listened, 0);
});
