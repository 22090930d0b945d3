import { assertEquals } from "@std/assert";
import { checkFences } from "../../../tools/check_fences.ts";

const FENCE = "```";

Deno.test("checkFences() has nothing to say of blocks that assert, nor of those that are no code of ours", () => {
  const text = `text\n${FENCE}ts\nassertEquals(1, 1);\n${FENCE}\n${FENCE}sh\ndeno task demo\n${FENCE}\n`;
  assertEquals(checkFences(text), []);
});

Deno.test("checkFences() finds blocks in comments as in Markdown", () => {
  const text = `/**\n * ${FENCE}ts\n * foo();\n * ${FENCE}\n */\n`;
  assertEquals(checkFences(text), [{ line: 2, message: "the code block asserts nothing" }]);
});

Deno.test("checkFences() finds blocks that are exempt from being run", () => {
  for (const attributes of ["ts ignore", "ts no_run", "ts, ignore", "js title=x ignore", "ignore"]) {
    const text = `${FENCE}${attributes}\nassert(true);\n${FENCE}\n`;
    const word = attributes.includes("no_run") ? "no_run" : "ignore";
    assertEquals(checkFences(text), [
      { line: 1, message: `the code block is marked "${word}" and so not run` },
    ], attributes);
  }
});

Deno.test("checkFences() finds a block that only imports an assertion", () => {
  const text = `${FENCE}ts\nimport { assert } from "@std/assert";\nfoo();\n${FENCE}\n`;
  assertEquals(checkFences(text).length, 1);
});
