import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { holdsLongDigits, parseExact } from "../../../src/qmp/exact_json.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseExact(text, holdsLongDigits(bytes(text)));

const numbers: [source: string, expected: number | bigint][] = [
  ["0", 0],
  ["-1", -1],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ["-9007199254740991", Number.MIN_SAFE_INTEGER],
  ["9007199254740992", 9007199254740992n],
  ["9007199254740993", 9007199254740993n],
  ["-9007199254740993", -9007199254740993n],
  ["9223372036854775807", 9223372036854775807n],
  ["-9223372036854775808", -9223372036854775808n],
  ["18446744073709551615", 18446744073709551615n],
  ["1.5", 1.5],
  ["0.12345678901234567890", 0.12345678901234568],
  ["1234567890123456789.5", 1234567890123456789.5],
  ["1.2345678901234568e+29", 1.2345678901234568e29],
  ["1234567890123456789e3", 1234567890123456789e3],
];
for (const [source, expected] of numbers) {
  Deno.test(`parseExact() gives ${typeof expected} ${expected} for ${source}, wherever it stands`, () => {
    for (const before of ["", " ", "\n", "\t"]) {
      assertEquals(parse(`{"n":${before}${source}}`), { n: expected });
      assertEquals(parse(`[${before}${source},${before}${source}${before}]`), [expected, expected]);
    }
  });
}

Deno.test("parseExact() leaves digits in strings and keys alone", () => {
  const text = '{"12345678901234567890": "9007199254740993", "desc": "offset: 9007199254740993"}';
  assertEquals(parse(text), JSON.parse(text));
});

Deno.test("parseExact() keeps each 64-bit integer", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (n) => {
    const small = n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER);
    assertEquals(parse(`{"n": ${n}}`), { n: small ? Number(n) : n });
  }));
});

Deno.test("parseExact() throws a SyntaxError for what is no JSON, suspect or not", () => {
  for (const suspect of [false, true]) {
    assertThrows(() => parseExact('{"n": 9007199254740993', suspect), SyntaxError);
  }
});

Deno.test("holdsLongDigits() finds 16 digits in a row at any place, and not 15", () => {
  for (let before = 0; before < 40; before++) {
    for (let after = 0; after < 20; after++) {
      const around = (digits: string) => bytes("x".repeat(before) + digits + "y".repeat(after));
      assertEquals(holdsLongDigits(around("1".repeat(15))), false);
      assertEquals(holdsLongDigits(around("0".repeat(16))), true);
      assertEquals(holdsLongDigits(around("9".repeat(17))), true);
    }
  }
});

Deno.test("holdsLongDigits() says what a regular expression would say", () => {
  const digitsAndOthers = fc.array(
    fc.oneof(fc.nat({ max: 20 }).map((n) => "7".repeat(n)), fc.constantFrom(".", "/", ":", "-", '"')),
  ).map((parts) => parts.join(""));
  fc.assert(fc.property(digitsAndOthers, (text) => {
    assertEquals(holdsLongDigits(bytes(text)), /\d{16}/.test(text));
  }));
});
