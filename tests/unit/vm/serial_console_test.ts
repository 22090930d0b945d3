import fc from "fast-check";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { ConsoleClosedError, ConsoleTimeoutError } from "../../../src/vm/errors.ts";
import { SerialConsole } from "../../../src/vm/serial_console.ts";
import { FakeGuest } from "./_fake_console.ts";

function talk(): { guest: FakeGuest; console: SerialConsole } {
  const guest = new FakeGuest();
  return { guest, console: new SerialConsole(guest.transport) };
}

/** What became of a promise so far. */
async function stateOf(promise: Promise<unknown>): Promise<"pending" | "fulfilled" | "rejected"> {
  const pending = new Promise<"pending">((resolve) => setTimeout(() => resolve("pending"), 0));
  return await Promise.race([promise.then(() => "fulfilled" as const, () => "rejected" as const), pending]);
}

Deno.test("SerialConsole.expect() finds what was said before the call and what is said after it", async () => {
  const { guest, console } = talk();
  await using _console = console;
  await guest.say("one two");
  assertEquals(await console.expect("one"), { text: "one", groups: [], before: "" });
  const later = console.expect(/thr(e+)/);
  assertEquals(await stateOf(later), "pending");
  await guest.say(" thr");
  assertEquals(await stateOf(later), "pending");
  await guest.say("eee");
  assertEquals(await later, { text: "threee", groups: ["eee"], before: " two " });
});

Deno.test("SerialConsole.expect() matches nothing twice, and misses nothing between two calls", async () => {
  const { guest, console } = talk();
  await using _console = console;
  await guest.say("aXbXc");
  assertEquals((await console.expect("X")).before, "a");
  assertEquals((await console.expect("X")).before, "b");
  await assertRejects(() => console.expect("X", { timeoutMs: 1 }), ConsoleTimeoutError);
  await guest.say("X");
  assertEquals((await console.expect("X")).before, "c");
});

Deno.test("SerialConsole.expect() serves those who wait in the order in which they asked", async () => {
  const { guest, console } = talk();
  await using _console = console;
  const waiting = ["b", "a", /b|a/].map((pattern) => console.expect(pattern));
  await guest.say("aba");
  assertEquals(
    await stateOf(waiting[2] ?? Promise.reject()),
    "pending",
    "only two of the three letters are left",
  );
  await guest.say("b");
  assertEquals((await Promise.all(waiting)).map(({ text }) => text), ["b", "a", "b"]);
});

Deno.test("SerialConsole.expect() lets the next one go ahead when the first gives up", async () => {
  const { guest, console } = talk();
  await using _console = console;
  const controller = new AbortController();
  await guest.say("here");
  const first = console.expect("never", { signal: controller.signal });
  const second = console.expect("here");
  assertEquals(await stateOf(second), "pending");
  controller.abort(new Error("enough"));
  await assertRejects(() => first, Error, "enough");
  assertEquals((await second).text, "here");
});

Deno.test("SerialConsole.expect() rejects with a message that shows what was said instead", async () => {
  const { guest, console } = talk();
  await using _console = console;
  await guest.say("matched, ");
  await console.expect("matched, ");
  await guest.say("kernel panic");
  const error = await assertRejects(() => console.expect("login:", { timeoutMs: 1 }), ConsoleTimeoutError);
  assertEquals(
    error.message,
    'The guest did not say "login:" on its console within 1 ms; since the last match it said "kernel panic"',
  );
});

Deno.test("SerialConsole.expect() takes time limits of all sizes, and refuses what is none", async () => {
  const { guest, console } = talk();
  await using _console = console;
  for (const timeoutMs of [Infinity, 2 ** 40]) {
    const waiting = console.expect("x", { timeoutMs });
    assertEquals(await stateOf(waiting), "pending");
    await guest.say("x");
    await waiting;
  }
  await assertRejects(() => console.expect("y", { timeoutMs: 0 }), ConsoleTimeoutError);
  for (const timeoutMs of [-1, NaN]) {
    await assertRejects(
      () => console.expect("y", { timeoutMs }),
      RangeError,
      `current value is ${timeoutMs}`,
    );
  }
});

Deno.test("SerialConsole.expect() rejects at once with the reason of an aborted signal", async () => {
  const { guest, console } = talk();
  await using _console = console;
  await guest.say("x");
  await assertRejects(() => console.expect("x", { signal: AbortSignal.abort(new Error("no")) }), Error, "no");
  assertEquals((await console.expect("x")).text, "x");
});

Deno.test("SerialConsole.expect() takes a regular expression without its memory", async () => {
  const { guest, console } = talk();
  await using _console = console;
  const pattern = /n=(\d)/gy;
  pattern.lastIndex = 3;
  await guest.say("an=1 bn=2 ");
  assertEquals((await console.expect(pattern)).groups, ["1"]);
  assertEquals((await console.expect(pattern)).groups, ["2"]);
  assertEquals(pattern.lastIndex, 3);
});

