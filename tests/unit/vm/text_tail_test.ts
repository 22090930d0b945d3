import fc from "fast-check";
import { assertEquals, assertLess } from "@std/assert";
import { TextTail } from "../../../src/vm/text_tail.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("TextTail keeps the last part, and counts all of it", () => {
  const tail = new TextTail(5);
  assertEquals([tail.text, tail.length], ["", 0]);
  tail.push(encode("abc"));
  assertEquals([tail.text, tail.length], ["abc", 3]);
  tail.push(encode("defgh"));
  assertEquals([tail.text, tail.length], ["defgh", 8]);
});

Deno.test("TextTail.push() returns the text that the bytes make, also where a character is cut in two", () => {
  const tail = new TextTail(100);
  const [first = 0, ...rest] = encode("é");
  assertEquals(tail.push(Uint8Array.of(65, first)), "A");
  assertEquals(tail.push(Uint8Array.from(rest)), "é");
  assertEquals(tail.push(Uint8Array.of(0xff, 66)), "\ufffdB");
  assertEquals(tail.text, "Aé\ufffdB");
});

Deno.test("TextTail keeps a byte order mark: a guest may say anything", () => {
  const tail = new TextTail(100);
  tail.push(Uint8Array.of(0xef, 0xbb, 0xbf, 65));
  assertEquals([tail.text, tail.length], ["\ufeffA", 2]);
});

Deno.test("TextTail is the same as the whole text, for its last part, however it is written", () => {
  const chunks = fc.array(fc.string({ maxLength: 40_000 }), { maxLength: 8 });
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 50_000 }), fc.nat(200_000), (texts, maxChars, position) => {
      const tail = new TextTail(maxChars);
      let whole = "";
      for (const text of texts) {
        whole += new TextDecoder("utf-8", { ignoreBOM: true }).decode(encode(text));
        tail.push(encode(text));
      }
      assertEquals(tail.length, whole.length);
      assertEquals(tail.text, whole.slice(-maxChars));
      const from = tail.from(position);
      assertEquals(from, from === "" ? "" : whole.slice(-from.length), "it is an end of the text");
      // All from there on, unless it was dropped.
      const wanted = Math.max(0, whole.length - position);
      assertEquals(from.length === wanted || (from.length >= maxChars && from.length < wanted), true);
    }),
    { numRuns: 60 },
  );
});

Deno.test("TextTail holds a bounded part of a text without end, at the same cost for each byte", () => {
  const tail = new TextTail(100_000);
  const chunk = encode("x".repeat(1_000));
  for (let i = 0; i < 5_000; i++) tail.push(chunk);
  assertEquals([tail.text.length, tail.length], [100_000, 5_000_000]);
  assertLess(tail.from(0).length, 150_000);
});
