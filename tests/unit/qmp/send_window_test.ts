import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { SendWindow } from "../../../src/qmp/send_window.ts";

Deno.test("SendWindow.enter() gives seven places, and then lets calls wait", () => {
  const window = new SendWindow<string>();
  const ids = ["a", "b", "c", "d", "e", "f", "g", "h"].map((call) => window.enter(call));
  assertEquals(ids, [0, 1, 2, 3, 4, 5, 6, null]);
});

Deno.test("SendWindow.next() gives a place that has become free to the call that has waited longest", () => {
  const window = new SendWindow<string>(1);
  assertEquals([window.enter("a"), window.enter("b"), window.enter("c")], [0, null, null]);
  assertEquals(window.next(), null);
  assertEquals(window.leave(0), "a");
  assertEquals(window.next(), { id: 0, call: "b" });
  assertEquals(window.next(), null);
});

Deno.test("SendWindow.enter() lets a call wait behind those that wait already, though a place is free", () => {
  const window = new SendWindow<string>(1);
  window.enter("a");
  window.enter("b");
  window.leave(0);
  assertEquals(window.enter("c"), null);
  assertEquals(window.next()?.call, "b");
});

Deno.test("SendWindow.enterOutOfBand() gives a place beside the seven, and the lowest free one", () => {
  const window = new SendWindow<string>();
  for (const call of "abcdefgh") window.enter(call);
  assertEquals([window.enterOutOfBand("x"), window.enterOutOfBand("y")], [7, 8]);
  assertEquals(window.leave(7), "x");
  assertEquals(window.next(), null, "an out-of-band place is none for the others");
  assertEquals(window.enterOutOfBand("z"), 7);
});

Deno.test("SendWindow.leave() and at() know nothing of an id that names no call in flight", () => {
  const window = new SendWindow<string>();
  window.enter("a");
  for (const id of [1, 7, -1, 0.5, NaN, "0", null, undefined, {}, 0n, true]) {
    assertEquals([window.at(id), window.leave(id)], [undefined, undefined]);
  }
  assertEquals([window.at(0), window.leave(0), window.at(0), window.leave(0)], [
    "a",
    "a",
    undefined,
    undefined,
  ]);
});

Deno.test("SendWindow.withdraw() takes out only a call that still waits", () => {
  const window = new SendWindow<string>(1);
  for (const call of "abc") window.enter(call);
  assertEquals([window.withdraw("a"), window.withdraw("b"), window.withdraw("b")], [false, true, false]);
  window.leave(0);
  assertEquals(window.next(), { id: 0, call: "c" });
});

Deno.test("SendWindow.enterAs() puts a call in flight under its own id, beside the places", () => {
  const window = new SendWindow<string>(1);
  window.enterAs(1_000_000, "named");
  assertEquals([window.enter("a"), window.at(1_000_000), window.at(1_000_001)], [0, "named", undefined]);
  assertEquals([window.leave(1_000_000), window.leave(1_000_000)], ["named", undefined]);
  assertEquals([window.enter("b"), window.next()], [null, null], "it was none of the places");
  window.enterAs(1_000_000, "pending");
  assertEquals(window.clear(), ["pending", "a", "b"]);
});

Deno.test("SendWindow.clear() returns each call once, those in flight first, and leaves all places free", () => {
  const window = new SendWindow<string>(2);
  for (const call of "abcd") window.enter(call);
  window.enterOutOfBand("x");
  assertEquals(window.clear(), ["a", "b", "x", "c", "d"]);
  assertEquals(window.clear(), []);
  assertEquals([window.enter("e"), window.enter("f"), window.enter("g")], [0, 1, null]);
});

type Step = { do: "enter" } | { do: "oob" } | { do: "leave" | "withdraw"; which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: "enter" }) },
  fc.constant<Step>({ do: "oob" }),
  { weight: 3, arbitrary: fc.nat(20).map((which): Step => ({ do: "leave", which })) },
  fc.nat(20).map((which): Step => ({ do: "withdraw", which })),
);

Deno.test("SendWindow keeps order, never has more than its limit in flight, and never gives an id twice", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), fc.array(step, { maxLength: 200 }), (limit, steps) => {
      const window = new SendWindow<number>(limit);
      const flying = new Map<number, number>();
      let waiting: number[] = [];
      let lastSent = -1;
      let calls = 0;
      const fly = (id: number, call: number, inBand: boolean) => {
        assert(!flying.has(id), `id ${id} is in use`);
        flying.set(id, call);
        if (!inBand) return assert(id >= limit);
        assert(id < limit);
        assert(call > lastSent, "in order");
        lastSent = call;
      };
      for (const step of steps) {
        const ids = [...flying.keys()];
        if (step.do === "enter") {
          const call = calls++;
          const id = window.enter(call);
          if (id === null) waiting.push(call);
          else fly(id, call, true);
        } else if (step.do === "oob") {
          const call = calls++;
          fly(window.enterOutOfBand(call), call, false);
        } else if (step.do === "withdraw") {
          const call = waiting[step.which % Math.max(1, waiting.length)] ?? -1;
          assertEquals(window.withdraw(call), call >= 0);
          waiting = waiting.filter((other) => other !== call);
        } else if (ids.length > 0) {
          const id = ids[step.which % ids.length] as number;
          assertEquals(window.leave(id), flying.get(id));
          flying.delete(id);
        }
        for (let next = window.next(); next; next = window.next()) {
          assertEquals(next.call, waiting.shift());
          fly(next.id, next.call, true);
        }
        const inBand = [...flying.keys()].filter((id) => id < limit).length;
        assert(inBand === limit || waiting.length === 0, "nobody waits while there is a place");
      }
      assertEquals(window.clear().sort(), [...flying.values(), ...waiting].sort());
    }),
  );
});
