import { assertEquals } from "@std/assert";
import { bootVm } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

Deno.test("a guest panics, and an assertion fails over it", async () => {
  await using vm = await bootVm(uniConfig());
  await vm.console.expect("READY");
  await vm.console.write("X");
  await vm.stopped;
  assertEquals("no answer", "an answer");
});
