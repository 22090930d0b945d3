// An integration test that boots a real machine: `deno test -A examples/integration_test.ts`
import { assertEquals, assertRejects } from "@std/assert";
import { launch, LaunchError } from "@qeeper/qeeper";
import { rom, unirom } from "@qeeper/qeeper/testing";

Deno.test("a guest that panics is told from one that powers itself off", async () => {
  const bios = await Deno.makeTempFile({ suffix: ".rom" });
  await Deno.writeFile(bios, rom(unirom.code));
  const causes = [];
  for (const command of ["X", "P"]) {
    await using vm = await launch({ accel: "tcg", memoryMiB: 16, firmware: { bios } });
    await vm.console?.expect("READY", { timeoutMs: 10_000 });
    await vm.console?.write(command);
    causes.push((await vm.stopped).cause);
  }
  await Deno.remove(bios);
  assertEquals(causes, ["guest-panic", "guest-shutdown"]);
});

Deno.test("a machine that QEMU does not have is refused in QEMU's own words", async () => {
  const error = await assertRejects(() => launch({ accel: "tcg", machine: "abacus" }), LaunchError);
  assertEquals(error.exit?.code, 1);
  assertEquals(error.stderrTail.includes("unsupported machine type"), true);
});
