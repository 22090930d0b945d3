import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { type AnyQmpEvent, EventStream } from "../../../src/qmp/mod.ts";
import { ReplayedEvents } from "../../../src/vm/replayed_events.ts";
import { event } from "./_events.ts";

const EVENTS = Array.from({ length: 12 }, (_, at) => event(`E${at % 3}`, { at }, at));

/**
 * What is given when the first `seen` events were seen before, the monitor listens from `from` on, and the recording was read when `read` of
 * them had come.
 */
async function given(seen: number, from: number, read: number): Promise<AnyQmpEvent[]> {
  const live = new EventStream<AnyQmpEvent>();
  for (const one of EVENTS.slice(from)) live.push(one);
  live.end();
  using replayed = new ReplayedEvents(EVENTS.slice(seen, read), EVENTS.slice(0, read), live);
  return await Array.fromAsync(replayed);
}

Deno.test("ReplayedEvents gives each event once and in order, wherever monitor and recording overlap", async () => {
  const places = fc.tuple(fc.nat(12), fc.nat(12), fc.nat(12)).map((three) => three.toSorted((a, b) => a - b));
  await fc.assert(fc.asyncProperty(places, async ([first = 0, second = 0, read = 0]) => {
    // The recording is read after the monitor listens; what was seen before may be less or more than that.
    assertEquals(await given(first, second, read), EVENTS.slice(first));
    assertEquals(await given(second, first, read), EVENTS.slice(second));
  }));
});

Deno.test("ReplayedEvents gives what the monitor has where there is no recording", async () => {
  assertEquals(await given(0, 0, 0), EVENTS);
});

Deno.test("ReplayedEvents gives up its monitor when it is disposed of", async () => {
  let given = "kept";
  const live = new EventStream<AnyQmpEvent>({ onDispose: () => given = "given up" });
  const replayed = new ReplayedEvents([], [], live);
  replayed[Symbol.dispose]();
  assertEquals([given, await Array.fromAsync(replayed)], ["given up", []]);
});
