// Whether what came back is what was typed.
import { assertEquals } from "@std/assert";
import { isEchoOf, isEraseShown } from "../../../../src/testing/console/echo.ts";

const LONG = "echo 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 end";

const TABLE: readonly [what: string, line: string, heard: string, isEcho: boolean][] = [
  ["the line itself", "uname -r", "uname -r", true],
  ["nothing", "uname -r", "", false],
  ["a part of it", "uname -r", "uname ", false],
  ["the line without a character", "uname -r", "unme -r", false],
  ["the line without a blank", "rm -r /tmp/a /tmp/b", "rm -r /tmp/a/tmp/b", false],
  ["the line with one character too many", "uname -r", "uname -rr", false],
  ["other words", "uname -r", "login: ", false],
  ["a prompt that came late, then the line", "uname -r", "\n# uname -r", true],
  ["an echo of the terminal, then a shell's own", "ls", "ls\nWelcome\n# ls", true],
  ["a line that was corrected", "uname", "unmae\b\b\bame", true],
  ["a line that was erased", "ls", "lsx\b \b\b \b\b \b", false],
  ["readline's way at the margin", LONG, `${LONG.slice(0, 78)} \r${LONG.slice(78)}`, true],
  ["busybox's way at the margin", LONG, `${LONG.slice(0, 78)}${LONG[78]}\b${LONG.slice(78)}`, true],
  ["a line end at the margin", LONG, `${LONG.slice(0, 78)}\n${LONG.slice(78)}`, true],
];

Deno.test("isEchoOf() tells the echo of a line from", async (t) => {
  for (const [what, line, heard, isEcho] of TABLE) {
    await t.step(what, () => assertEquals(isEchoOf(line, heard), isEcho));
  }
});

Deno.test("isEraseShown() knows a guest that shows Ctrl-U where it should have erased the line", () => {
  assertEquals(isEraseShown("\x15", "\b \b\b \b"), false);
  assertEquals(isEraseShown("\x15", "^U"), true);
  assertEquals(isEraseShown("\x15", "\x15"), true);
});
