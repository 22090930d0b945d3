import { assertEquals, assertRejects } from "@std/assert";
import { EventFanout } from "../../../src/qmp/event_fanout.ts";
import type { EventStream } from "../../../src/qmp/event_stream.ts";
import type { AnyQmpEvent } from "../../../src/qmp/message.ts";

const event = (name: string): AnyQmpEvent => ({ event: name, timestamp: { seconds: 0, microseconds: 0 } });

async function names(stream: EventStream<AnyQmpEvent>): Promise<string[]> {
  const events = await Array.fromAsync(stream);
  return events.map((event) => event.event);
}

Deno.test("EventFanout.deliver() gives each stream the events of its names, in order", async () => {
  const fanout = new EventFanout();
  const all = fanout.subscribe([]);
  const some = fanout.subscribe(["B", "C"]);
  for (const name of ["A", "B", "A", "C", "B"]) fanout.deliver(event(name));
  fanout.end(null);
  assertEquals([await names(all), await names(some)], [["A", "B", "A", "C", "B"], ["B", "C", "B"]]);
});

Deno.test("EventFanout.subscribe() begins with the call, and subscribeFirst() with what came before it, once", async () => {
  const fanout = new EventFanout();
  for (const name of ["A", "B", "A"]) fanout.deliver(event(name));
  const plain = fanout.subscribe([]);
  const first = fanout.subscribeFirst(["A"]);
  const second = fanout.subscribeFirst([]);
  fanout.deliver(event("A"));
  fanout.end(null);
  assertEquals([await names(plain), await names(first), await names(second)], [["A"], ["A", "A", "A"], [
    "A",
  ]]);
});

Deno.test("EventFanout.forgetEarly() leaves nothing for a first stream", async () => {
  const fanout = new EventFanout();
  fanout.deliver(event("A"));
  fanout.forgetEarly();
  fanout.deliver(event("B"));
  const first = fanout.subscribeFirst([]);
  fanout.end(null);
  assertEquals(await names(first), []);
});

Deno.test("EventFanout keeps the last 1024 events for the first stream, and says how many it dropped", async () => {
  const fanout = new EventFanout();
  for (let n = 0; n < 1030; n++) fanout.deliver(event(`E${n}`));
  const first = fanout.subscribeFirst([]);
  fanout.end(null);
  const kept = await names(first);
  assertEquals([kept.length, kept[0], kept.at(-1), first.lagged], [1024, "E6", "E1029", 6]);
});

Deno.test("EventFanout.end() ends the streams that are open, and those that are opened later", async () => {
  const fanout = new EventFanout();
  fanout.deliver(event("A"));
  const open = fanout.subscribe([]);
  fanout.end(new Error("gone"));
  const first = fanout.subscribeFirst([]);
  await assertRejects(() => names(open), Error, "gone");
  assertEquals((await first.next()).value?.event, "A", "what came before the end is not lost");
  await assertRejects(() => first.next(), Error, "gone");
});

Deno.test("EventFanout delivers nothing to a stream that was disposed of", async () => {
  const fanout = new EventFanout();
  const left = fanout.subscribe([]);
  const kept = fanout.subscribe([]);
  left[Symbol.dispose]();
  fanout.deliver(event("A"));
  fanout.end(new Error("gone"));
  assertEquals(await names(left), []);
  assertEquals((await kept.next()).value?.event, "A");
});
