import { assertEquals } from "@std/assert";
import { checkLayers } from "../../../tools/layers/check.ts";
import { PURE_FILES } from "../../../tools/layers/rules.ts";
import { type Import, scan } from "../../../tools/layers/scan.ts";

/** A house in which every rule is kept. */
const GOOD: Readonly<Record<string, string>> = {
  ...Object.fromEntries(PURE_FILES.filter((file) => !file.endsWith("/")).map((file) => [file, ""])),
  "mod.ts": 'export { launch } from "./src/vm/mod.ts";',
  "src/cli/main.ts": 'import { launch } from "../vm/mod.ts";\nconst net = await import("node:net");',
  "src/cli/shell/language/line.ts": "",
  "src/machine/argv.ts": 'import type { Address } from "../qmp/address.ts";\nexport const x = 1;',
  "src/qmp/address.ts": "export interface Address {}",
  "src/qmp/decoder.ts": 'import { spell } from "./_spell.ts"; // not Deno.readFile, nor Date.now()',
  "src/qmp/_spell.ts": 'export const spell = "setTimeout Math.random Deno.";',
  "src/qmp/message.ts": 'import type { X } from "../qapi/mod.ts";',
  "src/qapi/mod.ts": "",
  "src/supervisor/policy.ts":
    "const re = /['\"]/; function next(now: Date) { return new Date(now.getTime() + 1); }",
  "src/typegen/model.ts": "",
  "src/vm/mod.ts": 'export * from "./launch.ts";',
  "src/vm/launch.ts": 'import { argv } from "../machine/argv.ts";\nsetTimeout(() => Deno.exit(), 1);',
};

