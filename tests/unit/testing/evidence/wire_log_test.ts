import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { splitMessages, WireLog } from "../../../../src/testing/evidence/wire_log.ts";

const plain = (text: string) => text;

Deno.test("splitMessages() parts messages however they follow one another, and keeps what is not whole", () => {
  const message = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))
    // In JSON a line end is in no text, and that is what tells a pretty message's own line ends.
    .map((value) => JSON.stringify(value));
  const between = fc.constantFrom("", "\r\n", " ");
  fc.assert(fc.property(fc.array(fc.tuple(message, between)), message, fc.nat(), (messages, last, at) => {
    const partial = last.slice(0, at % last.length);
    const text = messages.map(([message, gap]) => message + gap).join("") + partial;
    assertEquals(splitMessages(text), { whole: messages.map(([message]) => message), rest: partial });
  }));
});

Deno.test("WireLog.text() has each message on a line, with the time at which it began, its monitor and direction", () => {
  let now = Date.UTC(2026, 0, 1);
  const log = new WireLog(() => now);
  const tell = (direction: "sent" | "received", text: string) =>
    log.tap("control", direction, new TextEncoder().encode(text));
  tell("sent", '{"execute":"stop"}{"execute":"cont"}');
  now += 5;
  tell("received", '{"return": ');
  now += 5;
  tell("received", '{}}\r\n{"return": {}}\r\n{"half"');
  assertEquals(log.text(plain).split("\n"), [
    '2026-01-01T00:00:00.000Z control > {"execute":"stop"}',
    '2026-01-01T00:00:00.000Z control > {"execute":"cont"}',
    '2026-01-01T00:00:00.005Z control < {"return": {}}',
    '2026-01-01T00:00:00.010Z control < {"return": {}}',
    '2026-01-01T00:00:00.010Z control < {"half" (not whole)',
    "",
  ]);
});

Deno.test("WireLog copies what it is lent, keeps a bounded part of it, and says what is left out", () => {
  const log = new WireLog(() => 0);
  const buffer = new TextEncoder().encode(`{"a":"${"x".repeat(1000)}"}`);
  for (let count = 0; count < 5000; count++) log.tap("watch", "received", buffer);
  buffer.fill(0);
  const text = log.text(plain);
  assertLess(text.length, 1_400_000);
  assertStringIncludes(text, "pieces were left out here");
  assertEquals(text.includes("\0"), false);
});
