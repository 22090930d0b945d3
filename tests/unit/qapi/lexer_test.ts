import { assertEquals, assertThrows } from "@std/assert";
import { tokenize } from "../../../tools/qapi/read/lexer.ts";
import { SchemaError } from "../../../tools/qapi/read/source_error.ts";

Deno.test("tokenize() returns punctuation, strings and booleans with their lines", () => {
  assertEquals(tokenize("{ 'a': [true,\n false] }", "s.json"), [
    { kind: "punctuation", text: "{", line: 1 },
    { kind: "string", text: "a", line: 1 },
    { kind: "punctuation", text: ":", line: 1 },
    { kind: "punctuation", text: "[", line: 1 },
    { kind: "boolean", value: true, line: 1 },
    { kind: "punctuation", text: ",", line: 1 },
    { kind: "boolean", value: false, line: 2 },
    { kind: "punctuation", text: "]", line: 2 },
    { kind: "punctuation", text: "}", line: 2 },
    { kind: "end", line: 2 },
  ]);
});

Deno.test("tokenize() drops comments, also between the parts of an expression", () => {
  assertEquals(tokenize("# one\n'a' # two, 'b'\n# '", "s.json"), [
    { kind: "string", text: "a", line: 2 },
    { kind: "end", line: 3 },
  ]);
});

Deno.test("tokenize() keeps the lines of a documentation comment, without their marks", () => {
  assertEquals(tokenize("##\n# @a:\n#\n#     b\n##\n'x'", "s.json"), [
    { kind: "doc", lines: ["@a:", "", "    b"], line: 1 },
    { kind: "string", text: "x", line: 6 },
    { kind: "end", line: 6 },
  ]);
});

Deno.test("tokenize() takes an empty line in a documentation comment as QEMU 7.2 has it", () => {
  assertEquals(tokenize("##\n# @a:\n\n# @b: c\n##", "s.json")[0], {
    kind: "doc",
    lines: ["@a:", "", "@b: c"],
    line: 1,
  });
});

Deno.test("tokenize() reads an escaped backslash in a string", () => {
  assertEquals(tokenize("'a\\\\b'", "s.json")[0], { kind: "string", text: "a\\b", line: 1 });
});

const REFUSED: Readonly<Record<string, [string, string]>> = {
  "double quotes": [
    '\n{ "a": 1 }',
    's.json:2: expected a string in single quotes, true, false, or one of { } [ ] , :, found "\\"a\\": 1 }"',
  ],
  "a number": [
    "12",
    's.json:1: expected a string in single quotes, true, false, or one of { } [ ] , :, found "12"',
  ],
  "a bare word": [
    "{ 'a': yes }",
    's.json:1: expected a string in single quotes, true, false, or one of { } [ ] , :, found "yes"',
  ],
  "a string without end": [
    "\n\n{ 'a: b }\n",
    's.json:3: expected a string that ends on its line, found "\'a: b }"',
  ],
  "another escape": ["'a\\n'", "s.json:1: expected a string that ends on its line, found \"'a\\\\n'\""],
  "text in a documentation comment": [
    "##\n# @a:\nb\n##",
    's.json:3: expected "# " and text, or the closing "##" of a documentation comment, found "b"',
  ],
  "a documentation comment without end": [
    "'a'\n##\n# @a:\n",
    's.json:2: expected a closing "##" for this documentation comment, found the end of the file',
  ],
};

Deno.test("tokenize() refuses what the language doesn't have, with file, line, what was expected and what was found", async (t) => {
  for (const [what, [text, message]] of Object.entries(REFUSED)) {
    await t.step(what, () => {
      assertEquals(assertThrows(() => tokenize(text, "s.json"), SchemaError).message, message);
    });
  }
});
