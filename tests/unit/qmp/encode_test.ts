import fc from "fast-check";
import { assertEquals, assertThrows } from "@std/assert";
import { encodeCommand, withId } from "../../../src/qmp/encode.ts";

const NAME = "device_add";

Deno.test("encodeCommand() and withId() write no byte that QEMU can do without", () => {
  const cases: [command: string, args: unknown, oob: boolean, id: number, wire: string][] = [
    ["query-status", undefined, false, 0, '{"execute":"query-status","id":0}'],
    ["query-status", {}, false, 6, '{"execute":"query-status","id":6}'],
    ["query-yank", undefined, true, 7, '{"exec-oob":"query-yank","id":7}'],
    ["stop", { left: undefined }, false, 1, '{"execute":"stop","id":1}'],
    [
      "eject",
      { id: "cd0", force: true },
      false,
      2,
      '{"execute":"eject","arguments":{"id":"cd0","force":true},"id":2}',
    ],
    ['x-"y"', { a: null }, false, 3, '{"execute":"x-\\"y\\"","arguments":{"a":null},"id":3}'],
  ];
  for (const [command, args, oob, id, wire] of cases) {
    assertEquals(withId(encodeCommand(command, args, oob), id), wire);
  }
});

Deno.test("encodeCommand() keeps all digits of a bigint", () => {
  const args = { least: -(2n ** 63n), most: 2n ** 64n - 1n, odd: [9007199254740993n], small: 1n };
  assertEquals(
    encodeCommand(NAME, args, false),
    '{"execute":"device_add","arguments":{"least":-9223372036854775808,"most":18446744073709551615,' +
      '"odd":[9007199254740993],"small":1}',
  );
});

Deno.test("encodeCommand() writes any arguments so that they read back the same", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.boolean(), (args, oob) => {
    // As JSON has them: no -0.
    const plain = JSON.parse(JSON.stringify(args));
    const read = JSON.parse(withId(encodeCommand(NAME, args, oob), 4));
    assertEquals(read, {
      [oob ? "exec-oob" : "execute"]: NAME,
      ...(Object.keys(plain).length > 0 ? { arguments: plain } : {}),
      id: 4,
    });
  }));
});

Deno.test("encodeCommand() never writes a line end, since one that QEMU has not read turns its end of file into a reset", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), (args) => {
      assertEquals(/[\r\n]/.test(encodeCommand(NAME, args, false)), false);
    }),
  );
  assertEquals(/[\r\n]/.test(encodeCommand(NAME, { text: "a\r\nb" }, false)), false);
});

Deno.test("encodeCommand() refuses text that QEMU answers with an error without an id, as value and as key", () => {
  const refused: [text: string, words: string][] = [
    ["\ud800", "half of a surrogate pair"],
    ["a\udfffb", "half of a surrogate pair"],
    ["\udc00\ud800", "half of a surrogate pair"],
    ["\ufffe", "no character"],
    ["a\uffffb", "no character"],
    ["\ufdd0", "no character"],
    ["\ufdef", "no character"],
    ["\u{1fffe}", "no character"],
    ["\u{10ffff}", "no character"],
  ];
  for (const [text, words] of refused) {
    assertThrows(() => encodeCommand(NAME, { text }, false), TypeError, words);
    assertThrows(() => encodeCommand(NAME, { deep: [{ [text]: 1 }] }, false), TypeError, words);
    assertThrows(() => encodeCommand(text, {}, false), TypeError, words);
    assertThrows(() => encodeCommand(NAME, { text, big: 1n }, false), TypeError, words);
  }
});

Deno.test("encodeCommand() refuses each code point that is no character, and no other of its plane's first and last", () => {
  const planes = Array.from({ length: 17 }, (_, plane) => plane * 0x10000);
  const points = planes.flatMap((
    plane,
  ) => [plane + 0xe000, plane + 0xfdcf, plane + 0xfffd, plane + 0xfffe, plane + 0xffff]);
  for (const point of [...points, ...Array.from({ length: 0x21 }, (_, index) => 0xfdd0 + index)]) {
    const text = String.fromCodePoint(point);
    const encode = () => encodeCommand(NAME, { text }, false);
    if (/\p{Noncharacter_Code_Point}/u.test(text)) assertThrows(encode, TypeError, "no character");
    else assertEquals(JSON.parse(withId(encode(), 0)).arguments, { text });
  }
});

Deno.test("encodeCommand() lets pass what only looks like text that QEMU refuses", () => {
  for (
    const text of ["\\ud800", "\u{1f600}", "\ufffd", "\ufdcf", "\ufdf0", "\u{10fffd}", "\u0000", "\ue000"]
  ) {
    assertEquals(JSON.parse(withId(encodeCommand(NAME, { text }, false), 0)).arguments, { text });
  }
});

Deno.test("encodeCommand() refuses arguments nested deeper than QEMU reads, and counts no bracket in a string", () => {
  const nested = (levels: number) => {
    let value: unknown = 1;
    for (let level = 1; level < levels; level++) value = level % 2 ? [value] : { a: value };
    return { a: value };
  };
  encodeCommand(NAME, nested(1000), false);
  assertThrows(() => encodeCommand(NAME, nested(1001), false), TypeError, "nested deeper than 1000");
  encodeCommand(NAME, { text: '["{\\'.repeat(2000) }, false);
});

Deno.test("encodeCommand() refuses arguments that are no object", () => {
  const cases: [args: unknown, found: string][] = [
    [null, "null"],
    [[1], "an array"],
    ["text", "string"],
    [1, "number"],
    [1n, "bigint"],
    [() => {}, "function"],
  ];
  for (const [args, found] of cases) {
    assertThrows(() => encodeCommand(NAME, args, false), TypeError, `must be an object, found ${found}`);
  }
});

Deno.test("encodeCommand() throws a TypeError for a value that contains itself", () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  assertThrows(() => encodeCommand(NAME, loop, false), TypeError);
});
