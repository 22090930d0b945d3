import { assertEquals } from "@std/assert";
import { inOrderOf } from "../../../src/typegen/live/in_order.ts";
import { modelOf } from "../qapi/_read.ts";

const events = (...names: string[]) => modelOf(names.map((name) => `{ 'event': '${name}' }`).join("\n"));

Deno.test("inOrderOf() takes the known schema's order, and puts what it lacks after what was before that", () => {
  const order = (
    model: string[],
    known: string[],
  ) => [...inOrderOf(events(...model), events(...known)).definitions.keys()];
  assertEquals(order(["C", "A", "B"], ["A", "B", "C", "D"]), ["A", "B", "C"]);
  assertEquals(order(["NEW", "C", "OWN", "A", "OTHER"], ["A", "B", "C"]), ["NEW", "A", "OTHER", "C", "OWN"]);
  assertEquals(order(["X", "Y"], ["A"]), ["X", "Y"]);
});
