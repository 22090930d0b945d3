import { assert, assertEquals } from "@std/assert";
import { alarm, MAX_TIMER_MS } from "../../../src/qmp/alarm.ts";
import { listenedTimeouts } from "../_listened_timeouts.ts";

/** How long an alarm takes to ring, in milliseconds. */
async function rings(ms: number): Promise<number> {
  const start = performance.now();
  await new Promise<void>((resolve) => alarm(ms, resolve));
  return performance.now() - start;
}

Deno.test("alarm() rings when the time has passed and never before, at once where there is none", async () => {
  for (const ms of [20, 1.5, 0, -5]) {
    const took = await rings(ms);
    // Timers count whole milliseconds from the loop's own clock.
    assert(took > ms - 1, `${ms} ms took ${took}`);
  }
});

Deno.test("alarm() does not ring once it is disposed of, nor before a very long time has passed", async () => {
  const rung: string[] = [];
  using limits = listenedTimeouts();
  {
    using _ = alarm(1, () => rung.push("disposed of"));
    assertEquals(limits.listened, 1);
  }
  assertEquals(limits.listened, 0);
  using _long = alarm(MAX_TIMER_MS, () => rung.push("too early"));
  using _longer = alarm(MAX_TIMER_MS + 1, () => rung.push("much too early"));
  using _never = alarm(Infinity, () => rung.push("at all"));
  await rings(20);
  assertEquals(rung, []);
});
