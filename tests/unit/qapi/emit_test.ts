import { assertEquals } from "@std/assert";
import { emitFiles } from "../../../tools/qapi/emit/emit.ts";
import { firstDifference } from "../../../tools/qapi/difference.ts";
import { findUsage } from "../../../tools/qapi/emit/usage.ts";
import { modelOf } from "./_read.ts";

const TESTDATA = new URL("../../testdata/qapi/", import.meta.url);

Deno.test("emitFiles() writes a schema with one of everything as small.expected has it", async () => {
  const schema = await Deno.readTextFile(new URL("small.qapi", TESTDATA));
  const expected = await Deno.readTextFile(new URL("small.expected", TESTDATA));
  const files = [...emitFiles(modelOf(schema))].map(([name, text]) => `=== ${name}\n${text}`).join("");
  assertEquals(firstDifference(expected, files), null);
});

Deno.test("emitFiles() writes nothing for the storage daemon's schema, which is part of QEMU's", () => {
  assertEquals(emitFiles({ ...modelOf("{ 'event': 'STOP' }"), schema: "storage-daemon" }).size, 0);
});

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
