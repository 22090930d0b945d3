import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { recordFileName } from "../../../../src/supervisor/store/record_file.ts";

Deno.test("recordFileName() keeps plain names, and escapes all that a file name can't hold", () => {
  const names = ["web", "web-1.example_com", "../../etc/passwd", ".", "..", ".hidden", "a b", "ä", "50%"];
  assertEquals(names.map(recordFileName), [
    "web.json",
    "web-1.example_com.json",
    "%2E.%2F..%2Fetc%2Fpasswd.json",
    "%2E.json",
    "%2E..json",
    "%2Ehidden.json",
    "a%20b.json",
    "%C3%A4.json",
    "50%25.json",
  ]);
});

Deno.test("recordFileName() gives every name a file of its own, and never a path", () => {
  // Half of a surrogate pair is no text that could be stored.
  const aName = fc.string({ unit: "binary", minLength: 1, maxLength: 50 });
  fc.assert(fc.property(aName, aName, (one, other) => {
    assertMatch(recordFileName(one), /^[A-Za-z0-9_%-][A-Za-z0-9._%-]*\.json$/);
    assertEquals(recordFileName(one) === recordFileName(other), one === other);
  }));
});

Deno.test("recordFileName() refuses a name that is too long for a file", () => {
  assertEquals(recordFileName("x".repeat(220)).length, 225);
  const error = assertThrows(() => recordFileName("ä".repeat(37)), RangeError);
  assertEquals(
    error.message,
    `Cannot keep a record of VM "${
      "ä".repeat(37)
    }": its name has 222 bytes as a file name, and 220 is the most; choose a shorter one`,
  );
});
