import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readLine, type ShellLine } from "../../../../src/cli/shell/language/line.ts";
import { LineFault } from "../../../../src/cli/shell/language/line_fault.ts";
import { splitWords } from "../../../../src/cli/shell/language/tokens.ts";

const words = (...table: [string, number][]) => table.map(([text, at]) => ({ text, at }));
const json = (value: Record<string, unknown>) => ({ kind: "json", value }) as const;

Deno.test("splitWords() splits at blanks, and keeps together what a quote or a bracket begins", () => {
  const table: [string, [string, number][]][] = [
    ["", []],
    [" \t ", []],
    ["a  b\tc", [["a", 0], ["b", 3], ["c", 5]]],
    ['a b="c d" e', [["a", 0], ['b="c d"', 2], ["e", 10]]],
    ["a b='c \\' d' e", [["a", 0], ["b='c \\' d'", 2], ["e", 13]]],
    ['a b={"c": [1, 2]} d', [["a", 0], ['b={"c": [1, 2]}', 2], ["d", 18]]],
    ['a b=["]", "["]', [["a", 0], ['b=["]", "["]', 2]]],
    // A quote or a bracket within a text is a part of it.
    ["a b=it's c", [["a", 0], ["b=it's", 2], ["c", 9]]],
    ["a b=c[1 2", [["a", 0], ["b=c[1", 2], ["2", 8]]],
    ["a b=c=[1 2", [["a", 0], ["b=c=[1", 2], ["2", 9]]],
    ["a host=[::1]:80 b", [["a", 0], ["host=[::1]:80", 2], ["b", 16]]],
  ];
  for (const [line, expected] of table) {
    assertEquals(splitWords(line), { words: words(...expected), open: null }, line);
  }
});

Deno.test("splitWords() says what is still open, and where", () => {
  const table: [string, string, number][] = [
    ['a b="c d', '"', 4],
    ["a b='c", "'", 4],
    ['a b={"c": [1', "[", 10],
    ['a b={"c": "d', '"', 10],
    ["a {", "{", 2],
  ];
  for (const [line, char, at] of table) assertEquals(splitWords(line).open, { char, at }, line);
});

Deno.test("splitWords() loses nothing but blanks, whatever the line", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."ab= \t\"'{}[]\\,é") }), (line) => {
    const { words } = splitWords(line);
    let end = 0;
    for (const { text, at } of words) {
      assertEquals(line.slice(at, at + text.length), text);
      assertEquals(line.slice(end, at).trim(), "");
      assert(text !== "");
      end = at + text.length;
    }
    assertEquals(line.slice(end).trim(), "");
  }));
});

Deno.test("readLine() reads each kind of line", () => {
  const table: [string, ShellLine][] = [
    ["", { kind: "empty" }],
    ["  \t", { kind: "empty" }],
    ["# query-status", { kind: "empty" }],
    ["exit", { kind: "exit" }],
    ["help", { kind: "help", words: [] }],
    ["help quit", { kind: "help", words: words(["quit", 5]) }],
    ["hmp info status ", { kind: "hmp", command: "info status" }],
    ['hmp  x "{', { kind: "hmp", command: 'x "{' }],
    ["query-status", { kind: "command", command: "query-status", args: { kind: "words", words: [] } }],
    [" a b=1\r", { kind: "command", command: "a", args: { kind: "words", words: words(["b=1", 3]) } }],
    ['device_del {"id": "d0"} ', { kind: "command", command: "device_del", args: json({ id: "d0" }) }],
    ['device_del{"id": "d0"}', { kind: "command", command: "device_del", args: json({ id: "d0" }) }],
    ["stop {}", { kind: "command", command: "stop", args: json({}) }],
    [
      '{"execute": "balloon", "arguments": {"value": 9007199254740993}}',
      { kind: "message", command: "balloon", args: { value: 9007199254740993n }, oob: false, echo: {} },
    ],
    [
      ' {"exec-oob": "query-yank", "id": [1, null]}',
      { kind: "message", command: "query-yank", args: {}, oob: true, echo: { id: [1, null] } },
    ],
    ["transaction(", { kind: "transaction", action: null, closes: false }],
    ["transaction( )", { kind: "transaction", action: null, closes: true }],
    [
      "transaction( abort )",
      { kind: "transaction", action: { type: "abort", args: { kind: "words", words: [] } }, closes: true },
    ],
  ];
  for (const [line, expected] of table) assertEquals(readLine(line), expected, line);
});

Deno.test("readLine() reads the lines of a transaction as its actions", () => {
  const action = (type: string, ...rest: [string, number][]) => ({
    type,
    args: { kind: "words", words: words(...rest) } as const,
  });
  const table: [string, ShellLine][] = [
    ["", { kind: "empty" }],
    [")", { kind: "transaction", action: null, closes: true }],
    ["abort", { kind: "transaction", action: action("abort"), closes: false }],
    ["add a=1 )", { kind: "transaction", action: action("add", ["a=1", 4]), closes: true }],
    ['add {"a": 1} )', { kind: "transaction", action: { type: "add", args: json({ a: 1 }) }, closes: true }],
    ["help", { kind: "transaction", action: action("help"), closes: false }],
  ];
  for (const [line, expected] of table) assertEquals(readLine(line, true), expected, line);
});

Deno.test("readLine() says where a line goes wrong and what it expected there", () => {
  const table: [line: string, at: number, message: string][] = [
    ["stop [", 5, "closes the ["],
    ['a b="c', 4, 'closes the "'],
    ["stop {", 6, "Malformed JSON"],
    ['stop {"a": 1,}', 13, "Malformed JSON"],
    ['stop {"a": 1} x', 14, "Malformed JSON"],
    ["{", 1, "Malformed JSON"],
    ["  {}", 2, 'Expected {"execute"'],
    ['{"execute": 1}', 0, 'Expected {"execute"'],
    ['{"execute": "a", "exec-oob": "b"}', 0, "exec-oob"],
    ['{"execute": "a", "argument": {}}', 0, 'found "argument"'],
    ['{"execute": "a", "arguments": []}', 0, "as a JSON object"],
    ["hmp", 3, "info status"],
    ["transaction( a ) b", 15, 'found ")"'],
  ];
  for (const [line, at, message] of table) {
    const fault = assertThrows(() => readLine(line), LineFault, message);
    assertEquals(fault.at, at, line);
  }
});
