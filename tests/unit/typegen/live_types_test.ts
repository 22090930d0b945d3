import { assertEquals, assertStringIncludes } from "@std/assert";
import type { SchemaInfo } from "../../../src/qapi/mod.ts";
import { emitModule } from "../../../src/typegen/emit/emit_module.ts";
import { findUsage } from "../../../src/typegen/emit/usage.ts";
import type { Definition, Model } from "../../../src/typegen/mod.ts";
import { writeLiveTypes } from "../../../src/typegen/live_types.ts";
import { shippedModel } from "../../../src/typegen/shipped.ts";
import { firstDifference } from "../../../tools/qapi/difference.ts";
import { decodeFacts } from "../../../tools/qapi/facts.ts";
import qmpFacts from "../../../tools/qapi/facts/qmp.jsonl" with { type: "text" };
import { modelOf } from "../qapi/_read.ts";
import { mask } from "./_mask.ts";

const QEMU_10 = decodeFacts(qmpFacts, "qmp.jsonl");
const FRAME = { commands: "QmpCommands", events: "QmpEvents" };

/** What is written of a QEMU that has this schema, by what another schema knows. */
function write(schema: string, known: string): string {
  const { reply } = mask(modelOf(schema));
  return writeLiveTypes({ reply, qemu: "10.2.2", header: ["// header"], known: modelOf(known) }).text;
}

/** The part of a text from one line on, with that many lines. */
function from(text: string, start: string, lines: number): string {
  const all = text.split("\n");
  const at = all.findIndex((line) => line.startsWith(start));
  return all.slice(at, at + lines).join("\n");
}

/** A schema as one build of it has it, without what no command or event uses. */
function asBuilt(model: Model): Model {
  const { directions } = findUsage(model);
  const used = [...model.definitions].filter(([name, { kind }]) =>
    kind === "command" || kind === "event" || directions(name).size > 0
  );
  const text = JSON.stringify(used, (key, value) => key === "if" ? undefined : value);
  return { ...model, definitions: new Map(JSON.parse(text) as [string, Definition][]) };
}

Deno.test("writeLiveTypes() writes of a masked 10.2 what the generator writes from its source", () => {
  const { reply } = mask(QEMU_10);
  const about =
    "The commands, events and types of QMP, QEMU's machine protocol, as QEMU 10.2.2 has them. Names are spelled as";
  const { text, ...counts } = writeLiveTypes({ reply, qemu: "10.2.2", header: [], known: shippedModel() });
  const expected = emitModule(asBuilt(QEMU_10), { ...FRAME, header: [], about: [about], imports: [] });
  const body = (module: string) => module.slice(module.indexOf("/** What each command takes"));
  assertEquals(firstDifference(body(expected), body(text)), null);
  assertEquals([counts.commands, counts.events, counts.namedByUse], [244, 57, []]);
});

const LAMPS = `
  { 'enum': 'Colour', 'data': [ 'red', 'green' ] }
  { 'struct': 'Lamp', 'data': { 'colour': 'Colour', 'watts': 'uint8' } }
  { 'command': 'query-lamps', 'returns': [ 'Lamp' ] }`;

Deno.test("writeLiveTypes() names what the known schema lacks after where it is used", () => {
  const text = write(
    `${LAMPS.replace("'uint8'", "'uint8', 'switch-state': 'Switch'")}
    { 'enum': 'Switch', 'data': [ 'on', 'off' ] }
    { 'struct': 'Fuse', 'data': { 'amps': 'uint8', 'kind': { 'type': 'FuseKind' } } }
    { 'enum': 'FuseKind', 'data': [ 'slow', 'quick' ] }
    { 'union': 'Wire', 'base': { 'kind': 'FuseKind' }, 'discriminator': 'kind', 'data': { 'slow': 'Slow' } }
    { 'struct': 'Slow', 'data': { 'delay': 'int' } }
    { 'alternate': 'FuseRef', 'data': { 'name': 'str', 'fuse': 'Fuse' } }
    { 'command': 'query-fuses', 'returns': [ 'Fuse' ] }
    { 'command': 'set-fuse', 'data': { 'ref': 'FuseRef', 'state': 'Switch' } }
    { 'command': 'add-wire', 'data': 'Wire', 'boxed': true }
    { 'event': 'FUSE_BLOWN', 'data': { 'fuse': 'Fuse', 'why': 'Reason' } }
    { 'enum': 'Reason', 'data': [ 'heat', 'age' ] }`,
    LAMPS,
  );
  assertStringIncludes(
    text,
    `  "query-fuses": { arguments: NoArguments; returns: QueryFusesResultReceived[] };`,
  );
  assertStringIncludes(
    text,
    `  "set-fuse": { arguments: { ref: SetFuseRef; state: LampSwitchState }; returns: Empty };`,
  );
  assertStringIncludes(text, `  "add-wire": { arguments: AddWireArguments; returns: Empty };`);
  assertStringIncludes(text, "FUSE_BLOWN: { fuse: QueryFusesResultReceived; why: Open<FuseBlownWhy> };");
  assertStringIncludes(text, `export type LampSwitchState = "on" | "off";`);
  assertStringIncludes(text, `export type SetFuseRef = string | QueryFusesResult;`);
  assertEquals(
    from(text, "export type AddWireArguments", 3),
    `export type AddWireArguments =\n  | ({ kind: "slow" } & AddWireArgumentsSlow)\n  | { kind: "quick" };`,
  );
  assertEquals(
    from(text, "export interface Lamp ", 5),
    `export interface Lamp {\n  colour: Open<Colour>;\n  watts: number;\n  "switch-state": Open<LampSwitchState>;\n}`,
  );
});

