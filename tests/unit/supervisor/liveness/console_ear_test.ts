import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SerialConsole } from "../../../../src/vm/serial_console.ts";
import { ConsoleEar } from "../../../../src/supervisor/liveness/console_ear.ts";
import { endOfLastMatch, showTextPattern } from "../../../../src/supervisor/liveness/text_pattern.ts";
import { FakeGuest } from "../../vm/_fake_console.ts";

Deno.test("ConsoleEar hears what was said before it as well, each thing once, and takes it from nobody", async () => {
  const guest = new FakeGuest();
  await using serial = new SerialConsole(guest.transport);
  await guest.say("booting\nlogin: ");
  await using ear = new ConsoleEar(serial, "the beginning");
  await using late = new ConsoleEar(serial, "now");
  assertEquals([ear.heard("login: "), ear.heard("login: ")], [true, false]);
  assertEquals(late.heard("login: "), false);
  await guest.say("root\nlo");
  assertEquals([ear.heard("login: "), late.heard({ regexp: "log.n: $" })], [false, false]);
  await guest.say("gin: ");
  assertEquals([ear.heard("login: "), late.heard({ regexp: "log.n: $" })], [true, true]);
  assertEquals((await serial.expect("login: ")).before, "booting\n");
  assertEquals((await serial.expect("login: ")).before, "root\n");
});

Deno.test("ConsoleEar hears what came since a moment, and nothing that came before it", async () => {
  const guest = new FakeGuest();
  await using serial = new SerialConsole(guest.transport);
  await guest.say("login: ");
  const resetAt = Date.now() + 1;
  await using early = new ConsoleEar(serial, { sinceMs: resetAt });
  assertEquals(early.heard("login: "), false);
  while (Date.now() < resetAt) await new Promise((resolve) => setTimeout(resolve, 1));
  await guest.say("log");
  await guest.say("in: ");
  await using ear = new ConsoleEar(serial, { sinceMs: resetAt + 0.9 });
  assertEquals([ear.heard("login: "), ear.heard("login: "), early.heard("login: ")], [true, false, true]);
});

Deno.test("ConsoleEar hears nothing more when the console is gone, and ends", async () => {
  const guest = new FakeGuest();
  const serial = new SerialConsole(guest.transport);
  await using ear = new ConsoleEar(serial, "now");
  await guest.say("last words");
  await serial[Symbol.asyncDispose]();
  assertEquals([ear.heard("words"), ear.heard("words")], [true, false]);
});

Deno.test("ConsoleEar hears each time whether a text was said again, however it is cut up", async () => {
  const aText = fc.array(fc.constantFrom("ab", "b", "a", "abab", "c"), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(aText, async (pieces) => {
      const guest = new FakeGuest();
      await using serial = new SerialConsole(guest.transport);
      await using ear = new ConsoleEar(serial, "now");
      await using other = new ConsoleEar(serial, "now");
      let said = "";
      for (const piece of pieces) {
        const times = said.split("ab").length;
        said += piece;
        await guest.say(piece);
        const isSaidAgain = said.split("ab").length > times;
        assertEquals(ear.heard("ab"), isSaidAgain);
        assertEquals(other.heard({ regexp: "ab" }), isSaidAgain);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("endOfLastMatch() says where the last match ends", () => {
  assertEquals(endOfLastMatch("one two one", "one"), 11);
  assertEquals(endOfLastMatch("one two", "three"), -1);
  assertEquals(endOfLastMatch("tone\nTWO\n", { regexp: "^t", flags: "im" }), 6);
  assertEquals(endOfLastMatch("one", { regexp: "$" }), 3);
  assertEquals(endOfLastMatch("one", { regexp: "two" }), -1);
});

Deno.test("showTextPattern() shows line ends and the like as what they are", () => {
  assertEquals(showTextPattern("a\n"), '"a\\n"');
  assertEquals(showTextPattern({ regexp: "a/b", flags: "i" }), "/a\\/b/i");
  assert(showTextPattern("x").startsWith('"'));
});
