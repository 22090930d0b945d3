import { assertEquals } from "@std/assert";
import { bootVm, guestTest } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

guestTest("an assertion fails after a scope of its own VM", async (t) => {
  {
    await using vm = await bootVm(uniConfig(), { t });
    await vm.console.expect("READY");
  }
  assertEquals("what it said", "what it should say");
});

guestTest("a test that passes leaves nothing", async (t) => {
  await using vm = await bootVm(uniConfig(), { t });
  await vm.console.expect("READY");
});
