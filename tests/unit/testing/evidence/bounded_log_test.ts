import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { BoundedLog } from "../../../../src/testing/evidence/bounded_log.ts";

Deno.test("BoundedLog keeps a beginning and an end, in order, within its limits, and counts what is between", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 1500 });
  fc.assert(fc.property(weights, fc.nat(40), fc.nat(40), (all, head, tail) => {
    const entries = all.map((weight, at) => ({ weight, at }));
    const log = new BoundedLog<{ weight: number; at: number }>({ head, tail }, ({ weight }) => weight);
    for (const entry of entries) log.push(entry);
    const { kept } = log;
    const weigh = (some: readonly { weight: number }[]) => some.reduce((sum, { weight }) => sum + weight, 0);
    assertEquals(kept.head, entries.slice(0, kept.head.length));
    assertEquals(kept.tail, entries.slice(entries.length - kept.tail.length));
    assertEquals(kept.head.length + kept.dropped + kept.tail.length, entries.length);
    assert(weigh(kept.head) <= head);
    assert(weigh(kept.tail) <= tail || kept.tail.length === 1, "the last one is always kept");
    assertEquals(log.entries, [...kept.head, ...kept.tail]);
  }));
});
