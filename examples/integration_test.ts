// Integration tests that boot real machines: `deno test -A examples/integration_test.ts`
import { assertEquals, assertRejects } from "@std/assert";
import { LaunchError, type VmConfig } from "@qeeper/qeeper";
import { bootVm, GuestFailedError, guestTest, rom, unirom } from "@qeeper/qeeper/testing";

const bios = await Deno.makeTempFile({ suffix: ".rom" });
await Deno.writeFile(bios, rom(unirom.code)); // a firmware that obeys letters on its serial port
const config: VmConfig = { accel: "tcg", memoryMiB: 16, firmware: { bios } };
Deno.test.afterAll(() => Deno.remove(bios));

// A plain `Deno.test` will do: the VM ends with the scope, whatever happens.
Deno.test("the guest says what it was told", async () => {
  await using vm = await bootVm(config);
  await vm.console.expect("READY");
  await vm.console.write("x=42.");
  assertEquals((await vm.console.expect(/x=(\d+)\./)).groups, ["42"]);
});

// `guestTest` leaves evidence of each VM whatever fails, an assertion too, and has Deno's sanitizers on.
guestTest("a guest that panics is told from one that powers itself off", async (t) => {
  const ends = await Promise.all(["X", "P"].map(async (letter) => {
    const vm = await t.boot(config);
    await vm.console.expect("READY");
    return await vm.expectEnd(["guest-panic", "guest-shutdown"], () => vm.console.write(letter));
  }));
  assertEquals(ends.map(({ cause }) => cause), ["guest-panic", "guest-shutdown"]);
});

// Whatever a test waits for, it is told at once when the guest fails.
guestTest("a panic ends a wait of ten minutes", async (t) => {
  const vm = await t.boot(config);
  await vm.console.expect("READY");
  await vm.console.write("X");
  const login = () => vm.console.expect("login:", { timeoutMs: 600_000 });
  const error = await assertRejects(login, GuestFailedError, "guest panicked");
  assertEquals(error.verdict?.cause, "guest-panic");
});

Deno.test("a machine that QEMU does not have is refused in QEMU's own words", async () => {
  const error = await assertRejects(() => bootVm({ accel: "tcg", machine: "abacus" }), LaunchError);
  assertEquals(error.stderrTail.includes("unsupported machine type"), true);
});
