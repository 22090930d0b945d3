import fc from "fast-check";
import type { Dependencies } from "../../../../src/supervisor/groups/order.ts";
import { type GroupShape, STRATEGIES } from "../../../../src/supervisor/groups/strategy.ts";

/** Dependencies as a table: `{ web: ["db"], db: [] }`. */
export function dependencies(table: Readonly<Record<string, readonly string[]>>): Dependencies {
  return new Map(Object.entries(table));
}

/** Any dependencies of up to 8 members, in any order, without a circle: each depends on some with smaller numbers. */
export const anyDependencies: fc.Arbitrary<Dependencies> = fc
  .integer({ min: 1, max: 8 })
  .chain((count) =>
    fc.tuple(
      fc.tuple(...Array.from({ length: count }, (_, index) => fc.subarray(namesBelow(index)))),
      fc.shuffledSubarray(namesBelow(count), { minLength: count }),
    )
  )
  .map(([needed, order]) => new Map(order.map((name) => [name, needed[Number(name.slice(1))] ?? []])));

/** Any group. */
export const anyShape: fc.Arbitrary<GroupShape> = fc.record({
  strategy: fc.constantFrom(...STRATEGIES),
  dependencies: anyDependencies,
});

function namesBelow(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `m${index}`);
}
