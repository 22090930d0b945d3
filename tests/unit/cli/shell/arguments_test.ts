import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { givenBy, needTypes, readArguments } from "../../../../src/cli/shell/language/arguments.ts";
import { LineFault } from "../../../../src/cli/shell/language/line_fault.ts";
import { readLiteral } from "../../../../src/cli/shell/language/literal.ts";
import type { Kind } from "../../../../src/cli/shell/language/live_schema.ts";
import { splitWords } from "../../../../src/cli/shell/language/tokens.ts";
import { parseJson } from "../../../../src/cli/text.ts";
import { SCHEMA } from "./_schema.ts";

const read = (line: string) => readArguments(splitWords(line).words, null);
const readAs = (type: string, line: string) =>
  readArguments(splitWords(line).words, { schema: SCHEMA, type });

Deno.test("readLiteral() reads a value by its looks where nothing is known of it", () => {
  const table: [string, unknown][] = [
    ["text", "text"],
    ["", ""],
    ["5", 5],
    ["-5", -5],
    ["007", 7],
    ["9007199254740993", 9007199254740993n],
    ["1.5e3", 1500],
    ["1.2.3", "1.2.3"],
    ["0x10", "0x10"],
    ["true", true],
    ["False", false],
    ["null", null],
    ["on", "on"],
    ['"5"', "5"],
    ['"a\\nb"', "a\nb"],
    ["'it\\'s'", "it's"],
    ["[1,2]", [1, 2]],
    ['{"a":{"b":null}}', { a: { b: null } }],
  ];
  for (const [text, expected] of table) assertEquals(readLiteral(text, 0), expected, text);
});

Deno.test("readLiteral() reads a value as what is wanted, and leaves it to QEMU to refuse what can't be that", () => {
  const table: [Kind[], string, unknown][] = [
    [["string"], "5", "5"],
    [["string"], "true", "true"],
    [["string"], "null", "null"],
    [["string"], "[::1]:80", "[::1]:80"],
    [["string"], '"5"', "5"],
    [["string", "null"], "null", null],
    [["string", "object"], '{"a":1}', { a: 1 }],
    [["integer"], "0x10", 16],
    [["integer"], "text", "text"],
    [["integer"], "true", true],
    [["number"], "5", 5],
    [["boolean"], "on", true],
    [["boolean"], "off", false],
    [["boolean", "string"], "on", "on"],
    [["any"], "5", 5],
    [["list"], "[]", []],
  ];
  for (const [kinds, text, expected] of table) {
    assertEquals(readLiteral(text, 0, new Set(kinds)), expected, text);
  }
});

Deno.test("readLiteral() says where a value is malformed", () => {
  const table: [string, number][] = [['"a', 10], ['"a"b', 13], ["'a", 10], ["[1,", 13], ['{"a" 1}', 15], [
    '"\\x"',
    12,
  ]];
  for (const [text, at] of table) {
    assertEquals(assertThrows(() => readLiteral(text, 10), LineFault).at, at, text);
  }
});

Deno.test("readArguments() puts values where the dots of their keys lead", () => {
  assertEquals(read("a=1 b.c=x b.d.e=true f=[1,2] g={}"), {
    a: 1,
    b: { c: "x", d: { e: true } },
    f: [1, 2],
    g: {},
  });
  assertEquals(read("a= b=c=d"), { a: "", b: "c=d" });
  assertEquals(read('a={"b":1} a.c=2'), { a: { b: 1, c: 2 } }, "an object in JSON may get more");
  assertEquals(Object.keys(read("__proto__=1 constructor.a=2")), ["__proto__", "constructor"]);
});

Deno.test("readArguments() reads values as the schema wants them, wherever the discriminator stands", () => {
  const expected = {
    driver: "qcow2",
    "cache-size": 5,
    "lazy-refcounts": true,
    file: { driver: "file", filename: "7" },
  };
  assertEquals(
    readAs("node", "driver=qcow2 cache-size=0x5 lazy-refcounts=on file.driver=file file.filename=7"),
    expected,
  );
  assertEquals(
    readAs("node", "file.filename=7 lazy-refcounts=on cache-size=5 file.driver=file driver=qcow2"),
    expected,
  );
  assertEquals(readAs("args-device_del", "id=1 unknown=1"), { id: "1", unknown: 1 });
});

Deno.test("readArguments() says which word it can't understand", () => {
  const table: [string, number, string][] = [
    ["a=1 b", 4, 'Expected key=value, found "b"'],
    ["=1", 0, "a key before ="],
    ["a=1 b..c=1", 4, "names around the dots"],
    ["a=1 a=2", 4, '"a" once only'],
    ["a.b=1 a.b=2", 6, '"a.b" once only'],
    ["a=1 a.b=2", 4, 'no keys within "a"'],
    ["a.b=1 a=2", 6, '"a" once only'],
    ["a=[1", 4, "Malformed JSON"],
  ];
  for (const [line, at, message] of table) {
    assertEquals(assertThrows(() => read(line), LineFault, message).at, at, line);
  }
});

Deno.test("readArguments() reads back any JSON object, one key=value for each member", () => {
  const name = fc.stringMatching(/^[a-z_][a-z_-]*$/);
  fc.assert(fc.property(fc.dictionary(name, fc.jsonValue(), { noNullPrototype: true }), (object) => {
    const line = Object.entries(object).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(" ");
    assertEquals(read(line), parseJson(JSON.stringify(object)));
  }));
});

Deno.test("givenBy() takes what can be understood, as texts", () => {
  assertEquals(givenBy(splitWords('driver=null a.b="c" bad =1 c={"d":1} e=[1').words), {
    driver: "null",
    a: { b: "c" },
    c: { d: 1 },
  });
});

Deno.test("needTypes() is true of values that can be read in more than one way", () => {
  for (const line of ["a=1", "a=true", "a=on", "a=null", "a=[1]", "a=0x1", "a=b c=2.5"]) {
    assertEquals(needTypes(splitWords(line).words), true, line);
  }
  for (const line of ["", "a=b", 'a="1"', "a=", "a=/dev/null"]) {
    assertEquals(needTypes(splitWords(line).words), false, line);
  }
});
