import { assertEquals, assertThrows } from "@std/assert";
import { SchemaError } from "../../../tools/qapi/read/source_error.ts";
import { loadTexts } from "./_read.ts";

function first(text: string): unknown {
  return loadTexts({ "s.json": text })[0]?.definition;
}

const READ: Readonly<Record<string, [string, unknown]>> = {
  "an enum with features, conditions and versions of its values": [
    `##
# @E:
# @b: (since 2.0)
# Since: 1.0
##
{ 'enum': 'E', 'prefix': 'E_', 'if': { 'not': 'CONFIG_A' },
  'data': [ 'a', { 'name': 'b', 'if': 'CONFIG_B', 'features': [ 'deprecated' ] } ] }`,
    {
      kind: "enum",
      name: "E",
      since: "1.0",
      if: { not: "CONFIG_A" },
      values: [{ name: "a" }, {
        name: "b",
        since: "2.0",
        if: "CONFIG_B",
        features: [{ name: "deprecated" }],
      }],
    },
  ],
  "a struct with a base, optional members, lists and a condition of conditions": [
    `{ 'struct': 'S', 'base': 'B', 'if': { 'all': [ 'A', { 'any': [ 'B', 'C' ] } ] },
       'data': { 'x': 'int', '*y': [ 'str' ], 'z': { 'type': 'T', 'if': 'CONFIG_Z' } } }`,
    {
      kind: "struct",
      name: "S",
      base: "B",
      if: { all: ["A", { any: ["B", "C"] }] },
      members: [
        { name: "x", type: { name: "int", list: false }, optional: false },
        { name: "y", type: { name: "str", list: true }, optional: true },
        { name: "z", if: "CONFIG_Z", type: { name: "T", list: false }, optional: false },
      ],
    },
  ],
  "a struct with features that have conditions": [
    `{ 'struct': 'S', 'data': {}, 'features': [ 'json-cli', { 'name': 'fdset', 'if': 'CONFIG_LINUX' } ] }`,
    {
      kind: "struct",
      name: "S",
      features: [{ name: "json-cli" }, { name: "fdset", if: "CONFIG_LINUX" }],
      members: [],
    },
  ],
  "a union with its base in place": [
    `{ 'union': 'U', 'base': { 'type': 'E', '*id': 'str' }, 'discriminator': 'type',
       'data': { 'a': 'A', 'b': { 'type': 'B', 'if': 'CONFIG_B' } } }`,
    {
      kind: "union",
      name: "U",
      base: [
        { name: "type", type: { name: "E", list: false }, optional: false },
        { name: "id", type: { name: "str", list: false }, optional: true },
      ],
      discriminator: "type",
      branches: [
        { name: "a", type: { name: "A", list: false } },
        { name: "b", type: { name: "B", list: false }, if: "CONFIG_B" },
      ],
    },
  ],
  "a union with a named base": [
    `{ 'union': 'U', 'base': 'B', 'discriminator': 'kind', 'data': { 'a': 'A' } }`,
    {
      kind: "union",
      name: "U",
      base: "B",
      discriminator: "kind",
      branches: [{ name: "a", type: { name: "A", list: false } }],
    },
  ],
  "an alternate": [
    `{ 'alternate': 'A', 'data': { 'one': 'int', 'many': [ 'int' ], 'none': 'null' } }`,
    {
      kind: "alternate",
      name: "A",
      branches: [
        { name: "one", type: { name: "int", list: false } },
        { name: "many", type: { name: "int", list: true } },
        { name: "none", type: { name: "null", list: false } },
      ],
    },
  ],
  "a command with every flag": [
    `{ 'command': 'c', 'data': 'D', 'boxed': true, 'returns': [ 'R' ], 'gen': false, 'success-response': false,
       'allow-oob': true, 'allow-preconfig': true, 'coroutine': true, 'features': [ 'unstable' ] }`,
    {
      kind: "command",
      name: "c",
      features: [{ name: "unstable" }],
      payload: { kind: "type", type: "D", boxed: true },
      returns: { name: "R", list: true },
      flags: ["allow-oob", "allow-preconfig", "coroutine", "gen", "success-response"],
    },
  ],
  "a command with flags as usual, and data in place": [
    `{ 'command': 'c', 'data': { '*a': 'size' }, 'gen': true, 'success-response': true, 'allow-oob': false }`,
    {
      kind: "command",
      name: "c",
      payload: {
        kind: "members",
        members: [{ name: "a", type: { name: "size", list: false }, optional: true }],
      },
      flags: [],
    },
  ],
  "a command with nothing": [
    "{ 'command': 'c', 'data': {} }",
    { kind: "command", name: "c", payload: { kind: "none" }, flags: [] },
  ],
  "a boxed event": [
    "{ 'event': 'E', 'data': 'D', 'boxed': true }",
    { kind: "event", name: "E", payload: { kind: "type", type: "D", boxed: true } },
  ],
};

