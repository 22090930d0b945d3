import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { type AnyQmpEvent, EventStream } from "../../../src/qmp/mod.ts";
import { EventHub } from "../../../src/vm/event_hub.ts";
import { event } from "./_events.ts";

/** Lets all that was pushed be pumped. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** A hub over two sources, and what it delivered. */
function hub(withStandby = true) {
  const first = new EventStream<AnyQmpEvent>();
  const standby = withStandby ? new EventStream<AnyQmpEvent>() : null;
  const heard: AnyQmpEvent[] = [];
  const made = new EventHub(first, standby, (next) => heard.push(next));
  return { first, standby: standby ?? first, heard, hub: made };
}

function names(events: readonly AnyQmpEvent[]): string[] {
  return events.map(({ event }) => event);
}

const EVENTS = ["A", "B", "C", "D", "E"].map((name, index) => event(name, {}, index));
const [A, B, C, D, E] = EVENTS as [AnyQmpEvent, AnyQmpEvent, AnyQmpEvent, AnyQmpEvent, AnyQmpEvent];

Deno.test("EventHub delivers each event once, to the listener first and to every stream that asked for it", async () => {
  const { first, standby, heard, hub: made } = hub();
  await using _made = made;
  using all = made.events([]);
  using some = made.events(["B", "D"]);
  for (const next of EVENTS) {
    first.push(next);
    standby.push(next);
  }
  await settle();
  assertEquals(names(heard), ["A", "B", "C", "D", "E"]);
  await made[Symbol.asyncDispose]();
  assertEquals(names(await Array.fromAsync(all)), ["A", "B", "C", "D", "E"]);
  assertEquals(names(await Array.fromAsync(some)), ["B", "D"]);
});

Deno.test("EventHub delivers nothing before its maker could open a stream", async () => {
  const { first, hub: made } = hub();
  await using _made = made;
  first.push(A); // it came before anybody had the VM
  await Promise.resolve();
  using stream = made.events([]);
  assertEquals((await stream.next()).value, A);
});

Deno.test("EventHub.events() is empty and ended after the end", async () => {
  const { hub: made } = hub();
  await made[Symbol.asyncDispose]();
  assertEquals(await Array.fromAsync(made.events([])), []);
});

Deno.test("EventHub.drained() resolves when all sources have ended, with everything delivered", async () => {
  const { first, standby, heard, hub: made } = hub();
  await using _made = made;
  for (const next of EVENTS) standby.push(next);
  first.push(A);
  first.end(new Error("the monitor broke"));
  standby.end();
  await made.drained();
  assertEquals(names(heard), ["A", "B", "C", "D", "E"]);
});

Deno.test("EventHub works with one source", async () => {
  const { first, heard, hub: made } = hub(false);
  await using _made = made;
  for (const next of [A, B]) first.push(next);
  first.end();
  await made.drained();
  assertEquals(names(heard), ["A", "B"]);
});

Deno.test("EventHub lets the standby take over where the first source ended, with none lost and none twice", async (t) => {
  // What each had when the first one ended, and what the standby had after that.
  const cases: [string, AnyQmpEvent[], AnyQmpEvent[], AnyQmpEvent[]][] = [
    ["side by side", [A, B], [A, B], [C, D, E]],
    ["the standby ahead", [A, B], [A, B, C, D], [E]],
    ["the standby behind", [A, B, C], [A], [B, C, D, E]],
    ["the standby had nothing yet", [A, B, C], [], [A, B, C, D, E]],
    ["the first had nothing yet", [], [A, B], [C, D, E]],
    ["the standby began later", [A, B], [C], [D, E]],
    ["the standby began later, with nothing yet", [A, B], [], [C, D, E]],
  ];
  for (const [name, firstHad, standbyHad, after] of cases) {
    await t.step(name, async () => {
      const { first, standby, heard, hub: made } = hub();
      await using _made = made;
      for (const next of firstHad) first.push(next);
      for (const next of standbyHad) standby.push(next);
      await settle();
      first.end();
      await settle();
      for (const next of after) standby.push(next);
      await settle();
      assertEquals(names(heard), ["A", "B", "C", "D", "E"]);
    });
  }
});

Deno.test("EventHub takes over rightly when the host's clock was set back", async () => {
  const { first, standby, heard, hub: made } = hub();
  await using _made = made;
  const times = [5_000, 6_000, 1_000, 2_000].map((atMs, index) => event(`E${index}`, {}, atMs));
  for (const next of times.slice(0, 2)) first.push(next);
  for (const next of times.slice(0, 3)) standby.push(next);
  await settle();
  first.end();
  for (const next of times.slice(3)) standby.push(next);
  await settle();
  assertEquals(names(heard), ["E0", "E1", "E2", "E3"]);
});

Deno.test("EventHub loses nothing and doubles nothing, however the two sources interleave and wherever the first ends", async () => {
  const interleavings = fc.record({
    // Gaps in microseconds: two events may have the same time.
    gaps: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 30 }),
    firstHas: fc.nat(30),
    failed: fc.boolean(),
    // Whose turn it is to get its next event, and when the hub gets to run.
    turns: fc.array(fc.constantFrom("first", "standby", "settle"), { maxLength: 80 }),
  });
  await fc.assert(
    fc.asyncProperty(interleavings, async ({ gaps, firstHas, failed, turns }) => {
      let atMs = 0;
      const events = gaps.map((gap, index) => event(`E${index}`, {}, atMs += gap / 1000));
      const { first, standby, heard, hub: made } = hub();
      await using _made = made;
      using stream = made.events([]);
      const firstLeft = events.slice(0, firstHas);
      const standbyLeft = [...events];
      for (const turn of turns) {
        if (turn === "settle") await settle();
        else {
          const next = (turn === "first" ? firstLeft : standbyLeft).shift();
          if (next) (turn === "first" ? first : standby).push(next);
        }
      }
      for (const next of firstLeft) first.push(next);
      first.end(failed ? new Error("broken") : undefined);
      for (const next of standbyLeft) standby.push(next);
      standby.end();
      await made.drained();
      assertEquals(names(heard), names(events));
      await made[Symbol.asyncDispose]();
      assertEquals(names(await Array.fromAsync(stream)), names(events));
    }),
    { numRuns: 300 },
  );
});

Deno.test("EventHub.catchUp() delivers what no source had, after what they had, to the streams that are open", async () => {
  const { first, standby, heard, hub: made } = hub();
  await using _made = made;
  using all = made.events([]);
  first.push(A);
  await settle();
  first.end();
  standby.end();
  const asked: (AnyQmpEvent | null)[] = [];
  await made.catchUp((last) => {
    asked.push(last);
    return Promise.resolve([B, C]);
  });
  assertEquals([asked, names(heard)], [[A], ["A", "B", "C"]]);
  await made[Symbol.asyncDispose]();
  assertEquals(names(await Array.fromAsync(all)), ["A", "B", "C"]);
});

Deno.test("EventHub goes on after the last event that was seen before it was made", async () => {
  const [first, standby] = [new EventStream<AnyQmpEvent>(), new EventStream<AnyQmpEvent>()];
  const heard: AnyQmpEvent[] = [];
  await using made = new EventHub(first, standby, (next) => heard.push(next), B);
  for (const next of [A, B, C]) standby.push(next);
  await settle();
  first.end(); // it never said a word
  await settle();
  assertEquals(names(heard), ["C"]);
  const asked: (AnyQmpEvent | null)[] = [];
  await made.catchUp((last) => {
    asked.push(last);
    return Promise.resolve([]);
  });
  assertEquals(asked, [C]);
});
