// The text within what a terminal is sent.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { PlainText, plainText } from "../../../../src/testing/console/plain_text.ts";
import { cuts, programText } from "./_chunks.ts";

const TABLE: readonly [what: string, sent: string, text: string][] = [
  ["colours", "\x1b[01;32muser@host\x1b[00m:\x1b[34m~\x1b[m$ ", "user@host:~$ "],
  ["a title, ended by a bell", "\x1b]0;user@host: ~\x07$ ", "$ "],
  ["a title, ended by ESC \\", "\x1b]0;t\x1b\\$ ", "$ "],
  ["a title that has no end", "\x1b]0;t\nnext", "\nnext"],
  ["line ends of a terminal", "a\r\nb\r\r\nc\n", "a\nb\nc\n"],
  ["a carriage return within a line", "10 %\r20 %\r\n", "10 %\r20 %\n"],
  ["a backspace and a tab", "ab\b\tc", "ab\b\tc"],
  ["bells, padding and shifts", "a\x07\x00\x0e\x0f\x7fb", "ab"],
  ["a character set", "\x1b(Ba\x1b)0b", "ab"],
  ["keypad and cursor modes", "\x1b[?2004h\x1b=\x1b>$ \x1b[?25l", "$ "],
  ["an erased line", "a\x1b[K\x1b[2Kb", "ab"],
  ["the cursor put at a line's beginning", "a\x1b[05;01Hb\x1b[6Hc\x1b[Hd", "a\nb\nc\nd"],
  ["the cursor put within a line", "a\x1b[05;10Hb", "ab"],
  ["a screen that is cleared", "a\x1b[2Jb\x1bcc", "a\nb\nc"],
  ["a screen that is cleared when a line has just ended", "a\n\x1b[2J\x1b[01;01Hb", "a\nb"],
  ["a sequence that a line end breaks off", "a\x1b[12\nb", "a\nb"],
  ["a device control string", "a\x1bP1$r0m\x1b\\b", "ab"],
  ["a sequence whose end is missing", "a\x1b[1;3", "a"],
];

Deno.test("plainText() leaves the text of", async (t) => {
  for (const [what, sent, text] of TABLE) await t.step(what, () => assertEquals(plainText(sent), text));
});

Deno.test("PlainText gives the same whatever chunks the text comes in, with the place of each character", () => {
  fc.assert(
    fc.property(cuts(programText), ({ text, chunks }) => {
      const plain = new PlainText();
      let at = 0;
      const slices = chunks.flatMap((chunk) => plain.push(chunk, (at += chunk.length) - chunk.length));
      slices.push(...plain.end());
      assertEquals(slices.map((slice) => slice.text).join(""), plainText(text));
      for (const slice of slices) {
        assertEquals(text.slice(slice.at, slice.at + slice.text.length), slice.text);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("PlainText holds a carriage return back, since a line feed may follow it", () => {
  const plain = new PlainText();
  assertEquals(plain.push("a\r").map(({ text }) => text), ["a"]);
  assertEquals(plain.held, "\r");
  assertEquals(plain.push("b").map(({ text }) => text).join(""), "\rb");
  assertEquals(plain.held, "");
});
