import { assertEquals } from "@std/assert";
import { guestTest } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

guestTest("a step of a test fails", async (t) => {
  const vm = await t.boot(uniConfig());
  await vm.console.expect("READY");
  await t.step({
    name: "which is ignored",
    ignore: true, // this is what is tested: it must not be named among the failed ones
    fn: () => {},
  });
  await t.step("which asserts what is not so", () => assertEquals(1, 2));
});
