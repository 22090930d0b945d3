import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { dependentsOf, inWaves } from "../../../../src/supervisor/groups/order.ts";
import { affectedBy, restartPlan, type Strategy } from "../../../../src/supervisor/groups/strategy.ts";
import { anyShape, dependencies } from "./_groups.ts";

const SHOP = dependencies({ web: ["app"], app: ["db"], db: [], cache: ["db"], logs: [] });
const ALL = new Set(SHOP.keys());

Deno.test("restartPlan() restarts whom the strategy names, in reverse and then in order", () => {
  const cases: [Strategy, string, stop: string[][], start: string[][]][] = [
    ["one-for-one", "db", [["db"]], [["db"]]],
    ["one-for-one", "web", [["web"]], [["web"]]],
    ["rest-for-one", "db", [["web"], ["app", "cache"], ["db"]], [["db"], ["app", "cache"], ["web"]]],
    ["rest-for-one", "app", [["web"], ["app"]], [["app"], ["web"]]],
    ["rest-for-one", "web", [["web"]], [["web"]]],
    ["rest-for-one", "logs", [["logs"]], [["logs"]]],
    [
      "one-for-all",
      "web",
      [["web"], ["app", "cache"], ["db", "logs"]],
      [["db", "logs"], ["app", "cache"], ["web"]],
    ],
  ];
  for (const [strategy, name, stop, start] of cases) {
    assertEquals(
      restartPlan({ strategy, dependencies: SHOP }, name, ALL),
      { stop, start },
      `${strategy}, ${name}`,
    );
  }
});

Deno.test("restartPlan() leaves those alone that do not run, and keeps the order of those that do", () => {
  const plan = (strategy: Strategy, name: string, ...running: string[]) =>
    restartPlan({ strategy, dependencies: SHOP }, name, new Set(running)).start;
  assertEquals(plan("rest-for-one", "db", "web"), [["db"], ["web"]]);
  assertEquals(plan("one-for-all", "db", "logs"), [["db", "logs"]]);
  assertEquals(plan("one-for-all", "db"), [["db"]]);
});

Deno.test("affectedBy() is the member alone, all of them, or it and its dependents", () => {
  fc.assert(fc.property(anyShape, (shape) => {
    const { strategy, dependencies } = shape;
    for (const name of dependencies.keys()) {
      const others = {
        "one-for-one": [],
        "one-for-all": [...dependencies.keys()].filter((other) => other !== name),
        "rest-for-one": [...dependentsOf(dependencies, name)],
      }[strategy];
      assertEquals([...affectedBy(shape, name)].toSorted(), [name, ...others].toSorted());
    }
  }));
});

Deno.test("affectedBy() and restartPlan() agree, and a restart of all is the group's own order", () => {
  fc.assert(fc.property(anyShape, (shape) => {
    const all = new Set(shape.dependencies.keys());
    for (const name of all) {
      const { stop, start } = restartPlan(shape, name, all);
      assertEquals(start.flat().toSorted(), [...affectedBy(shape, name)].toSorted());
      assertEquals(stop.toReversed(), start);
      if (shape.strategy === "one-for-all") assertEquals(start, inWaves(shape.dependencies));
    }
  }));
});
