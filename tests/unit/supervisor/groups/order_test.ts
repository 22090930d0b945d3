import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { dependentsOf, findCycle, inWaves, neededBy } from "../../../../src/supervisor/groups/order.ts";
import { anyDependencies, dependencies } from "./_groups.ts";

const SHOP = dependencies({ web: ["app", "cache"], app: ["db"], db: [], cache: [], logs: [] });

Deno.test("inWaves() puts each member after what it depends on, in the group's own order", () => {
  assertEquals(inWaves(SHOP), [["db", "cache", "logs"], ["app"], ["web"]]);
  assertEquals(inWaves(dependencies({ only: [] })), [["only"]]);
});

Deno.test("inWaves() of some counts what they depend on through others", () => {
  assertEquals(inWaves(SHOP, new Set(["web", "db"])), [["db"], ["web"]]);
  assertEquals(inWaves(SHOP, new Set(["logs", "cache"])), [["cache", "logs"]]);
  assertEquals(inWaves(SHOP, new Set()), []);
});

Deno.test("inWaves() has everybody once and nobody before what it depends on, whatever the dependencies", () => {
  fc.assert(fc.property(anyDependencies, (all) => {
    const waves = inWaves(all);
    assertEquals(waves.flat().toSorted(), [...all.keys()].toSorted());
    const waveOf = new Map(waves.flatMap((wave, index) => wave.map((name) => [name, index] as const)));
    for (const [name, needed] of all) {
      const before = needed.map((one) => waveOf.get(one) ?? NaN);
      // As early as can be.
      assertEquals(waveOf.get(name), Math.max(-1, ...before) + 1);
    }
  }));
});

Deno.test("dependentsOf() and neededBy() follow dependencies through others", () => {
  assertEquals([...dependentsOf(SHOP, "db")], ["web", "app"]);
  assertEquals([...dependentsOf(SHOP, "web")], []);
  assertEquals([...neededBy(SHOP, "web")], ["app", "db", "cache"]);
  assertEquals([...neededBy(SHOP, "logs")], []);
});

Deno.test("dependentsOf() has whoever is neededBy() the other way round, and never the member itself", () => {
  fc.assert(fc.property(anyDependencies, (all) => {
    for (const name of all.keys()) {
      const others = [...all.keys()].filter((other) => neededBy(all, other).has(name));
      assertEquals([...dependentsOf(all, name)], others);
      assert(!others.includes(name));
    }
  }));
});

Deno.test("findCycle() names those that wait for each other, and nobody else", () => {
  assertEquals(findCycle(SHOP), null);
  const cases: [Record<string, string[]>, string][] = [
    [{ a: ["a"] }, "a -> a"],
    [{ a: ["b"], b: ["a"] }, "a -> b -> a"],
    [{ x: ["a"], a: ["b"], b: ["c"], c: ["a"] }, "a -> b -> c -> a"],
    [{ y: [], x: ["y"], a: ["x", "b"], b: ["a"] }, "a -> b -> a"],
  ];
  for (const [table, circle] of cases) assertEquals(findCycle(dependencies(table))?.join(" -> "), circle);
});

Deno.test("findCycle() finds nothing where there is an order, and something where one more dependency closes a circle", () => {
  fc.assert(fc.property(anyDependencies, fc.nat(), (all, at) => {
    assertEquals(findCycle(all), null);
    const pairs = [...all.keys()].flatMap((name) => [...neededBy(all, name)].map((needed) => [name, needed]));
    const [name = "", needed = ""] = pairs[at % Math.max(1, pairs.length)] ?? [];
    if (name === "") return;
    const closed = new Map([...all, [needed, [...all.get(needed) ?? [], name]]]);
    const circle = findCycle(closed) ?? [];
    assertEquals(circle[0], circle.at(-1));
    assert(circle.length > 1);
    for (const [index, one] of circle.slice(0, -1).entries()) {
      assert(closed.get(one)?.includes(circle[index + 1] ?? ""), circle.join(" -> "));
    }
  }));
});
