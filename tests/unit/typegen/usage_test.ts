import { assertEquals } from "@std/assert";
import { findUsage } from "../../../src/typegen/emit/usage.ts";
import { modelOf } from "../qapi/_read.ts";

Deno.test("findUsage() says which way a type's values go, also by way of other types", () => {
  const usage = findUsage(modelOf(`
    { 'enum': 'E', 'data': [ 'a' ] }
    { 'struct': 'Inner', 'data': { 'e': 'E' } }
    { 'struct': 'Plain', 'data': { 'n': 'int' } }
    { 'struct': 'Outer', 'base': 'Plain', 'data': { 'inner': [ 'Inner' ] } }
    { 'struct': 'Unused', 'data': {} }
    { 'command': 'c', 'data': 'Outer', 'returns': 'Plain' }
    { 'event': 'V', 'data': { 'e': 'E' } }`));
  const directions = (name: string) => [...usage.directions(name)].sort();
  assertEquals(directions("Inner"), ["sent"]);
  assertEquals(directions("Plain"), ["received", "sent"]);
  assertEquals(directions("E"), ["received", "sent"]);
  assertEquals(directions("Unused"), []);
  assertEquals([usage.differs("Inner"), usage.differs("Outer"), usage.differs("Plain")], [true, true, false]);
  assertEquals(usage.uses("Plain"), [{ kind: "type", name: "Outer" }, { kind: "returns", name: "c" }]);
});
