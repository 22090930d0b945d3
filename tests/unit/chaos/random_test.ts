import { assert, assertEquals } from "@std/assert";
import { Random } from "../../chaos/random.ts";

function draw(seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: 1_000 }, () => random.next());
}

Deno.test("Random brings the same for the same seed, another thing for another, and stays from 0 up to 1", () => {
  assertEquals(draw(7), draw(7));
  assert(draw(7)[0] !== draw(8)[0]);
  const numbers = draw(7);
  assert(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert(mean > 0.45 && mean < 0.55, `${mean}`);
});

Deno.test("Random.below() reaches every number below the limit, and no other", () => {
  const random = new Random(1);
  const found = new Set(Array.from({ length: 200 }, () => random.below(4)));
  assertEquals([...found].sort(), [0, 1, 2, 3]);
});

Deno.test("Random.pick() goes by the weights, and has nothing to pick from nothing", () => {
  const random = new Random(1);
  const picked = Array.from(
    { length: 1_000 },
    () => random.pick(["a", "b", "c"], (item) => "bc".indexOf(item) + 1),
  );
  assertEquals(picked.filter((item) => item === "a").length, 0);
  const share = picked.filter((item) => item === "c").length / picked.length;
  assert(share > 0.6 && share < 0.73, `${share}`);
  assertEquals(random.pick([]), undefined);
});

Deno.test("Random.shuffle() keeps everything and changes the order", () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  const shuffled = new Random(1).shuffle(items);
  assertEquals(shuffled.toSorted((a, b) => a - b), items);
  assert(shuffled.some((item, index) => item !== index));
});
