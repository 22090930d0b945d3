import { assertEquals } from "@std/assert";
import { guestTest } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

guestTest("an assertion fails over a guest that panicked", async (t) => {
  const vm = await t.boot(uniConfig());
  await vm.console.expect("READY");
  await vm.console.write("X");
  await vm.stopped;
  assertEquals("no answer", "an answer");
});
