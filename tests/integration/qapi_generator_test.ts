// The generator as it is run, on small source trees.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const MAIN = new URL("../../tools/qapi/main.ts", import.meta.url).pathname;

/** Runs the generator in check mode, which writes nothing. */
async function check(args: readonly string[]): Promise<{ code: number; text: string }> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--frozen", "--allow-read", MAIN, "--check", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code: output.code, text: `${decoder.decode(output.stdout)}${decoder.decode(output.stderr)}` };
}

/** A source tree of these files. */
async function withTree(
  files: Readonly<Record<string, string>>,
  body: (tree: string) => Promise<void>,
): Promise<void> {
  const tree = await Deno.makeTempDir({ prefix: "qeeper-tree-" });
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${tree}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${tree}/${path}`, text);
    }
    await body(tree);
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

const QGA = { "qga/qapi-schema.json": "{ 'command': 'guest-ping' }\n" };

Deno.test("the generator finds nothing to change in this repository, without a QEMU tree", async () => {
  const { code, text } = await check([]);
  assertMatch(text, /5 files are as they would be written\n$/);
  assertEquals(code, 0);
});

Deno.test("the generator names each file that another tree would change, and exits with 1", async () => {
  const qmp = { "VERSION": "9.9.9\n", "qapi/qapi-schema.json": "{ 'event': 'STOP' }\n" };
  await withTree({ ...QGA, ...qmp }, async (tree) => {
    const { code, text } = await check([tree]);
    assertEquals(code, 1);
    assertStringIncludes(text, "qmp of QEMU 9.9.9: 1 event\n");
    for (const path of ["tools/qapi/facts/qmp.jsonl", "src/qapi/qmp.gen.ts", "src/qapi/qga_names.gen.ts"]) {
      assertStringIncludes(text, `\n${path} line 1 is `);
    }
  });
});

Deno.test("the generator says file, line, what was expected and what was found at a syntax error", async () => {
  const qmp = {
    "VERSION": "9.9.9\n",
    "qapi/qapi-schema.json": "{ 'include': 'block.json' }\n",
    "qapi/block.json": "# a comment\n{ 'event': 'STOP'\n  'data': {} }\n",
  };
  await withTree({ ...QGA, ...qmp }, async (tree) => {
    const { code, text } = await check([tree]);
    assertEquals(text, `${tree}/qapi/block.json:3: expected "," or "}", found 'data'\n`);
    assertEquals(code, 1);
  });
});

Deno.test("the generator refuses a storage daemon with definitions of its own", async () => {
  const files = {
    "VERSION": "9.9.9\n",
    "qapi/qapi-schema.json": "{ 'event': 'STOP' }\n",
    "storage-daemon/qapi/qapi-schema.json":
      "{ 'include': '../../qapi/qapi-schema.json' }\n{ 'event': 'OWN' }\n",
  };
  await withTree({ ...QGA, ...files }, async (tree) => {
    const { code, text } = await check([tree]);
    assertStringIncludes(text, "the storage daemon's schema has OWN, which QEMU's own has not");
    assertEquals(code, 1);
  });
});

Deno.test("the generator wants a source tree whose version it can tell", async () => {
  await withTree({ ...QGA, "qapi/qapi-schema.json": "{ 'event': 'STOP' }\n" }, async (tree) => {
    assertStringIncludes((await check([tree])).text, "give it with --qemu-version");
    assertStringIncludes((await check(["--qemu-version", "9.9.8", tree])).text, "qmp of QEMU 9.9.8");
    const { code, text } = await check([`${tree}/qapi`]);
    assertStringIncludes(text, "it is no QEMU source tree");
    assertEquals(code, 1);
  });
});

Deno.test("the generator refuses options that it doesn't have, with exit code 2", async () => {
  const { code, text } = await check(["--chek"]);
  assertStringIncludes(text, 'Cannot generate: there is no option "--chek"');
  assertEquals(code, 2);
});
