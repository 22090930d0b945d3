import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { jsonFace, type Outcome, peopleFace } from "../../../../src/cli/shell/faces.ts";
import { colorJson, COLORS, PLAIN } from "../../../../src/cli/shell/palette.ts";

const returned = (value: unknown, echo: object = {}): Outcome => ({ kind: "returned", value, echo });
const failed: Outcome = {
  kind: "failed",
  class: "C",
  desc: "no x\x1b[2J",
  hint: ", did you mean y?",
  echo: { id: 7 },
};
const event = {
  event: "RESUME",
  timestamp: { seconds: 1_795_252_542, microseconds: 624_491 },
  data: { a: "b" },
};
// deno-lint-ignore no-control-regex -- colours are what is looked for
const COLOR = /\x1b\[\d+m/g;

Deno.test("jsonFace() writes one compact object a line", () => {
  const face = jsonFace("reply");
  assertEquals(
    face.outcome(returned({ a: [1, 9007199254740993n] })),
    '{"return":{"a":[1,9007199254740993]}}\n',
  );
  assertEquals(face.outcome(returned({}, { id: "x" })), '{"return":{},"id":"x"}\n');
  assertEquals(face.outcome(failed), '{"error":{"class":"C","desc":"no x\\u001b[2J"},"id":7}\n');
  assertEquals(face.outcome({ kind: "text", text: "a\r\nb" }), '{"return":"a\\r\\nb"}\n');
  assertEquals(jsonFace("raw").outcome({ kind: "text", text: "a\r\nb" }), "a\nb\n");
  assertEquals(face.outcome({ kind: "nothing" }) + face.outcome({ kind: "exit" }), "");
  assertEquals(JSON.parse(face.event(event)), event);
});

Deno.test("peopleFace() indents values and says errors and events in words, harmless to a terminal", () => {
  const face = peopleFace(PLAIN);
  assertEquals(face.outcome(returned({ a: [1] })), '{\n  "a": [\n    1\n  ]\n}\n');
  assertEquals(face.outcome(failed), "C: no x\\x1b[2J, did you mean y?\n");
  assertEquals(face.event(event).replace(/\d\d:\d\d/, "HH:MM"), '[HH:MM:42.624] RESUME {"a":"b"}\n');
  const early = { event: "STOP", timestamp: { seconds: -1, microseconds: -1 } };
  assertEquals(face.event(early), "[at an unknown time] STOP\n");
  assertEquals(face.outcome({ kind: "text", text: "" }), "");
});

Deno.test("peopleFace() shows an error in red, and each kind of JSON token in its colour", () => {
  assertStringIncludes(peopleFace(COLORS).outcome(failed), "\x1b[31mC: no x");
  assertEquals(
    colorJson('{"k\\"": "s: 1", "n": [-1.5e3, true]}', COLORS),
    '{\x1b[34m"k\\""\x1b[0m: \x1b[32m"s: 1"\x1b[0m, \x1b[34m"n"\x1b[0m: [\x1b[36m-1.5e3\x1b[0m, \x1b[35mtrue\x1b[0m]}',
  );
});

Deno.test("colorJson() changes nothing but the colours of any JSON", () => {
  fc.assert(fc.property(fc.json(), fc.constantFrom(0, 2), (text, indent) => {
    const json = JSON.stringify(JSON.parse(text), null, indent);
    assertEquals(colorJson(json, COLORS).replace(COLOR, ""), json);
    assertEquals(colorJson(json, PLAIN), json);
  }));
});
