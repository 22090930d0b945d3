import { assertEquals } from "@std/assert";
import { EventPump } from "../../../../src/cli/shell/event_pump.ts";
import { type AnyQmpEvent, EventStream } from "../../../../src/qmp/mod.ts";

const event = (name: string): AnyQmpEvent => ({ event: name, timestamp: { seconds: 0, microseconds: 0 } });

/** A reader that takes its time. */
class SlowReader {
  readonly told: (string | number)[] = [];

  async event({ event }: AnyQmpEvent): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.told.push(event);
  }

  lagged(count: number): Promise<void> {
    this.told.push(count);
    return Promise.resolve();
  }
}

Deno.test("EventPump.caughtUp() waits for all events that have come, however slow the reader is", async () => {
  const stream = new EventStream<AnyQmpEvent>();
  const reader = new SlowReader();
  using pump = new EventPump(stream);
  const running = pump.run(reader);
  await pump.caughtUp();
  assertEquals(reader.told, [], "nothing has come, so there is nothing to wait for");
  for (let round = 1; round <= 3; round++) {
    // As a client does it: the events of a chunk, then the reply behind them.
    const reply = Promise.withResolvers<void>();
    for (const name of ["a", "b", "c", "d", "e"]) stream.push(event(name));
    reply.resolve();
    await reply.promise;
    await pump.caughtUp();
    assertEquals(reader.told.length, 5 * round);
  }
  pump[Symbol.dispose]();
  await running;
});

Deno.test("EventPump.run() tells how many events were dropped, and ends with its stream however that ends", async () => {
  for (const error of [undefined, new Error("The connection failed")]) {
    const stream = new EventStream<AnyQmpEvent>({ capacity: 2 });
    for (const name of ["a", "b", "c", "d", "e"]) stream.push(event(name));
    const reader = new SlowReader();
    using pump = new EventPump(stream);
    const running = pump.run(reader);
    stream.end(error);
    await running;
    await pump.caughtUp();
    assertEquals(reader.told, [3, "d", "e"]);
  }
});

Deno.test("EventPump.caughtUp() does not wait for ever for a reader that is stuck", async () => {
  const stream = new EventStream<AnyQmpEvent>();
  const stuck = Promise.withResolvers<void>();
  using pump = new EventPump(stream);
  const running = pump.run({ event: () => stuck.promise, lagged: () => Promise.resolve() });
  stream.push(event("a"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  await pump.caughtUp();
  stuck.resolve();
  stream.end();
  await running;
});
