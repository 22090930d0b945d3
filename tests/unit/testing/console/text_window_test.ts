// The text that is still of interest, and what is found in it.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { PatternFinder } from "../../../../src/testing/console/pattern_finder.ts";
import { TextWindow } from "../../../../src/testing/console/text_window.ts";

Deno.test("TextWindow.from() gives the text from a place on, whatever was let go of before it", () => {
  const steps = fc.array(fc.tuple(fc.string({ maxLength: 9 }), fc.nat(40)), { maxLength: 20 });
  fc.assert(fc.property(steps, (steps) => {
    const window = new TextWindow(1 << 20);
    let all = "";
    for (const [text, place] of steps) {
      window.push(text);
      all += text;
      assertEquals(window.end, all.length);
      window.dropBefore(Math.min(place, all.length));
      assertEquals(window.from(Math.min(place, all.length)), all.slice(place));
    }
  }));
});

Deno.test("TextWindow keeps only so much", () => {
  const window = new TextWindow(100_000);
  for (let n = 0; n < 1000; n++) window.push("0123456789".repeat(100));
  assertEquals(window.end, 1_000_000);
  const kept = window.from(0).length;
  assertEquals([kept >= 100_000, kept < 120_000], [true, true], String(kept));
});

Deno.test("PatternFinder.find() finds the same however the text has grown", () => {
  const grown = fc.array(fc.constantFrom("a", "b", "ab", "ba", "", "\n"), { maxLength: 30 });
  const patterns = fc.constantFrom<string | RegExp>("ab", "abba", "\n", /b+a/, /^ab$/m, /(a)(b)/g);
  fc.assert(fc.property(grown, patterns, (parts, pattern) => {
    const window = new TextWindow(1 << 20);
    const finder = new PatternFinder(pattern);
    let all = "";
    let found = null;
    for (const part of parts) {
      window.push(part);
      all += part;
      found = finder.find(window, 0);
      assertEquals(found?.from ?? -1, new PatternFinder(pattern).find(window, 0)?.from ?? -1);
      if (found !== null) break;
    }
    if (found === null) return;
    assertEquals(all.slice(found.from, found.to), found.text);
    assertEquals(all.slice(0, found.from), found.before);
  }));
});
