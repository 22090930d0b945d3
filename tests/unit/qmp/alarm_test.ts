import { assert, assertEquals } from "@std/assert";
import { alarm, MAX_TIMER_MS } from "../../../src/qmp/alarm.ts";

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
  {
    using _ = alarm(1, () => rung.push("disposed of"));
  }
  using _ = alarm(MAX_TIMER_MS, () => rung.push("too early"));
  await rings(20);
  assertEquals(rung, []);
});
