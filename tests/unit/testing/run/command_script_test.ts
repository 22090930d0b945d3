import { assert, assertEquals, assertThrows } from "@std/assert";
import { commandScript } from "../../../../src/testing/run/command_script.ts";
import { GUEST_PROGRAM } from "../../../../src/testing/run/guest_program.ts";
import { lineQuote, shellQuote } from "../../../../src/testing/run/quote.ts";

Deno.test("shellQuote() makes one word, and refuses a NUL", () => {
  assertEquals(shellQuote("it's $HOME"), `'it'\\''s $HOME'`);
  assertEquals(shellQuote(""), "''");
  assertThrows(() => shellQuote("a\0b"), TypeError, "NUL");
});

Deno.test("lineQuote() makes one word on one line", () => {
  const word = lineQuote("one\ntwo's\n");
  assertEquals(word, `'one'"$N"'two'\\''s'"$N"''`);
  assert(!word.includes("\n"));
});

Deno.test("commandScript() puts directory and variables before the command, on its first line", () => {
  assertEquals(commandScript("make\nmake test", {}), "trap 'echo x >&9' 0; make\nmake test\n");
  assertEquals(
    commandScript("make", { cwd: "/my src", env: { A: "x'y", B_2: "" } }),
    "trap 'echo x >&9' 0; cd -- '/my src' || { echo c >&9; exit 1; }; export A='x'\\''y'; export B_2=''; make\n",
  );
});

Deno.test("commandScript() refuses what a guest's shell can't be told", () => {
  for (const name of ["", "2A", "A-B", "A=B", "A;reboot"]) {
    assertThrows(() => commandScript("true", { env: { [name]: "" } }), TypeError, "variable");
  }
  assertThrows(() => commandScript("a\0", {}), TypeError, "NUL");
  assertThrows(() => commandScript("true", { cwd: "/\0" }), TypeError, "NUL");
  assertThrows(() => commandScript("true", { env: { A: "\0" } }), TypeError, "NUL");
  assertThrows(() => commandScript("é".repeat(66_000), {}), RangeError, "copyIn");
});

Deno.test("GUEST_PROGRAM can be sent between single quotes to a shell for people", () => {
  // A shell with a history takes no `!` for its own that a blank or a line's end follows.
  assertEquals(/['\t\r]|!\S/.exec(GUEST_PROGRAM), null);
  const longest = Math.max(...GUEST_PROGRAM.split("\n").map((line) => line.length));
  assert(longest < 250, `a line of ${longest} characters`);
  // A terminal's line discipline holds 4095 bytes.
  assert(GUEST_PROGRAM.length < 3_500, `${GUEST_PROGRAM.length} characters`);
});