Deno.test("writeLiveTypes() lets integers that the known schema doesn't know be as large as any", () => {
  const text = write(LAMPS.replace("'uint8'", "'uint8', 'seconds': 'uint8', 'list': [ 'uint16' ]"), LAMPS);
  assertStringIncludes(text, "watts: number;\n  seconds: number | bigint;\n  list: (number | bigint)[];");
});

Deno.test("writeLiveTypes() says what is deprecated and unstable as this QEMU has it, and since when as the schema knows", () => {
  const known = modelOf(LAMPS);
  const lamp = known.definitions.get("query-lamps");
  const dated = { ...known, definitions: new Map(known.definitions) };
  if (lamp !== undefined) dated.definitions.set("query-lamps", { ...lamp, since: "9.0" });
  const { reply } = mask(
    modelOf(LAMPS.replace("[ 'Lamp' ]", "[ 'Lamp' ], 'features': [ 'deprecated', 'unstable' ]")),
  );
  const at = (qemu: string) =>
    from(writeLiveTypes({ reply, qemu, header: [], known: dated }).text, "export interface QmpCommands", 3);
  const said = "@deprecated QEMU means to drop it.";
  assertStringIncludes(writeLiveTypes({ reply, qemu: "9.0.0", header: [], known: dated }).text, said);
  assertEquals(at("10.0.1"), "export interface QmpCommands {\n  /**\n   * Since 9.0.");
  assertEquals(at("9.0.0"), "export interface QmpCommands {\n  /**\n   * Since 9.0.");
  assertEquals(at("8.2.9"), `export interface QmpCommands {\n  /**\n   * ${said}`);
});

Deno.test("writeLiveTypes() passes over what a newer QEMU says in a way of its own", () => {
  const reply = [
    { name: "new-command", "meta-type": "command", "arg-type": "1", "ret-type": "7", more: true },
    {
      name: "1",
      "meta-type": "object",
      members: [{ name: "to", type: "99" }, { name: "all", type: "[99]" }],
    },
    { name: "7", "meta-type": "tuple", members: [] },
    { name: "[99]", "meta-type": "array", "element-type": "99" },
    { name: "str", "meta-type": "builtin", "json-type": "ustring" },
    { name: "NEW_EVENT", "meta-type": "event", "arg-type": "2" },
    { name: "2", "meta-type": "object", members: [{ name: "text", type: "str" }] },
  ] as unknown as readonly SchemaInfo[];
  const { text } = writeLiveTypes({ reply, qemu: "12.0.0", header: [], known: modelOf(LAMPS) });
  assertStringIncludes(
    text,
    `"new-command": { arguments: { to: unknown; all: readonly unknown[] }; returns: unknown };`,
  );
  assertStringIncludes(text, "NEW_EVENT: { text: unknown };");
});

Deno.test("writeLiveTypes() reads enums as QEMU said them up to 6.1, by their values only", () => {
  const { reply } = mask(modelOf(LAMPS));
  const old = reply.map((entity) => {
    if (entity["meta-type"] !== "enum") return entity;
    const { members: _, ...rest } = entity;
    return rest as SchemaInfo;
  });
  const { text } = writeLiveTypes({ reply: old, qemu: "6.1.0", header: [], known: modelOf(LAMPS) });
  assertStringIncludes(text, `export type Colour = "red" | "green";`);
});

Deno.test("writeLiveTypes() gives a type of its own to no name that the module needs or another one has", () => {
  const text = write(
    `{ 'command': 'qmp', 'data': { 'commands': 'A', 'other-received': 'B', 'other': 'C' } }
    { 'enum': 'A', 'data': [ 'a', 'b' ] }
    { 'enum': 'B', 'data': [ 'c', 'd' ] }
    { 'struct': 'C', 'data': { 'a': 'A' } }`,
    LAMPS,
  );
  const names = [...text.matchAll(/^export (?:type|interface) (\w+)/gm)].map(([, name]) => name);
  // QmpOther and QmpCommands would have been wished for; a second form of QmpOther would be a QmpOtherReceived.
  assertEquals(names, ["QmpCommands", "QmpEvents", "QmpCommands2", "QmpOtherReceived", "QmpOther2"]);
});

Deno.test("writeLiveTypes() leaves members where they are when what had a base together doesn't agree on it", () => {
  const based = (first: string, second: string) => `
    { 'struct': 'Base', 'data': { 'a': 'str', 'b': 'int' } }
    { 'struct': 'First', ${first} }
    { 'struct': 'Second', ${second} }
    { 'command': 'query-first', 'returns': 'First' }
    { 'command': 'query-second', 'returns': 'Second' }`;
  const known = based("'base': 'Base', 'data': { 'c': 'str' }", "'base': 'Base', 'data': {}");
  assertStringIncludes(write(known, known), "export interface First extends Base {\n  c: string;\n}");
  assertStringIncludes(write(known, known), "export type Second = Base;");
  const other = based("'data': { 'a': 'str', 'b': 'int', 'c': 'str' }", "'data': { 'a': 'int' }");
  const text = write(other, known);
  assertStringIncludes(
    text,
    "export interface First {\n  a: string;\n  b: number | bigint;\n  c: string;\n}",
  );
  assertStringIncludes(text, "export interface Second {\n  a: number | bigint;\n}");
  assertEquals(text.includes("Base"), false);
});
