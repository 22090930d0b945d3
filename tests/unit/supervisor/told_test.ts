import { assertEquals } from "@std/assert";
import type { AnyQmpEvent } from "../../../src/qmp/mod.ts";
import { divide, isToldEnd, NOTHING_TOLD, withEnd, withEvent } from "../../../src/supervisor/told.ts";

const at = (seconds: number): AnyQmpEvent => ({ event: "RESET", timestamp: { seconds, microseconds: 7 } });

Deno.test("what was told is the last of each, events and ends each for themselves, whatever their times are", () => {
  const event = withEvent(NOTHING_TOLD, at(2));
  assertEquals(event, { event: at(2), end: null });
  assertEquals(withEnd(event, { events: [at(9), at(1)] }), { event: at(2), end: at(1) });
  assertEquals(withEnd(withEvent(event, at(1)), { events: [] }), { event: at(1), end: null });
});

Deno.test("divide() goes by the order in which QEMU wrote, also when the clock was set back in between", () => {
  const times = (events: readonly AnyQmpEvent[]) => events.map(({ timestamp }) => timestamp.seconds);
  for (const seconds of [[1, 2, 3, 4, 5, 6], [100, 101, 102, 3, 4, 5], [9, 8, 7, 6, 5, 4]]) {
    const recorded = seconds.map(at);
    const [, second, , fourth] = recorded;
    const { settled, again, untold } = divide(recorded, { end: second ?? null, event: fourth ?? null });
    assertEquals([settled, again, untold].map(times), [
      seconds.slice(0, 2),
      seconds.slice(2, 4),
      seconds.slice(4),
    ]);
    assertEquals(times(divide(recorded, NOTHING_TOLD).untold), seconds);
    // The end was told, the events that made it were not, since whoever told it died.
    const early = divide(recorded, { end: fourth ?? null, event: second ?? null });
    assertEquals([early.settled, early.again, early.untold].map(times), [
      seconds.slice(0, 4),
      [],
      seconds.slice(2),
    ]);
  }
});

Deno.test("isToldEnd() knows an end by its last event", () => {
  assertEquals(isToldEnd({ events: [at(1), at(2)] }, [at(1), at(2)]), true);
  assertEquals(isToldEnd({ events: [at(1), at(3)] }, [at(1), at(2)]), false);
  assertEquals(isToldEnd({ events: [] }, []), true);
});
