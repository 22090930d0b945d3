import { assertEquals, assertThrows } from "@std/assert";
import { assertTimeout, Limit } from "../../../src/qmp/limit.ts";
import { CountedController } from "./_counted_signal.ts";

const late = () => "late";

function aborted(signal: AbortSignal): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  return promise;
}

Deno.test("Limit aborts with its own reason when the time has passed, also when there was none left", async () => {
  for (const ms of [1, 0, -5]) {
    using limit = new Limit(ms, late, undefined);
    assertEquals(await aborted(limit.signal), "late");
  }
});

Deno.test("Limit aborts with the reason of the caller's signal, also when that is aborted already", () => {
  const controller = new CountedController();
  using limit = new Limit(60_000, late, controller.signal);
  assertEquals(limit.signal.aborted, false);
  controller.abort("enough");
  using next = new Limit(60_000, late, controller.signal);
  assertEquals([limit.signal.reason, next.signal.reason], ["enough", "enough"]);
});

Deno.test("Limit disposed of leaves no listener, and is not aborted any more", async () => {
  const controller = new CountedController();
  const limit = new Limit(1, late, controller.signal);
  assertEquals(controller.listeners, 1);
  limit[Symbol.dispose]();
  assertEquals(controller.listeners, 0);
  using other = new Limit(2, late, undefined);
  await aborted(other.signal);
  assertEquals(limit.signal.aborted, false);
});

Deno.test("Limit without a time, or with more than a timer can hold, waits for the caller's signal only", async () => {
  for (const ms of [undefined, Infinity, 2 ** 40]) {
    const controller = new AbortController();
    const limit = new Limit(ms, late, controller.signal);
    // A timer that overflows fires at once: it would be first.
    using other = new Limit(5, late, undefined);
    await aborted(other.signal);
    assertEquals(limit.signal.aborted, false);
    controller.abort("enough");
    assertEquals(limit.signal.reason, "enough");
  }
});

Deno.test("assertTimeout() refuses what is no span of time", () => {
  for (const ms of [undefined, 0, 0.5, 1, Infinity]) assertTimeout(ms);
  for (const ms of [-1, NaN, -Infinity]) {
    assertThrows(() => assertTimeout(ms), RangeError, `current value is ${ms}`);
  }
});
