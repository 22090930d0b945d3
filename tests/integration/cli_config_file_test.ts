import { assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import { readConfigFile } from "../../src/cli/config_file.ts";
import { ConfigError } from "../../src/machine/mod.ts";

/** A folder with a `vm.jsonc`, which is gone afterwards. */
async function withConfig(
  text: string | Uint8Array,
  use: (file: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "qeeper-cli-" });
  try {
    const file = `${folder}/vm.jsonc`;
    if (typeof text === "string") await Deno.writeTextFile(file, text);
    else await Deno.writeFile(file, text);
    await use(file, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readConfigFile() reads JSON with comments, and resolves files in the config's own folder", async () => {
  const text =
    '\ufeff{ // the root\n"name": "web", "kernel": "/boot/k", "drives": [{ "file": "./a,b.img" },], /* end */ }';
  await withConfig(text, async (file, folder) => {
    const { config } = await readConfigFile(file);
    assertEquals(config, { name: "web", kernel: "/boot/k", drives: [{ file: `${folder}/a,b.img` }] });
  });
});

Deno.test("readConfigFile() appends raw arguments to the config's own", async () => {
  await withConfig('{ "extraArgs": ["-a"] }', async (file) => {
    assertEquals((await readConfigFile(file, ["-b", "c"])).config, { extraArgs: ["-a", "-b", "c"] });
  });
});

Deno.test("readConfigFile() says where a config is wrong, what was found and what was expected", async () => {
  const cases: [string, RegExp][] = [
    [
      '{\n  "drives": [\n    { "fiel": "a" }\n  ]\n}',
      /:3:7: drives\[0\]\.fiel: unknown key, did you mean "file"\?/,
    ],
    ['{\n  "memoryMiB": "64" }', /:2:3: memoryMiB: expected .*, found "64"/],
    ['{ "drives": [{}] }', /:1:14: drives\[0\]\.file: expected .*, found nothing/],
    ["[]", /:1:1: expected an object/],
    ["{\n  'name': 1 }", /:2:3: not valid JSON with comments: unexpected token "'name'"/],
    ['{ "name": "a"', /:1:14: not valid JSON with comments: unexpected end of the file/],
    ['{\n "name": "a", "cpus": 1, "name": "b" }', /:2:26: name: the key is there twice/],
    ["", /:1:1: not valid JSON/],
  ];
  for (const [text, message] of cases) {
    await withConfig(text, async (file) => {
      const error = await assertRejects(() => readConfigFile(file), UsageError);
      assertEquals(error.message.startsWith(file), true, error.message);
      assertEquals(message.test(error.message), true, error.message);
      assertEquals(error.about, "config");
    });
  }
});

Deno.test("readConfigFile() reports every problem at once, each on a line", async () => {
  await withConfig('{ "cpus": 0,\n"nmae": "x" }', async (file) => {
    const { message } = await assertRejects(() => readConfigFile(file), UsageError);
    assertEquals(message.split("\n").map((line) => line.slice(file.length).split(": ")[0]), [":1:3", ":2:1"]);
  });
});

Deno.test("readConfigFile() explains an error about its files that is found later", async () => {
  await withConfig('{\n  "kernel": "k" }', async (file) => {
    const { explain } = await readConfigFile(file);
    const later = new ConfigError([{ path: "kernel", expected: "an existing file", found: "/k" }]);
    assertEquals(explain(later).message, `${file}:2:3: kernel: expected an existing file, found /k`);
  });
});

Deno.test("readConfigFile() says that there is no such file, or that it is a folder", async () => {
  await withConfig("{}", async (file, folder) => {
    await assertRejects(() => readConfigFile(`${file}.missing`), UsageError, "there is no such file");
    await assertRejects(
      () => readConfigFile(folder),
      UsageError,
      `Cannot read the config ${folder}: Is a directory`,
    );
  });
});
