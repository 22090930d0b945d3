import { assertEquals, assertThrows } from "@std/assert";
import { SchemaError } from "../../../tools/qapi/read/source_error.ts";
import { modelOf } from "./_read.ts";

const E = "{ 'enum': 'E', 'data': [ 'a', 'b' ] }";
const S = "{ 'struct': 'S', 'data': { 'x': 'int' } }";

Deno.test("checkSchema() keeps the definitions in their order, and takes a type that is defined later", () => {
  const model = modelOf(`{ 'struct': 'T', 'data': { 's': [ 'S' ], '*t': 'T' } } ${S} ${E}`);
  assertEquals([...model.definitions.keys()], ["T", "S", "E"]);
});

Deno.test("checkSchema() takes a union as a union's branch, and as boxed data", () => {
  const inner = "{ 'union': 'U', 'base': { 'e': 'E' }, 'discriminator': 'e', 'data': { 'a': 'S' } }";
  const outer = "{ 'union': 'V', 'base': { 'f': 'E' }, 'discriminator': 'f', 'data': { 'b': 'U' } }";
  modelOf(`${E} ${S} ${inner} ${outer} { 'command': 'c', 'data': 'V', 'boxed': true }`);
});

const REFUSED: Readonly<Record<string, [string, string]>> = {
  "a name that is taken": [
    `${S}\n{ 'event': 'S' }`,
    "s.json:2: expected a name that is not taken, found 'S', also at s.json:1",
  ],
  "the name of a built-in type": [
    "{ 'enum': 'size', 'data': [] }",
    "s.json:1: expected a name that is not taken, found 'size', which is built in",
  ],
  "an unknown type": [
    "{ 'struct': 'T', 'data': { 'x': [ 'Gone' ] } }",
    "s.json:1: expected a type for member 'x' (in struct 'T'), found a list of unknown name 'Gone'",
  ],
  "a command as a type": [
    "{ 'command': 'c' } { 'event': 'E', 'data': { 'x': 'c' } }",
    "s.json:1: expected a type for member 'x' (in event 'E'), found command 'c'",
  ],
  "an unknown result": [
    "{ 'command': 'c', 'returns': 'Gone' }",
    "s.json:1: expected a type for 'returns' (in command 'c'), found unknown name 'Gone'",
  ],
  "an enum as base": [
    `${E} { 'struct': 'T', 'base': 'E', 'data': {} }`,
    "s.json:1: expected a struct as base (in struct 'T'), found enum 'E'",
  ],
  "bases in a circle": [
    "{ 'command': 'c', 'data': 'A' } { 'struct': 'A', 'base': 'B', 'data': {} } { 'struct': 'B', 'base': 'A', 'data': {} }",
    "s.json:1: expected a base that doesn't have this struct as its own (in struct 'A'), found 'A'",
  ],
  "a base's member again": [
    `${S} { 'struct': 'T', 'base': 'S', 'data': { '*x': 'str' } }`,
    "s.json:1: expected each member once (in struct 'T'), found 'x' again",
  ],
  "a discriminator that is not there": [
    `${E} ${S} { 'union': 'U', 'base': { 'e': 'E' }, 'discriminator': 'f', 'data': { 'a': 'S' } }`,
    "s.json:1: expected a member 'f' in the base (in union 'U'), found none",
  ],
  "a discriminator that is no enum": [
    `${S} { 'union': 'U', 'base': { 'e': 'str' }, 'discriminator': 'e', 'data': { 'a': 'S' } }`,
    "s.json:1: expected an enum that is always there as discriminator 'e' (in union 'U'), found 'str'",
  ],
  "a discriminator that may be missing": [
    `${E} ${S} { 'union': 'U', 'base': { '*e': 'E' }, 'discriminator': 'e', 'data': { 'a': 'S' } }`,
    "s.json:1: expected an enum that is always there as discriminator 'e' (in union 'U'), found an optional 'E'",
  ],
  "a branch for no value": [
    `${E} ${S} { 'union': 'U', 'base': { 'e': 'E' }, 'discriminator': 'e', 'data': { 'c': 'S' } }`,
    "s.json:1: expected a value of enum 'E' as branch (in union 'U'), found 'c'",
  ],
  "a branch that is no object": [
    `${E} { 'union': 'U', 'base': { 'e': 'E' }, 'discriminator': 'e', 'data': { 'a': 'int' } }`,
    "s.json:1: expected a struct or union for branch 'a' (in union 'U'), found built-in type 'int'",
  ],
  "a branch with the base's member": [
    `${E} ${S} { 'union': 'U', 'base': { 'e': 'E', 'x': 'str' }, 'discriminator': 'e', 'data': { 'a': 'S' } }`,
    "s.json:1: expected each member once with branch 'a' (in union 'U'), found 'x' again",
  ],
  "alternatives that JSON doesn't tell apart": [
    `${E} { 'alternate': 'A', 'data': { 'name': 'str', 'value': 'E' } }`,
    "s.json:1: expected branches of different JSON kinds (in alternate 'A'), found 'name' and 'value', both strings",
  ],
  "a union as data that is not boxed": [
    `${E} ${S} { 'union': 'U', 'base': { 'e': 'E' }, 'discriminator': 'e', 'data': { 'a': 'S' } }
{ 'command': 'c', 'data': 'U' }`,
    "s.json:2: expected a struct, or a union with 'boxed' as data of this command (in command 'c'), found union 'U'",
  ],
};

Deno.test("checkSchema() refuses what doesn't fit together, with file and line", async (t) => {
  for (const [what, [text, message]] of Object.entries(REFUSED)) {
    await t.step(what, () => assertEquals(assertThrows(() => modelOf(text), SchemaError).message, message));
  }
});
