// What the kit tells of a real Linux that fails.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { VmConfig } from "../../src/machine/mod.ts";
import { bootVm, GuestFailedError, linuxConfig, type TestVm } from "../../src/testing/mod.ts";
import { assertWithin } from "./_assert_within.ts";
import { linuxTest } from "./_linux.ts";

/** What a Linux takes on a host that has much else to do. */
const PATIENT = { timeoutMs: 300_000 };
const CRASH = "echo c > /proc/sysrq-trigger";

type LinuxBody = (vm: TestVm, evidenceDir: string) => Promise<void>;

async function withLinux(body: LinuxBody, part: VmConfig = {}): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    const config = { name: "linux", ...await linuxConfig({ dir }), accel: "tcg", ...part } as const;
    await using vm = await bootVm(config, { evidenceDir: `${dir}/evidence` });
    await vm.console.expect("GUEST-READY", PATIENT);
    await body(vm, `${dir}/evidence`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

linuxTest("a test fails within 100 ms of its kernel's panic, with the verdict and the oops", () => {
  return assertWithin(100, async () => {
    let tookMs = Infinity;
    await withLinux(async (vm) => {
      using events = vm.events("GUEST_PANICKED");
      const never = () => vm.console.expect("never said", { timeoutMs: 600_000 });
      const waiting = assertRejects(never, GuestFailedError, "guest panicked")
        .then((error) => ({ error, toldAt: Date.now() }));
      await vm.console.write(`${CRASH}\n`);
      const { value: { timestamp } } = await events.next();
      const { error, toldAt } = await waiting;
      tookMs = toldAt - timestamp.seconds * 1000 - timestamp.microseconds / 1000;
      assertEquals([error.verdict?.cause, error.classifier], ["guest-panic", "kernel-panic"]);
      assertStringIncludes(error.message, "Kernel panic - not syncing: sysrq triggered crash");
      assertStringIncludes(error.message, "Call Trace");
    });
    return tookMs;
  });
});

linuxTest("a panic that QEMU is not told of is known by the console's words", () =>
  withLinux(async (vm) => {
    const waiting = assertRejects(
      () => vm.run("sleep 600", { timeoutMs: 600_000 }),
      GuestFailedError,
      "guest panicked (kernel-panic, by its console)",
    );
    await vm.console.write(`${CRASH}\n`);
    const error = await waiting;
    assertEquals([error.verdict, error.classifier], [null, "kernel-panic"]);
    assertStringIncludes(error.message, "Kernel panic - not syncing: sysrq triggered crash");
  }, { pvpanic: false }));

linuxTest(
  "a panic that the test wants is no failure, and its words on the console are none",
  () =>
    withLinux(async (vm, evidenceDir) => {
      const verdict = await vm.expectEnd("guest-panic", () => vm.run(CRASH));
      assertEquals([verdict.cause, verdict.process], ["guest-panic", "held"]);
      assertStringIncludes(vm.console.transcript, "Kernel panic - not syncing");
      assertEquals([vm.signal.aborted, vm.console.failure], [false, null]);
      await assertRejects(() => Deno.stat(evidenceDir), Deno.errors.NotFound);
    }),
);

linuxTest(
  "a panic that the test wants and brings about on the console is no failure, though QEMU holds the guest before its last words",
  () =>
    withLinux(async (vm) => {
      const crash = () => vm.console.type(CRASH, { echo: "none" });
      const verdict = await vm.expectEnd("guest-panic", crash);
      assertEquals([verdict.cause, verdict.process], ["guest-panic", "held"]);
      // Nothing that the guest began to say is still being listened to.
      await vm.console.quiet({ forMs: 300, withinMs: 600 });
      assertEquals([vm.signal.aborted, vm.console.failure], [false, null]);
    }),
);

linuxTest(
  "a reboot and a power-off that the test wants end the commands that bring them about, and commands go on after the reboot",
  () =>
    withLinux(async (vm) => {
      assertEquals((await vm.expectEnd("guest-reset", () => vm.run("reboot"))).process, "running");
      await vm.console.expect("GUEST-READY", PATIENT);
      assertEquals(vm.signal.aborted, false);
      assertEquals((await vm.run("uname", PATIENT)).stdout, "Linux\n");
      const { cause, exit } = await vm.expectEnd("guest-shutdown", () => vm.run("poweroff; sleep 600"));
      assertEquals([cause, exit?.code], ["guest-shutdown", 0]);
      assertEquals(vm.signal.aborted, false);
    }),
);

linuxTest(
  "run(), copyIn() and copyOut() go into the guest, and what run() ran is in the evidence",
  () =>
    withLinux(async (vm) => {
      const result = await vm.run("cat; echo oops >&2; exit 3", { input: "in\n" });
      assertEquals([result.exitCode, result.stdout, result.stderr], [3, "in\n", "oops\n"]);
      const data = crypto.getRandomValues(new Uint8Array(60_000));
      await vm.copyIn(data, "/tmp/data");
      assertEquals(await vm.copyOut("/tmp/data"), data);
      const error = await assertRejects(
        () => vm.run("echo out; exit 4", { check: true }),
        Error,
        "exited with 4",
      );
      const folder = /^ {2}evidence: (.*)$/m.exec(error.message)?.[1];
      await vm[Symbol.asyncDispose]();
      assertStringIncludes(await Deno.readTextFile(`${folder}/index.html`), "echo oops");
    }),
);

linuxTest(
  "a fault may panic the guest, crash dump and all, and is no failure",
  () =>
    withLinux(async (vm) => {
      assertEquals((await vm.faults.panicGuest()).by, "run");
      await vm.reset();
      await vm.console.expect("GUEST-READY", PATIENT);
      assertEquals((await vm.run("echo again", PATIENT)).stdout, "again\n");
      assertEquals([vm.signal.aborted, vm.console.failure], [false, null]);
    }),
);
