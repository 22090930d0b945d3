import { assertEquals } from "@std/assert";
import { emitFiles } from "../../../tools/qapi/emit.ts";
import { firstDifference } from "../../../tools/qapi/difference.ts";
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
