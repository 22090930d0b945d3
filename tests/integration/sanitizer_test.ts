// A test of the tests: what leaks must fail, with the very settings that the other tests run with.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { STEPS } from "../../tools/test/steps.ts";

const ROOT = new URL("../..", import.meta.url);

/** Runs a file as the step of `deno task test` runs its own. */
async function runAs(step: string, file: string): Promise<{ success: boolean; output: string }> {
  const flags = STEPS.find(({ name }) => name === step)?.args.filter((arg) => !isPath(arg)) ?? [];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...flags, `tests/testdata/leaks/${file}`],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return { success, output: new TextDecoder().decode(stdout) };
}

function isPath(arg: string): boolean {
  return arg.includes("/") && !arg.startsWith("-") || /^(?:src|mod\.ts|README\.md)$/.test(arg);
}

Deno.test("an integration test that leaks an operation fails", async () => {
  const { success, output } = await runAs("integration", "ops.ts");
  assertEquals(success, false);
  assertStringIncludes(output, "Leaks detected");
  assertStringIncludes(output, "FAILED | 0 passed | 1 failed");
});

Deno.test("an integration test that leaks a resource fails", async () => {
  const { success, output } = await runAs("integration", "resources.ts");
  assertEquals(success, false);
  assertStringIncludes(output, "Leaks detected");
  assertStringIncludes(output, "FAILED | 0 passed | 1 failed");
});

Deno.test("a unit test that leaks an operation fails", async () => {
  const { success, output } = await runAs("unit", "ops.ts");
  assertEquals(success, false);
  assertStringIncludes(output, "Leaks detected");
});

Deno.test("a code block of the documentation that leaks fails", async () => {
  const { success, output } = await runAs("doc", "block.md");
  assertEquals(success, false);
  assertStringIncludes(output, "Leaks detected");
});

Deno.test("a test that leaks nothing succeeds", async () => {
  const { success, output } = await runAs("integration", "clean.ts");
  assertEquals(success, true, output);
  assertStringIncludes(output, "ok | 1 passed | 0 failed");
});
