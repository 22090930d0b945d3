import { assertEquals } from "@std/assert";
import type { AnyQmpEvent } from "../../../src/qmp/mod.ts";
import { NOTHING_TOLD, timeOf, timeOfEnd, withEnd, withEvent } from "../../../src/supervisor/told.ts";

const at = (seconds: number, microseconds = 0): AnyQmpEvent => ({
  event: "RESET",
  timestamp: { seconds, microseconds },
});

Deno.test("timeOf() and timeOfEnd() count in QEMU's microseconds, the end by its last event", () => {
  assertEquals(timeOf(at(1_795_275_415, 405_419)), 1_795_275_415_405_419);
  assertEquals(timeOfEnd({ events: [at(1), at(2, 7)] }), 2_000_007);
  assertEquals(timeOfEnd({ events: [] }), -1);
});

Deno.test("what was told only grows, events and ends each for themselves", () => {
  const event = withEvent(NOTHING_TOLD, at(2));
  assertEquals(event, { eventsUpTo: 2_000_000, endsUpTo: -1 });
  const both = withEnd(event, { events: [at(1)] });
  assertEquals(both, { eventsUpTo: 2_000_000, endsUpTo: 1_000_000 });
  assertEquals(withEnd(withEvent(both, at(1)), { events: [] }), both);
});
