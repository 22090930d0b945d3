import { assertEquals, assertRejects } from "@std/assert";
import { guestTest } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

guestTest("an assertion fails and the guests are well", async (t) => {
  const vm = await t.boot(uniConfig());
  await vm.console.expect("READY");
  await assertRejects(() => vm.console.expect("never said", { timeoutMs: 10 }));
  assertEquals("what it said", "what it should say");
});
