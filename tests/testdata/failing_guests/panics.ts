import { bootVm } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

Deno.test("a guest panics while the test waits for its login", async () => {
  await using vm = await bootVm(uniConfig());
  await vm.console.expect("READY");
  await vm.console.write("X");
  await vm.console.expect("login:", { timeoutMs: 600_000 });
});
