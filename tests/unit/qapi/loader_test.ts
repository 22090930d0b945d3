import { assertEquals, assertThrows } from "@std/assert";
import { SchemaError } from "../../../tools/qapi/read/source_error.ts";
import { loadTexts } from "./_read.ts";

function names(files: Record<string, string>): string[] {
  return loadTexts(files).map(({ definition, place }) => `${place.file}:${place.line} ${definition.name}`);
}

Deno.test("loadSchema() reads includes where they stand, each file once, relative to the file that names it", () => {
  assertEquals(
    names({
      "qsd/qapi/main.json":
        "{ 'include': '../../qapi/a.json' }\n{ 'include': './b.json' }\n{ 'event': 'LAST' }",
      "qapi/a.json": "{ 'include': 'common.json' }\n\n{ 'event': 'A' }",
      "qsd/qapi/b.json": "{ 'include': '../../qapi/common.json' } { 'event': 'B' }",
      "qapi/common.json": "{ 'event': 'COMMON' }",
    }),
    ["qapi/common.json:1 COMMON", "qapi/a.json:3 A", "qsd/qapi/b.json:1 B", "qsd/qapi/main.json:3 LAST"],
  );
});

Deno.test("loadSchema() takes every pragma, which changes nothing", () => {
  const pragma = "{ 'pragma': { 'doc-required': true, 'command-name-exceptions': [ 'a_b' ] } }";
  assertEquals(names({ "s.json": `${pragma}\n{ 'command': 'a_b' }` }), ["s.json:2 a_b"]);
});

const REFUSED: Readonly<Record<string, [Record<string, string>, string]>> = {
  "a file that is not there": [
    { "s.json": "\n{ 'include': 'gone.json' }" },
    "s.json:2: expected a file 'gone.json', found no such file",
  ],
  "a file that includes itself by way of another": [
    { "s.json": "{ 'include': 'b.json' }", "b.json": "\n\n{ 'include': 's.json' }" },
    "b.json:3: expected a file that doesn't include this one, found 's.json', which does",
  ],
  "an include with something else": [
    { "s.json": "{ 'include': 'b.json', 'if': 'A' }" },
    "s.json:1: expected 'include' in an include, found 'if'",
  ],
  "an unknown pragma": [
    { "s.json": "{ 'pragma': { 'fast': true } }" },
    "s.json:1: expected 'doc-required', 'command-name-exceptions', 'command-returns-exceptions', " +
    "'documentation-exceptions', 'member-name-exceptions' in a pragma, found 'fast'",
  ],
  "a pragma that is no list": [
    { "s.json": "{ 'pragma': { 'member-name-exceptions': true } }" },
    "s.json:1: expected a list for 'member-name-exceptions', found true",
  ],
  "documentation of another definition": [
    { "s.json": "##\n# @STOP:\n##\n{ 'event': 'RESUME' }" },
    "s.json:4: expected the definition of 'STOP', which is documented above, found 'RESUME'",
  ],
  "an error in an included file": [
    { "s.json": "{ 'include': 'd/b.json' }", "d/b.json": "{ 'event': 'A' }\n{ 'event' }" },
    'd/b.json:2: expected ":" after \'event\', found "}"',
  ],
};

Deno.test("loadSchema() refuses what it can't load, with file and line", async (t) => {
  for (const [what, [files, message]] of Object.entries(REFUSED)) {
    await t.step(what, () => {
      assertEquals(assertThrows(() => loadTexts(files), SchemaError).message, message);
    });
  }
});

Deno.test("loadSchema() says so when the first file is not there", () => {
  assertEquals(
    assertThrows(() => loadTexts({ "": "" }) && loadTexts({}), SchemaError).message,
    ":1: expected a schema file, found no such file",
  );
});
