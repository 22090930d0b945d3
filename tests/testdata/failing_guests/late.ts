import { guestTest } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

guestTest("a test waits for ever", async (t) => {
  const vm = await t.boot(uniConfig());
  await vm.console.expect("never said", { timeoutMs: 600_000 });
}, { timeoutMs: 2_500 });
