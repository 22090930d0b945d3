import fc from "fast-check";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { EventStream } from "../../../src/qmp/event_stream.ts";

const END = { value: undefined, done: true } as const;

Deno.test("EventStream yields what was pushed, in order, and returns at a clean end", async () => {
  const stream = new EventStream<number>();
  for (const n of [1, 2, 3]) stream.push(n);
  stream.end();
  stream.push(4);
  assertEquals(await Array.fromAsync(stream), [1, 2, 3]);
  assertEquals(stream.lagged, 0);
});

Deno.test("EventStream yields what it holds before it throws the error that it ended with", async () => {
  const stream = new EventStream<number>();
  stream.push(1);
  stream.end(new Error("gone"));
  stream.end();
  assertEquals(await stream.next(), { value: 1, done: false });
  await assertRejects(() => stream.next(), Error, "gone");
});

Deno.test("EventStream.next() called before the push gets the item, each call its own", async () => {
  const stream = new EventStream<number>();
  const taken = [stream.next(), stream.next(), stream.next()];
  stream.push(1);
  stream.push(2);
  stream.end();
  assertEquals(await Promise.all(taken), [{ value: 1, done: false }, { value: 2, done: false }, END]);
});

Deno.test("EventStream.end() with an error rejects a pending next()", async () => {
  const stream = new EventStream<number>();
  const pending = stream.next();
  stream.end(new Error("gone"));
  await assertRejects(() => pending, Error, "gone");
});

Deno.test("EventStream drops the oldest items of a reader that is too slow, and counts them", async () => {
  const stream = new EventStream<number>({ capacity: 3 });
  for (let n = 0; n < 100; n++) stream.push(n);
  stream.end();
  assertEquals(stream.lagged, 97);
  assertEquals(await Array.fromAsync(stream), [97, 98, 99]);
});

Deno.test("EventStream drops nothing while a reader waits", async () => {
  const stream = new EventStream<number>({ capacity: 1 });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const n of stream) seen.push(n);
  })();
  for (let n = 0; n < 50; n++) {
    stream.push(n);
    while (seen.length <= n) await Promise.resolve();
  }
  stream.end();
  await reading;
  assertEquals([seen.length, stream.lagged], [50, 0]);
});

Deno.test("EventStream behaves like a bounded queue however pushes and reads are mixed", async () => {
  const steps = fc.array(fc.constantFrom("push", "push", "push", "read"), { maxLength: 300 });
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 9 }), steps, async (capacity, steps) => {
    const stream = new EventStream<number>({ capacity });
    const queue: number[] = [];
    let pushed = 0;
    let dropped = 0;
    for (const step of steps) {
      if (step === "push") {
        if (queue.length === capacity) {
          queue.shift();
          dropped++;
        }
        queue.push(pushed);
        stream.push(pushed++);
      } else if (queue.length > 0) {
        assertEquals(await stream.next(), { value: queue.shift() as number, done: false });
      }
      assertEquals(stream.lagged, dropped);
    }
    stream.end();
    assertEquals(await Array.fromAsync(stream), queue);
  }));
});

Deno.test("EventStream disposed of drops what it holds, ends a pending next(), and tells its owner once", async () => {
  let told = 0;
  const stream = new EventStream<number>({ onDispose: () => told++ });
  const pending = stream.next();
  stream[Symbol.dispose]();
  stream.push(1);
  stream[Symbol.dispose]();
  assertEquals([await pending, await stream.next(), told], [END, END, 1]);
});

Deno.test("EventStream disposed of after its end forgets error and items, and does not tell its owner", async () => {
  let told = 0;
  const stream = new EventStream<number>({ onDispose: () => told++ });
  stream.push(1);
  stream.end(new Error("gone"));
  stream[Symbol.dispose]();
  assertEquals([await stream.next(), told], [END, 0]);
});

Deno.test("EventStream is disposed of when a for await loop is left", async () => {
  let told = 0;
  const stream = new EventStream<number>({ onDispose: () => told++ });
  stream.push(1);
  stream.push(2);
  for await (const n of stream) {
    assertEquals(n, 1);
    break;
  }
  assertEquals([told, await stream.next()], [1, END]);
});

Deno.test("EventStream takes a capacity from 1, and starts to count at what was lost before", () => {
  for (const capacity of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => new EventStream({ capacity }), RangeError, `current value is ${capacity}`);
  }
  const stream = new EventStream<number>({ capacity: 1, lagged: 5 });
  stream.push(1);
  stream.push(2);
  assert(stream.lagged === 6);
});
