import { assertEquals } from "@std/assert";
import { parse } from "@std/jsonc";
import fc from "fast-check";
import { findPlaces, lineAndColumn, offsetOf } from "../../../src/cli/jsonc_places.ts";

const TEXT = `{
  // a comment with "quotes": {
  "name": "web", /* "x": 1 */
  "drives": [
    { "file": "a.img" },
    { "file": "b\\"[{,}].img", "nested": [[1], [2, 3]] },
  ],
  "empty": {}, "list": [],
}`;

/** Where the text has this, as line and column. */
const at = (path: string) => {
  const { line, column } = lineAndColumn(TEXT, offsetOf(findPlaces(TEXT), path));
  return `${line}:${column}`;
};

Deno.test("findPlaces() finds keys and items, comments and strings notwithstanding", () => {
  assertEquals(at("name"), "3:3");
  assertEquals(at("drives"), "4:3");
  assertEquals(at("drives[1]"), "6:5");
  assertEquals(at("drives[0].file"), "5:7");
  assertEquals(at("drives[1].file"), "6:7");
  assertEquals(at("drives[1].nested[1][1]"), "6:51");
  assertEquals(at("list"), "8:16");
});

Deno.test("offsetOf() points at what is around a place that is not there", () => {
  assertEquals(at("drives[1].format"), "6:5");
  assertEquals(at("drives[7].file"), "4:3");
  assertEquals(at("kernel"), "1:1");
  assertEquals(at(""), "1:1");
});

Deno.test("findPlaces() reports members that are there twice", () => {
  const { duplicates } = findPlaces('{"a": 1, "b": {"a": 2, "c": 3, "c": 4}, "a": 5}');
  assertEquals(duplicates.map(({ path }) => path), ["b.c", "a"]);
});

Deno.test("findPlaces() finds every member and item of any JSON text", () => {
  // Keys that hold dots or brackets look like other places, which is harmless; here they would only be in the way.
  const key = fc.string({ minLength: 1 }).filter((text) => !/[.[\]]/.test(text) && text !== "__proto__");
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value")),
      fc.dictionary(key, tie("value")),
    ),
  })).value;
  fc.assert(fc.property(json, fc.constantFrom(undefined, 2, "\t"), (value, indent) => {
    const text = JSON.stringify(value, null, indent);
    const { offsets, duplicates } = findPlaces(text);
    assertEquals(duplicates, []);
    const expected = pathsOf(parse(text), "");
    assertEquals([...offsets.keys()].sort(), ["", ...expected].sort());
    for (const path of expected) {
      if (path.endsWith("]")) continue;
      const own = JSON.stringify(path.slice(path.lastIndexOf(".") + 1));
      assertEquals(text.startsWith(own, offsets.get(path)), true, path);
    }
  }));
});

function pathsOf(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const place = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    return [place, ...pathsOf(item, place)];
  });
}