Deno.test("readDefinition() reads each kind of definition", async (t) => {
  for (const [what, [text, expected]] of Object.entries(READ)) {
    await t.step(what, () => assertEquals(first(text), expected));
  }
});

const REFUSED: Readonly<Record<string, [string, string]>> = {
  "an unknown kind": [
    "{ 'class': 'C' }",
    "s.json:1: expected one of 'enum', 'struct', 'union', 'alternate', 'command', 'event', 'include', 'pragma', found 'class'",
  ],
  "a missing part": ["\n{ 'struct': 'S' }", "s.json:2: expected 'data' in a struct, found 'struct'"],
  "an unknown part": [
    "{ 'event': 'E',\n  'returns': 'X' }",
    "s.json:2: expected 'event', 'data', 'boxed', 'if', 'features', 'since' in an event, found 'returns'",
  ],
  "a flag that is no boolean": [
    "{ 'command': 'c', 'allow-oob': 'yes' }",
    "s.json:1: expected true or false for 'allow-oob', found 'yes'",
  ],
  "a type that is no name": [
    "{ 'struct': 'S', 'data': {\n 'a': [ 'int', 'str' ] } }",
    "s.json:2: expected a type's name, or a list with one type's name, found a list",
  ],
  "a condition of two": [
    "{ 'event': 'E', 'if': { 'any': [], 'all': [] } }",
    "s.json:1: expected a build symbol in capitals, or an object with one of 'all', 'any', 'not' for 'if', found 'any', 'all'",
  ],
  "a condition that is an expression": [
    "{ 'event': 'E', 'if': 'defined(A)' }",
    "s.json:1: expected a build symbol in capitals, or an object with one of 'all', 'any', 'not' for 'if', found 'defined(A)'",
  ],
  "an enum's value twice": [
    "{ 'enum': 'E', 'data': [ 'a', 'b', 'a' ] }",
    "s.json:1: expected each name once in enum 'E', found 'a' again",
  ],
  "a member twice": [
    "{ 'struct': 'S', 'data': {\n 'a': 'int',\n 'a': 'str' } }",
    "s.json:3: expected each member once, found 'a' again",
  ],
  "a name with a space": [
    "{ 'event': 'A B' }",
    's.json:1: expected an event\'s name of letters, digits, "-" and "_", found \'A B\'',
  ],
  "boxed without a type": [
    "{ 'command': 'c', 'boxed': true, 'data': { 'a': 'int' } }",
    "s.json:1: expected a type's name for 'data', since 'boxed' is true, found something else",
  ],
  "a union without branches": [
    "{ 'union': 'U', 'base': 'B', 'discriminator': 'd', 'data': {} }",
    "s.json:1: expected at least one branch in union 'U', found none",
  ],
  "a list where an object belongs": [
    "{ 'struct': 'S', 'data': [ 'a' ] }",
    "s.json:1: expected an object for 'data', found a list",
  ],
  "an expression that is no object": ["[ 'a' ]", 's.json:1: expected "{", found "["'],
  "a missing comma": ["{ 'event': 'E'\n 'data': {} }", 's.json:2: expected "," or "}", found \'data\''],
  "a comma too many": [
    "{ 'event': 'E', }",
    's.json:1: expected a member\'s name in single quotes, found "}"',
  ],
  "an end too early": [
    "{ 'event':\n",
    "s.json:2: expected a string, true, false, a list or an object, found the end of the file",
  ],
  "a list without commas": [
    "{ 'enum': 'E', 'data': [ 'a' 'b' ] }",
    's.json:1: expected "," or "]", found \'b\'',
  ],
};

Deno.test("readDefinition() refuses the rest, with file, line, what was expected and what was found", async (t) => {
  for (const [what, [text, message]] of Object.entries(REFUSED)) {
    await t.step(what, () => assertEquals(assertThrows(() => first(text), SchemaError).message, message));
  }
});
