import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeFacts, encodeFacts } from "../../../tools/qapi/facts.ts";
import type { CommandFlag, Definition, Member, Model, Named, Payload } from "../../../src/typegen/model.ts";
import { SchemaError } from "../../../tools/qapi/read/source_error.ts";
import { modelOf } from "./_read.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
const version = fc.constantFrom("0.14", "2.12.1", "10.2");
const condition = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom("CONFIG_A", "TARGET_B"),
    fc.record({ not: tie("any") }),
    fc.record({ all: fc.array(tie("any"), { maxLength: 2 }) }),
    fc.record({ any: fc.array(tie("any"), { maxLength: 2 }) }),
  ),
})).any as fc.Arbitrary<NonNullable<Named["if"]>>;
const feature = fc.record({ name: word, if: condition }, { requiredKeys: ["name"] });
const features = fc.uniqueArray(feature, { minLength: 1, maxLength: 2, selector: ({ name }) => name });
const extras = fc.record({ since: version, features, if: condition }, { requiredKeys: [] });
const builtIn = fc.record({ name: fc.constantFrom("str", "int", "uint8", "any"), list: fc.boolean() });

const named = (name: fc.Arbitrary<string>): fc.Arbitrary<Named> =>
  fc.tuple(name, extras).map(([name, more]) => ({ name, ...more }));
const members = (prefix: string): fc.Arbitrary<Member[]> =>
  fc.uniqueArray(
    fc.tuple(named(word.map((name) => `${prefix}${name}`)), builtIn, fc.boolean())
      .map(([name, type, optional]) => ({ ...name, type, optional })),
    { maxLength: 3, selector: ({ name }) => name },
  );
const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.constant<Payload>({ kind: "none" }),
  members("p").filter(({ length }) => length > 0).map((members) => ({ kind: "members" as const, members })),
  fc.boolean().map((boxed) => ({ kind: "type" as const, type: "Base", boxed })),
);
const flags = fc.subarray<CommandFlag>([
  "allow-oob",
  "allow-preconfig",
  "coroutine",
  "gen",
  "success-response",
]);

/** A model in which every kind of definition is there, and mentions another. */
const models: fc.Arbitrary<Model> = fc.record({
  base: fc.tuple(named(fc.constant("Base")), members("b")),
  kinds: fc.tuple(
    named(fc.constant("Kind")),
    fc.uniqueArray(named(word), { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
  ),
  derived: fc.tuple(named(fc.constant("Derived")), members("d")),
  union: fc.tuple(named(fc.constant("Union")), members("u"), fc.option(condition, { nil: undefined })),
  alternate: named(fc.constant("Alternate")),
  command: fc.tuple(named(fc.constant("command")), payload, flags, fc.option(builtIn, { nil: undefined })),
  event: fc.tuple(named(fc.constant("EVENT")), payload),
}).map(({ base, kinds, derived, union, alternate, command, event }) => {
  const tag: Member = { name: "kind", type: { name: "Kind", list: false }, optional: false };
  const [, payload, flags, returns] = command;
  const branch = {
    name: kinds[1][0]?.name ?? "",
    type: { name: "Derived", list: false },
    ...(union[2] === undefined ? {} : { if: union[2] }),
  };
  const definitions: Definition[] = [
    { kind: "struct", ...derived[0], base: "Base", members: derived[1] },
    { kind: "struct", ...base[0], members: base[1] },
    { kind: "enum", ...kinds[0], values: kinds[1] },
    {
      kind: "union",
      ...union[0],
      base: [tag, ...union[1]],
      discriminator: "kind",
      branches: [branch],
    },
    {
      kind: "alternate",
      ...alternate,
      branches: [
        { name: "object", type: { name: "Union", list: false } },
        { name: "list", type: { name: "Kind", list: true } },
      ],
    },
    { kind: "command", ...command[0], payload, ...(returns === undefined ? {} : { returns }), flags },
    { kind: "event", ...event[0], payload: event[1] },
  ];
  return {
    schema: "qmp",
    qemu: "10.2.2",
    definitions: new Map(definitions.map((each) => [each.name, each])),
  };
});

Deno.test("decodeFacts() returns the model that encodeFacts() wrote, whatever it is", () => {
  fc.assert(
    fc.property(models, (model) => {
      const facts = encodeFacts(model);
      const back = decodeFacts(facts, "facts");
      assertEquals(back, model);
      assertEquals([...back.definitions.keys()], [...model.definitions.keys()]);
      assertEquals(encodeFacts(back), facts);
    }),
    { numRuns: 300 },
  );
});

Deno.test("encodeFacts() writes a definition a line, as QAPI has it, with the comments' versions in it", () => {
  const text = `##
# @device_add:
# @id: (since 2.0)
# Since: 0.13
##
{ 'command': 'device_add', 'data': { 'driver': 'str', '*id': 'str' }, 'gen': false }
{ 'event': 'STOP' }`;
  assertEquals(encodeFacts(modelOf(text)).split("\n"), [
    '{"qemu":"10.2.2","schema":"qmp"}',
    '{"command":"device_add","data":{"driver":"str","*id":{"type":"str","since":"2.0"}},"gen":false,"since":"0.13"}',
    '{"event":"STOP"}',
    "",
  ]);
});

const HEAD = '{"qemu":"10.2.2","schema":"qmp"}\n';
const DAMAGED: Readonly<Record<string, [string, string]>> = {
  "nothing": ["", 'facts:1: expected an object as JSON, found ""'],
  "another first line": [
    '{"event":"STOP"}\n',
    'facts:1: expected {"qemu": a version, "schema": which one}, found {"event":"STOP"}',
  ],
  "half a line": [`${HEAD}{"event":"ST\n`, 'facts:2: expected an object as JSON, found "{\\"event\\":\\"ST"'],
  "a number": [
    `${HEAD}{"event":"STOP"}\n{"event":1}\n`,
    "facts:3: expected a string, true, false, a list or an object, found 1",
  ],
  "an unknown type": [
    `${HEAD}{"event":"A","data":"B"}\n`,
    "facts:2: expected a struct, or a union with 'boxed' as data of this event (in event 'A'), found unknown name 'B'",
  ],
  "a version that is none": [
    `${HEAD}{"event":"A","since":"soon"}\n`,
    "facts:2: expected a version such as 7.2 for 'since', found 'soon'",
  ],
};

Deno.test("decodeFacts() refuses damaged facts, with file and line", async (t) => {
  for (const [what, [text, message]] of Object.entries(DAMAGED)) {
    await t.step(
      what,
      () => assertEquals(assertThrows(() => decodeFacts(text, "facts"), SchemaError).message, message),
    );
  }
});
