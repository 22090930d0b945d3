// Names are found again in schemas that are masked as QEMU masks them: 10.2's own, and 7.2's by what 10.2 has.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { findNameless } from "../../../src/typegen/live/nameless.ts";
import { type LiveSchema, readLiveSchema } from "../../../src/typegen/live/live_schema.ts";
import { recoverNames } from "../../../src/typegen/live/recover_names.ts";
import type { Model } from "../../../src/typegen/mod.ts";
import { shippedModel } from "../../../src/typegen/shipped.ts";
import { decodeFacts } from "../../../tools/qapi/facts.ts";
import qmpFacts from "../../../tools/qapi/facts/qmp.jsonl" with { type: "text" };
import qmp72Facts from "../../testdata/qapi/qemu-7.2.jsonl" with { type: "text" };
import { modelOf } from "../qapi/_read.ts";
import { type Build, mask, type Masked } from "./_mask.ts";

const SHIPPED = shippedModel();
const QEMU_10 = decodeFacts(qmpFacts, "qmp.jsonl");
const QEMU_7 = decodeFacts(qmp72Facts, "qemu-7.2.jsonl");
/** The names that 10.2 has for types of 7.2: no QEMU can tell that they were others. */
const RENAMED: Readonly<Record<string, string>> = {
  CpuS390State: "S390CpuState",
  QCryptoCipherAlgorithm: "QCryptoCipherAlgo",
  QCryptoHashAlgorithm: "QCryptoHashAlgo",
  QCryptoIVGenAlgorithm: "QCryptoIVGenAlgo",
  SGXEPCSection: "SgxEpcSection",
  SGXInfo: "SgxInfo",
  StringWrapper: "FdSocketAddressWrapper",
  TargetInfo: "QemuTargetInfo",
};
const BUILDS: Readonly<Record<string, Build>> = {
  "with everything": () => true,
  "without anything that is optional": () => false,
  "as Debian's": (condition) => typeof condition === "string" && !/COCOA|WIN32|REPLICATION/.test(condition),
};

function recover(
  { reply }: Pick<Masked, "reply">,
  known: Model,
): { live: LiveSchema; found: Map<string, string> } {
  const live = readLiveSchema(reply);
  return { live, found: new Map(recoverNames(live, known, findNameless(live, known))) };
}

for (const [build, has] of Object.entries(BUILDS)) {
  Deno.test(`recoverNames() finds every name of the QEMU that the known schema is of, built ${build}`, () => {
    const masked = mask(QEMU_10, has);
    assertEquals(sorted(recover(masked, SHIPPED).found), sorted(masked.names));
    assert(masked.names.size > 500, `${masked.names.size} types`);
  });

  Deno.test(`recoverNames() finds the names of 7.2 by those of 10.2, but for renamed ones, built ${build}`, () => {
    const masked = mask(QEMU_7, has);
    const { found } = recover(masked, SHIPPED);
    const wrong = [...masked.names].filter(([id, name]) => found.get(id) !== (RENAMED[name] ?? name));
    assertEquals(wrong.map(([id, name]) => `${name} is ${found.get(id) ?? "unnamed"}`), []);
    const same = [...masked.names].filter(([id, name]) => found.get(id) === name).length;
    assert(same / masked.names.size > 0.98, `${same} of ${masked.names.size}`);
  });
}

Deno.test("recoverNames() gives no name twice, and no wrong one, whatever commands a QEMU has that the known schema lacks", () => {
  const masked = mask(QEMU_10);
  const commands = [...SHIPPED.definitions.values()].filter(({ kind }) =>
    kind === "command" || kind === "event"
  );
  const lacking = fc.subarray(commands.map(({ name }) => name));
  fc.assert(
    fc.property(lacking, (names) => {
      const without = new Map(SHIPPED.definitions);
      for (const name of names) without.delete(name);
      const { found } = recover(masked, { ...SHIPPED, definitions: without });
      const wrong = [...found].filter(([id, name]) => (masked.names.get(id) ?? name) !== name);
      assertEquals(wrong, []);
      assertEquals(new Set(found.values()).size, found.size);
    }),
    { numRuns: 12 },
  );
});

const SMALL = `
  { 'enum': 'Colour', 'data': [ 'red', 'green' ] }
  { 'struct': 'Lamp', 'data': { 'colour': 'Colour', 'watts': 'uint8' } }
  { 'struct': 'Room', 'data': { 'lamps': [ 'Lamp' ], 'door': 'Door' } }
  { 'struct': 'Door', 'data': { 'open': 'bool' } }
  { 'command': 'query-room', 'returns': 'Room' }
  { 'command': 'set-lamp', 'data': 'Lamp' }`;

Deno.test("recoverNames() keeps to the likest type where one was split, and leaves the other without a name", () => {
  const masked = mask(
    modelOf(`${SMALL.replace("'set-lamp', 'data': 'Lamp'", "'set-lamp', 'data': 'LampOrder'")}
    { 'struct': 'LampOrder', 'data': { 'watts': 'uint8', 'when': 'str', 'who': 'str' } }
    { 'command': 'order-lamp', 'data': 'LampOrder' }`),
  );
  const { found } = recover(masked, modelOf(SMALL));
  assertEquals(sorted(found), ["Colour", "Door", "Lamp", "Room"]);
});

Deno.test("recoverNames() doesn't take what has nothing in common for the same type, whatever its place", () => {
  const masked = mask(
    modelOf(SMALL.replace("'open': 'bool'", "'material': 'str'").replace("'red', 'green'", "'on', 'off'")),
  );
  const { found } = recover(masked, modelOf(SMALL));
  assertEquals(sorted(found), ["Lamp", "Room"]);
});

Deno.test("recoverNames() tells a type without a known place by its words, if only one is made of them", () => {
  const inPlaceOf = (known: string, live: string) =>
    sorted(recover(mask(modelOf(live)), modelOf(known)).found);
  const elsewhere = "{ 'enum': 'X', 'data': [ 'green', 'red' ] }\n{ 'event': 'E', 'data': { 'x': 'X' } }";
  assertEquals(inPlaceOf(SMALL, elsewhere), ["Colour"]);
  assertEquals(inPlaceOf(`${SMALL}\n{ 'enum': 'Signal', 'data': [ 'green', 'red' ] }`, elsewhere), []);
  // With its name comes what is in it; one word says too little.
  const moved = SMALL.replace("query-room", "ask-room").replace("set-lamp", "put-lamp");
  assertEquals(inPlaceOf(SMALL, moved), ["Colour", "Door", "Lamp", "Room"]);
  const door = "{ 'struct': 'X', 'data': { 'open': 'bool' } }\n{ 'event': 'E', 'data': { 'x': 'X' } }";
  assertEquals(inPlaceOf(SMALL, door), []);
});

function sorted(names: ReadonlyMap<string, string>): string[] {
  return [...names.values()].toSorted();
}
