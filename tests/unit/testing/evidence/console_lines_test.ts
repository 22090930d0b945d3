import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { cleanConsole, consoleLines } from "../../../../src/testing/evidence/console_lines.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const CLEAN: readonly (readonly [said: string, clean: string])[] = [
  ["\x1b[1;31mred\x1b[0m", "red"],
  ["a\r\nb\r\r\nc", "a\nb\nc"],
  ["10%\r20%\r\n", "10%\n20%\n"],
  ["lss\b \b -a", "ls -a"],
  ["\x1b]0;title\x07prompt$ \x1b]8;;http://a\x1b\\link", "prompt$ link"],
  ["\x1bc\x1b[?7l\x1b[2Jclear\x07\0", "clear"],
  ["\u00e4\u20ac", "\u00e4\u20ac"],
];
for (const [said, clean] of CLEAN) {
  Deno.test(`cleanConsole() makes ${JSON.stringify(clean)} of ${JSON.stringify(said)}`, () =>
    assertEquals(cleanConsole(said), clean));
}

Deno.test("consoleLines() gives each line the time at which it began, in whatever pieces it came", () => {
  const pieces = [
    { at: 1, bytes: bytes("one\r\ntw") },
    { at: 2, bytes: bytes("o\r\n") },
    { at: 3, bytes: bytes("\r\nlogin: ") },
    { at: 5, bytes: bytes("root\r\n") },
  ];
  assertEquals(consoleLines(pieces, [{ at: 4, text: "root\n" }]), [
    { at: 1, kind: "said", text: "one" },
    { at: 1, kind: "said", text: "two" },
    { at: 3, kind: "said", text: "" },
    { at: 3, kind: "said", text: "login: root" },
    { at: 4, kind: "typed", text: "root\n" },
  ]);
});

Deno.test("consoleLines() loses nothing, wherever the text is cut, even in the middle of a character", () => {
  const line = fc.string({ unit: fc.constantFrom("a", " ", "\u20ac", "\u{1f600}") });
  fc.assert(fc.property(fc.array(line), fc.array(fc.nat(), { maxLength: 5 }), (lines, cuts) => {
    const all = bytes(lines.map((text) => `${text}\r\n`).join(""));
    const places = [0, ...cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b), all.length];
    const pieces = places.slice(1).map((end, at) => ({ at, bytes: all.subarray(places[at], end) }));
    assertEquals(consoleLines(pieces, []).map(({ text }) => text), lines);
  }));
});

Deno.test("consoleLines() has secrets taken out of all that was said at once, also where pieces cut one", () => {
  const pieces = [{ at: 1, bytes: bytes("a\npass: hun") }, { at: 2, bytes: bytes("ter2\nb\n") }, {
    at: 3,
    bytes: bytes("end"),
  }];
  const lines = (hide: (raw: string) => string) =>
    consoleLines(pieces, [], hide).map(({ at, text }) => `${at} ${text}`);
  assertEquals(lines((raw) => raw.replace("hunter2", "*")), ["1 a", "1 pass: *", "2 b", "3 end"]);
  // A secret of two lines makes one of them; the last lines keep their times.
  assertEquals(lines((raw) => raw.replace("hunter2\nb", "*")), ["1 a", "2 pass: *", "3 end"]);
});