Deno.test("SerialConsole.expect() rejects when the console ends first, and after its end unless it was said", async () => {
  const { guest, console } = talk();
  await using _console = console;
  const waiting = [console.expect("login:"), console.expect(/a/)];
  await guest.say("bye");
  guest.end();
  await console.closed;
  for (const promise of waiting) await assertRejects(() => promise, ConsoleClosedError, "a");
  assertEquals((await console.expect("bye")).text, "bye");
  const error = await assertRejects(() => console.expect("login:"), ConsoleClosedError);
  assertEquals(
    error.message,
    'Cannot wait for "login:": the console has ended, as it does with QEMU; since the last match the guest said nothing',
  );
});

Deno.test("SerialConsole is the same however the guest's bytes are cut", async () => {
  const text = "Grüße 🎉 login: x\r\n$ prompt # ";
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 40 }), async (cuts) => {
      const { guest, console } = talk();
      await using _console = console;
      const bytes = new TextEncoder().encode(text);
      let at = 0;
      const pieces = [...cuts, bytes.length].map((size) => bytes.subarray(at, at += size)).filter((
        { length },
      ) => length);
      using output = console.output();
      const matches = [console.expect("🎉 login: "), console.expect(/\$ (\w+) # /)];
      guest.sayAll(pieces);
      guest.end();
      const [first, second] = await Promise.all(matches);
      assertEquals([first?.before, second?.groups], ["Grüße ", ["prompt"]]);
      await console.closed;
      assertEquals(console.transcript, text);
      const heard = (await Array.fromAsync(output)).flatMap((chunk) => [...chunk]);
      assertEquals(heard, [...bytes]);
    }),
  );
});

Deno.test("SerialConsole.output() has the bytes from the call on, and throws what broke the console", async () => {
  const { guest, console } = talk();
  await using _console = console;
  await guest.say("before");
  using output = console.output();
  await guest.say("after");
  guest.end(new Error("broken"));
  assertEquals(new TextDecoder().decode((await output.next()).value), "after");
  await assertRejects(() => output.next(), Error, "broken");
  assertEquals(await Array.fromAsync(console.output()), []);
});

Deno.test("SerialConsole keeps the last 1 Mi characters, and finds a text in a long flow in linear time", async () => {
  const { guest, console } = talk();
  await using _console = console;
  const found = console.expect("the end");
  // Many small pieces, as a guest's serial port gives them: going over all of it at each piece would take minutes.
  const line = new TextEncoder().encode("0123456789abcdefghij\n");
  guest.sayAll(Array.from({ length: 60_000 }, () => line));
  guest.sayAll([new TextEncoder().encode("the e"), new TextEncoder().encode("nd")]);
  const { before } = await found;
  assertEquals(console.transcript.length, 1024 * 1024);
  assert(console.transcript.endsWith("j\nthe end"));
  assert(before.endsWith("j\n") && before.length >= 1024 * 1024 - 7);
});

Deno.test("SerialConsole.write() writes text and bytes as they are, one write after another", async () => {
  const { guest, console } = talk();
  await using _console = console;
  guest.goDeaf();
  const writes = [
    console.write("one\n"),
    console.write(Uint8Array.of(116, 119, 111)),
    console.write("three"),
  ];
  assertEquals(await stateOf(Promise.all(writes)), "pending");
  guest.listen();
  await Promise.all(writes);
  assertEquals(guest.heard, ["one\n", "two", "three"]);
});

Deno.test("SerialConsole.write() can be given up, and then what was begun is written all the same", async () => {
  const { guest, console } = talk();
  await using _console = console;
  guest.goDeaf();
  const controller = new AbortController();
  const first = console.write("first", { signal: controller.signal });
  const second = console.write("second");
  controller.abort(new Error("enough"));
  await assertRejects(() => first, Error, "enough");
  guest.listen();
  await second;
  assertEquals(guest.heard, ["first", "second"]);
  await assertRejects(() => console.write("x", { signal: AbortSignal.abort(new Error("no")) }), Error, "no");
});

Deno.test("SerialConsole.write() rejects when the console has ended, or ends", async () => {
  const { guest, console } = talk();
  guest.goDeaf();
  const writing = console.write("unheard");
  assertEquals(await stateOf(writing), "pending");
  await console[Symbol.asyncDispose]();
  const error = await assertRejects(() => writing, ConsoleClosedError);
  assertInstanceOf(error.cause, Deno.errors.Interrupted);
  await assertRejects(() => console.write("late"), ConsoleClosedError, "Cannot write to the console");
});

Deno.test("SerialConsole dispose ends everything that waits, twice as well as once", async () => {
  const { console } = talk();
  const waiting = console.expect("x");
  using output = console.output();
  await Promise.all([console[Symbol.asyncDispose](), console[Symbol.asyncDispose]()]);
  const error = await assertRejects(() => waiting, ConsoleClosedError);
  assertStringIncludes(error.message, "nothing");
  assertEquals(await Array.fromAsync(output), []);
  await console[Symbol.asyncDispose]();
});