function check(changes: Readonly<Record<string, string>>): string[] {
  const files = new Map(Object.entries({ ...GOOD, ...changes }));
  return checkLayers(files).map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

Deno.test("checkLayers() has nothing to say of a house in order", () => {
  assertEquals(check({}), []);
});

Deno.test("checkLayers() finds an arrow that points up", () => {
  assertEquals(check({ "src/vm/mod.ts": '\n\nimport { Supervisor } from "../supervisor/mod.ts";' }), [
    "src/vm/mod.ts:3: src/vm may not import src/supervisor, only machine, qmp, qga",
  ]);
});

Deno.test("checkLayers() finds a broken arrow in every form of import", () => {
  const forms = [
    'import "../vm/mod.ts";',
    'import x from "../vm/mod.ts";',
    'import * as x from "../vm/mod.ts";',
    'import {\n  a,\n  type B,\n} from "../vm/mod.ts";',
    'import type { B } from "../vm/mod.ts";',
    'export * from "../vm/mod.ts";',
    'export { a } from "../vm/mod.ts";',
    'export type { B } from "../vm/mod.ts";',
    'const x = await import("../vm/mod.ts");',
    "const x = import('../vm/mod.ts');",
    'const text = `${"`"} ${{ a: 1 }.a}`; import "../vm/mod.ts";',
  ];
  for (const form of forms) {
    assertEquals(check({ "src/qmp/message.ts": form }), [
      "src/qmp/message.ts:1: src/qmp may not import src/vm, only qapi",
    ], form);
  }
});

Deno.test("checkLayers() lets machine have the address only as a type", () => {
  assertEquals(check({ "src/machine/argv.ts": 'import { format } from "../qmp/address.ts";' }), [
    "src/machine/argv.ts:1: src/machine/argv.ts may import src/qmp/address.ts with `import type` only",
  ]);
  assertEquals(check({ "src/machine/argv.ts": 'import { type Address } from "../qmp/address.ts";' }), []);
  assertEquals(check({ "src/machine/argv.ts": 'import type { X } from "../qmp/decoder.ts";' }), [
    "src/machine/argv.ts:1: src/machine may not import src/qmp, only nothing",
  ]);
});

Deno.test("checkLayers() keeps private files to their folder and src to itself", () => {
  assertEquals(
    check({ "src/vm/launch.ts": 'import "../qmp/_spell.ts";\nimport "../../tools/setup.ts";' }),
    [
      "src/vm/launch.ts:1: src/qmp/_spell.ts is private to its folder",
      "src/vm/launch.ts:2: src/ may not import tools/setup.ts, which is outside of it",
    ],
  );
});

Deno.test("checkLayers() asks for the rules of a room that it does not know", () => {
  assertEquals(check({ "src/attic/mod.ts": "" }), [
    "src/attic/mod.ts:1: src/attic is no room of the house: say in the rules what it may use",
  ]);
});

Deno.test("checkLayers() finds node: modules that mod.ts pulls in, over any number of files", () => {
  assertEquals(check({ "src/machine/argv.ts": 'import "node:net";\nimport type { X } from "node:tls";' }), [
    "src/machine/argv.ts:1: mod.ts may not pull in node:net, which makes every launch slower",
  ]);
});

Deno.test("checkLayers() lets files have node: modules that mod.ts does not pull in", () => {
  assertEquals(check({ "src/cli/main.ts": 'import "node:net";' }), []);
});

Deno.test("checkLayers() finds what mod.ts would load though it can be loaded while QEMU starts", () => {
  const waits = 'import "../qmp/errors.ts";\nawait import("../qmp/connection.ts");';
  const house = { "src/qmp/errors.ts": "", "src/qmp/connection.ts": "" };
  assertEquals(check({ ...house, "src/vm/launch.ts": waits }), []);
  assertEquals(check({ ...house, "src/vm/launch.ts": `${waits}\nimport "../qmp/connection.ts";` }), [
    "src/vm/launch.ts:3: mod.ts may not pull in src/qmp/connection.ts: import it when it is wanted",
  ]);
});

Deno.test("checkLayers() finds what the launching entry would load before the spawn, and no types nor what waits", () => {
  const alone = 'export { launch } from "./launch.ts";\nexport type { Verdict } from "./verdict.ts";';
  const launching = 'import "../qmp/logger.ts";\nawait import("./verdict.ts");';
  const house = { "src/vm/launch_alone.ts": alone, "src/qmp/logger.ts": "", "src/vm/verdict.ts": "" };
  assertEquals(check({ ...house, "src/vm/launch.ts": launching }), []);
  assertEquals(check({ ...house, "src/vm/launch.ts": `${launching}\nimport "../qmp/message.ts";` }), [
    "src/vm/launch.ts:3: src/vm/launch_alone.ts may not pull in src/qmp/message.ts: import it after the spawn",
  ]);
});

Deno.test("checkLayers() finds the system, the clock, chance and waiting in pure files", () => {
  const impure: [code: string, what: string][] = [
    ["Deno.readTextFile(path)", "Deno"],
    ["Date.now()", "Date.now"],
    ["new Date()", "new Date()"],
    ["Math.random()", "Math.random"],
    ["setTimeout(f, 1)", "setTimeout"],
    ["performance.now()", "performance.now"],
    ["`${Deno.pid}`", "Deno"],
  ];
  for (const [code, what] of impure) {
    assertEquals(check({ "src/vm/verdict.ts": `\nconst x = ${code};` }), [
      `src/vm/verdict.ts:2: a pure file may not use ${what}`,
    ]);
    assertEquals(check({ "src/machine/new_file.ts": `const x = ${code};` }), [
      `src/machine/new_file.ts:1: a pure file may not use ${what}`,
    ]);
  }
});

Deno.test("checkLayers() says when a file that should be pure is gone", () => {
  const files = new Map(Object.entries(GOOD));
  files.delete("src/vm/verdict.ts");
  assertEquals(checkLayers(files).map(({ file, message }) => `${file} ${message}`), [
    "src/vm/verdict.ts is listed as pure in the rules and does not exist",
  ]);
});

Deno.test("scan() tells static, type and dynamic imports apart, with their lines", () => {
  const source = `/* import "a" */
import b from "b"; // import "c"
import type { D } from 'd';
import { type E, type F } from "e";
import { type G, h } from "g";
export type { I } from "i";
export const from = "j";
const k = "import 'k'";
const l = /import "l"/.test("x") ? 1 / 2 : 2;
await import("m");
const n = \`import "n" \${await import("o")}\`;
`;
  const expected: Import[] = [
    { specifier: "b", line: 2, kind: "static" },
    { specifier: "d", line: 3, kind: "type" },
    { specifier: "e", line: 4, kind: "type" },
    { specifier: "g", line: 5, kind: "static" },
    { specifier: "i", line: 6, kind: "type" },
    { specifier: "m", line: 10, kind: "dynamic" },
    { specifier: "o", line: 11, kind: "dynamic" },
  ];
  assertEquals(scan(source).imports, expected);
});

Deno.test("scan() keeps the places of the code that it bares", () => {
  const source = "a(/[/'\"]/g, 'b\\'c', `d${{ e: 1 }.e}f`) // g\n/* h\n */ i";
  const { code } = scan(source);
  assertEquals(code.length, source.length);
  assertEquals(code.replaceAll(" ", ""), "a(//g,'',`{{e:1}.e}`)\n\ni");
});
