// What a console said, as one reads it.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { cleanTranscript } from "../../../../src/testing/console/clean_transcript.ts";
import { kernelLine, programText } from "./_chunks.ts";

const TABLE: readonly [what: string, raw: string, clean: string][] = [
  ["plain lines as they are", "a\r\nb\n", "a\nb\n"],
  ["lines of a guest that sends no carriage returns, each from its beginning", "one\ntwo\n", "one\ntwo\n"],
  ["no colours, no titles", "\x1b[1;31mred\x1b[0m \x1b]0;title\x07end", "red end"],
  ["a progress bar's last state", "1 %\r50 %\r100 %\r\n", "100 %\n"],
  ["what is left of a longer line that was written over", "abcdef\rxy", "xycdef"],
  ["what is left after an erase to the end", "abcdef\rxy\x1b[K", "xy"],
  ["an erased line", "abc\x1b[2K\rx", "x"],
  ["an erased beginning", "abcdef\x1b[3D\x1b[1Kx", "   xef"],
  ["what was typed over", "unmae\b\b\bame -r", "uname -r"],
  ["characters that are deleted, inserted and blanked", "abcdef\x1b[1G\x1b[2P\x1b[@x\x1b[2X|", "x| ef"],
  ["tabs as blanks", "a\tb", "a       b"],
  ["a line that is moved up to", "one\ntwo\n\x1b[2Aone!\x1b[2B\rend", "one!\ntwo\nend"],
  ["a cursor that is saved and restored", "ab\x1b7\x1b[99;99H\x1b8c", "abc"],
  ["a place on the screen that is written again", "\x1b[2J\x1b[2;1H5 s\x1b[2;1H4 s\x1b[3;1Hgo", "\n4 s\ngo"],
  ["both screens when one is cleared", "first\r\n\x1b[2J\x1b[Hsecond", "first\nsecond"],
  [
    "each of the pictures that are drawn from the first place on",
    "\x1b[Ha 1\r\nb 1\x1b[Ha 2\r\nb 2",
    "a 1\nb 1\na 2\nb 2",
  ],
  [
    "a kernel line before the line that it broke into",
    "log[    1.000000] x\r\nin: ",
    "[    1.000000] x\nlogin:",
  ],
  [
    "what a kernel line broke into while it was written over",
    "ab\r[    1.000000] x\r\nA",
    "[    1.000000] x\nAb",
  ],
  ["no blanks at line ends", "a   \r\nb\t\n", "a\nb\n"],
];

Deno.test("cleanTranscript() shows", async (t) => {
  for (const [what, raw, clean] of TABLE) await t.step(what, () => assertEquals(cleanTranscript(raw), clean));
});

Deno.test("cleanTranscript() shows every kernel line on a line of its own, and no control character but line ends", () => {
  const said = fc.array(fc.oneof(programText.filter((text) => !/[[<]/.test(text)), kernelLine), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(said, (parts) => {
      const clean = cleanTranscript(
        parts.map((part) => typeof part === "string" ? part : part.whole).join(""),
      );
      const lines = clean.split("\n");
      const kernel = parts.flatMap((part) => typeof part === "string" ? [] : [part.line.trimEnd()]);
      assertEquals(lines.filter((line) => kernel.includes(line)), kernel);
      // deno-lint-ignore no-control-regex -- that none is left is what is promised
      assertEquals(/[\x00-\x09\x0b-\x1f\x7f]/.test(clean), false, JSON.stringify(clean));
    }),
    { numRuns: 300 },
  );
});
