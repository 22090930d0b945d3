import { assertEquals } from "@std/assert";
import { guestTest } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

guestTest("a step of a test fails", async (t) => {
  const vm = await t.boot(uniConfig());
  await vm.console.expect("READY");
  // Deno says that this one has not passed either: it must not be named among the failed ones.
  await t.step({ name: "which is ignored", ignore: true, fn: () => {} });
  await t.step("which asserts what is not so", () => assertEquals(1, 2));
});
