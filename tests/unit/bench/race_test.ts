import { assertEquals } from "@std/assert";
import { median, race } from "../../bench/race.ts";

Deno.test("race() runs all in turn, begins each round with another one, and does not count the first round", async () => {
  const order: string[] = [];
  const contestant = (name: string) => ({ name, run: () => Promise.resolve(order.push(name)) });
  const figures = await race([contestant("a"), contestant("b"), contestant("c")], 2);
  assertEquals(order.join(""), "abc" + "bca" + "cab");
  assertEquals([...figures], [["a", [6, 8]], ["b", [4, 9]], ["c", [5, 7]]]);
});

Deno.test("median() returns the middle figure, or the mean of the two in the middle", () => {
  assertEquals(median([5]), 5);
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([1, 2]), 1.5);
  assertEquals(median([4, 1, 100, 2]), 3);
  assertEquals(median([10, 9, 8, 7, 6]), 8);
});
