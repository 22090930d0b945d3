import { guestTest } from "../../../src/testing/mod.ts";
import { uniConfig } from "./_unirom.ts";

guestTest("QEMU is killed while the test waits", async (t) => {
  const vm = await t.boot(uniConfig());
  await vm.console.expect("READY");
  if (vm.pid !== null) Deno.kill(vm.pid, "SIGKILL");
  await vm.console.expect("login:", { timeoutMs: 600_000 });
});
