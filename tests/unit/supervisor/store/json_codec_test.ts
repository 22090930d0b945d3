import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { fromJson, toJson } from "../../../../src/supervisor/store/json_codec.ts";
import { assertSame, aValue, errorOf, throughText } from "./_values.ts";

Deno.test("fromJson() makes again what toJson() wrote, whatever it is", () => {
  fc.assert(fc.property(aValue, (value) => assertSame(fromJson(throughText(toJson(value))), value)));
});

Deno.test("toJson() leaves alone what JSON has a word for, and tags the rest", () => {
  const value = {
    plain: [1, "two", true, null],
    big: 2n ** 64n,
    at: new Date(0),
    error: errorOf("QmpError", "no"),
    limit: Infinity,
    $bigint: "of its own",
    absent: undefined,
  };
  assertEquals(toJson(value), {
    plain: [1, "two", true, null],
    big: { $bigint: "18446744073709551616" },
    at: { $date: "1970-01-01T00:00:00.000Z" },
    error: { $error: { name: "QmpError", message: "no" } },
    limit: { $number: "Infinity" },
    $$bigint: "of its own",
  });
});

Deno.test("toJson() writes what nothing can be made of as null: an invalid date, a function in a list", () => {
  assertEquals(toJson([() => {}, Symbol("x"), undefined]), [null, null, null]);
  const date = fromJson(toJson(new Date(NaN)));
  assertEquals(date instanceof Date && Number.isNaN(date.getTime()), true);
});

Deno.test("fromJson() refuses a tag with something else in it", () => {
  for (
    const json of [{ $bigint: "1.5" }, { $bigint: 1 }, { $date: 0 }, { $error: { name: "x" } }, {
      $number: 1,
    }]
  ) {
    assertThrows(() => fromJson(json), TypeError, `Cannot make a value of ${JSON.stringify(json)}`);
  }
});
