// The console of the test kit, on real guests: tiny ones, firmware that finds nothing to boot, and Linux.
import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import {
  ConsoleClosedError,
  ConsoleTimeoutError,
  launch,
  type SerialConsole,
  type Vm,
  type VmConfig,
} from "../../mod.ts";
import {
  ConsoleEchoError,
  type ConsoleFailure,
  ConsoleFailureError,
  GuestConsole,
  type GuestConsoleOptions,
  linuxConfig,
} from "../../src/testing/mod.ts";
import { linuxTest } from "./_linux.ts";
import { flood, FLOOD_LINES, forgetful, parrot } from "./_talkative_guests.ts";
import { soon, VmHost } from "./_vm_host.ts";

function serialOf(vm: Vm): SerialConsole {
  assert(vm.console);
  return vm.console;
}

/** The config of a guest that says READY and then repeats what it is told. */
async function parrotConfig(host: VmHost): Promise<VmConfig> {
  const bios = `${host.dir}/parrot.rom`;
  await Deno.writeFile(bios, parrot);
  return host.config({ firmware: { bios } });
}

/** A test on a Linux guest with a console of its own. */
function consoleTest(
  promise: string,
  fn: (guest: GuestConsole, vm: Vm) => Promise<void>,
  options: GuestConsoleOptions = {},
): void {
  const run = async () => {
    await using host = await VmHost.make();
    const config = await linuxConfig({ dir: host.dir });
    await using vm = await launch({ ...config, accel: "tcg", pvpanic: false });
    await using guest = new GuestConsole(serialOf(vm), options);
    await guest.expect("GUEST-READY\n");
    await fn(guest, vm);
  };
  linuxTest(promise, run);
}

/** Has the guest's terminal echo, with a shell that edits its line, and a prompt. */
async function interactive(guest: GuestConsole): Promise<void> {
  await guest.type("stty echo; exec sh -i", { echo: "none" });
  await guest.expect("built-in commands.\n");
  await guest.type("PS1='root# '");
  await guest.expect("root# ");
}

consoleTest("GuestConsole.expect() finds a prompt that real kernel lines break into", async (guest, vm) => {
  // Without this the kernel takes only ten lines in five seconds from programs.
  await guest.write("echo on > /proc/sys/kernel/printk_devkmsg\n");
  await guest.write(
    "for n in 1 2 3; do printf 'log'; echo \"<3>eth$n: link is up\" > /dev/kmsg; printf 'in: '; done; echo; read answer; echo got $answer\n",
  );
  const { before } = await guest.expect("login: login: login: \n", { failOn: [/Login incorrect/] });
  assertEquals(before, "");
  // What really came is broken up, so that a console that does not know the kernel's lines would wait for ever.
  assert(/log\[ +\d+\.\d{6}\] eth1: link is up\r\nin: /.test(guest.rawTranscript), guest.rawTranscript);
  await assertRejects(() => serialOf(vm).expect("login: ", { timeoutMs: 10 }), ConsoleTimeoutError);
  assertEquals((await guest.expect(/eth3: (.*)/, { in: "kernel" })).groups, ["link is up"]);
  assertEquals(guest.kernelLog.match(/eth\d/g), ["eth1", "eth2", "eth3"]);
  assertStringIncludes(guest.transcript, "\nlogin: login: login:\n");
  // The guest waits at its prompt all the time.
  await guest.type("42", { echo: "none" });
  await guest.expect("got 42\n");
});

consoleTest(
  "GuestConsole.expect() finds every one of 200 words while the kernel's log is flooded",
  async (guest) => {
    await guest.write("echo on > /proc/sys/kernel/printk_devkmsg\n");
    await guest.write(
      '(n=0; while [ $n -lt 400 ]; do echo "<3>noise $n" > /dev/kmsg; n=$((n+1)); done) & ' +
        'n=0; while [ $n -lt 200 ]; do echo "a word that has to be whole: $n."; n=$((n+1)); done; wait; echo ALL\n',
    );
    for (let n = 0; n < 200; n++) {
      assertEquals((await guest.expect(`a word that has to be whole: ${n}.\n`)).before, "");
    }
    await guest.expect("ALL\n");
    assertEquals(guest.kernelLog.match(/noise \d+/g), Array.from({ length: 400 }, (_, n) => `noise ${n}`));
  },
);

consoleTest("GuestConsole fails a wait at a real panic, at once and with the whole oops", async (guest) => {
  await guest.write("echo c > /proc/sysrq-trigger\n");
  const error = await assertRejects(
    () => guest.expect("login:", { timeoutMs: 60_000 }),
    ConsoleFailureError,
    'Cannot wait for "login:": The guest panicked (kernel-panic): Kernel panic - not syncing: sysrq triggered crash',
  );
  const [first = "", ...more] = (error.failure?.text ?? "").split("\n");
  assertStringIncludes(first, "Kernel panic - not syncing: sysrq triggered crash");
  assertStringIncludes(more.join("\n"), "Call Trace:");
  assertStringIncludes(more.at(-1) ?? "", "---[ end Kernel panic - not syncing: sysrq triggered crash ]---");
  assertStringIncludes(error.message, more.at(-1) ?? "");
  // It is remembered, for those who come later.
  const later = await assertRejects(() => guest.expect("login:"), ConsoleFailureError);
  assertEquals(later.failure, guest.failure);
  await assertRejects(() => guest.type("ls"), ConsoleFailureError, "Cannot type");
});

Deno.test("GuestConsole tells of a failure while nobody waits, and takes one that is waited for, or allowed, for none", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(await parrotConfig(host));
  const told = Promise.withResolvers<ConsoleFailure>();
  await using guest = new GuestConsole(serialOf(vm), { onFailure: told.resolve });
  await guest.expect("READY\n"); // which was said before
  // The guest echoes: an empty line first, since what is asked for has to begin one.
  await guest.write("\n(initramfs) ");
  await guest.expect("(initramfs) ");
  using _allowed = guest.allow("emergency-shell");
  await guest.write("\nyou: 1\nGive root password for maintenance\n");
  await guest.write("after\n");
  assertEquals((await guest.expect("after\n")).before.split("\n").length, 4);
  assertEquals(guest.failure, null);
  await guest.write(
    "[    1.000000] kernel: before\n[    2.000000] INFO: task dd:109 blocked for more than 120 seconds.\n",
  );
  await guest.write("[    2.000001]       Not tainted\n$ ");
  const failure = await soon(told.promise);
  assertEquals(
    [failure.name, failure.text],
    [
      "hung-task",
      "[    2.000000] INFO: task dd:109 blocked for more than 120 seconds.\n[    2.000001]       Not tainted",
    ],
  );
  assertEquals(guest.failures, [failure]);
});

Deno.test("GuestConsole gives what was said before a failure, and nothing that came after it", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(await parrotConfig(host));
  const told = Promise.withResolvers<ConsoleFailure>();
  await using guest = new GuestConsole(serialOf(vm), { onFailure: told.resolve });
  await guest.write("before\nNo bootable device.\nafter\n");
  const waited = assertRejects(() => guest.expect("after"), ConsoleFailureError);
  await soon(told.promise);
  await waited;
  assertEquals((await guest.expect("before\n")).before, "READY\n");
  const error = await assertRejects(() => guest.expect("after"), ConsoleFailureError);
  assertEquals(error.failure?.text, "READY\nbefore\nNo bootable device.\nafter");
});

Deno.test("GuestConsole takes nobody for failed who only speaks of panics, and nobody at all where it is told not to", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(await parrotConfig(host));
  await using guest = new GuestConsole(serialOf(vm), { classifiers: { "no-bootable-device": false } });
  await guest.write(
    "\npanic: runtime error\nno panic, Kernel panic - not syncing was yesterday\nNo bootable device.\n",
  );
  await guest.write("done\n");
  await guest.expect("done\n");
  await guest.quiet();
  assertEquals(guest.failures, []);
});

Deno.test("GuestConsole.expect() fails on what it is told to, when that comes first", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(await parrotConfig(host));
  await using guest = new GuestConsole(serialOf(vm));
  const wait = guest.expect("$ ", { failOn: [/[Ii]ncorrect/, "denied"] });
  await guest.write("\nlogin incorrect\n$ ");
  const error = await assertRejects(
    () => wait,
    ConsoleFailureError,
    "the guest said /[Ii]ncorrect/ on its console",
  );
  assertEquals([error.failure, error.reason.kind], [null, "fail-on"]);
  assertEquals((await guest.expect("$ ", { failOn: ["denied"] })).before, "READY\n\nlogin incorrect\n");
});

Deno.test("GuestConsole.expect() finds what may be the beginning of a kernel line, when nothing follows it", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(await parrotConfig(host));
  await using guest = new GuestConsole(serialOf(vm));
  await guest.write("overwrite? [");
  await guest.expect("overwrite? [");
  await guest.write("y/n] ");
  assertEquals((await guest.expect("] ")).before, "y/n");
});

Deno.test("GuestConsole.expect() times out, obeys a signal, and ends with QEMU or with its VM", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(await parrotConfig(host));
  const failed = new AbortController();
  await using guest = new GuestConsole(serialOf(vm), { failed: failed.signal });
  await assertRejects(() => guest.expect("x", { timeoutMs: 5 }), ConsoleTimeoutError, 'it said "READY\\n"');
  await assertRejects(() => guest.expect("x", { timeoutMs: -1 }), RangeError);
  const ours = new AbortController();
  const reason = new Error("no longer");
  const wait = guest.expect("x", { signal: ours.signal });
  ours.abort(reason);
  assertEquals(await assertRejects(() => wait), reason);
  await using other = new GuestConsole(serialOf(vm));
  const first = guest.expect("x");
  const closed = assertRejects(() => other.expect("x"), ConsoleClosedError, 'Cannot wait for "x"');
  const verdict = new Error("the guest failed");
  failed.abort(verdict);
  assertEquals(await assertRejects(() => first), verdict);
  assertEquals(await assertRejects(() => guest.expect("x")), verdict);
  await vm.kill();
  await closed;
  await assertRejects(() => other.type("x"), ConsoleClosedError);
});

Deno.test("GuestConsole disposed of ends what waits and leaves the console to its VM", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(await parrotConfig(host));
  const guest = new GuestConsole(serialOf(vm));
  const wait = guest.expect("x");
  await guest[Symbol.asyncDispose]();
  await guest[Symbol.asyncDispose]();
  await assertRejects(() => wait, ConsoleClosedError);
  await serialOf(vm).write("still there.");
  await serialOf(vm).expect("still there.");
});

Deno.test("GuestConsole drains a megabyte that nobody waits for; the guest does not stall, and nothing is lost or taken for a failure", async () => {
  await using host = await VmHost.make();
  const bios = `${host.dir}/flood.rom`;
  await Deno.writeFile(bios, flood);
  await using vm = await launch(host.config({ firmware: { bios } }));
  await using guest = new GuestConsole(serialOf(vm), { redact: ["hunter2"] });
  // The guest only answers once it has said all of it; the serial console of the library tells when, with nobody on ours.
  await serialOf(vm).expect("!");
  await serialOf(vm).write("hunter2 ok");
  await serialOf(vm).expect("ok");
  const { before } = await guest.expect("!");
  assertEquals(before.length, FLOOD_LINES * "BUG: [    1.23\n".length);
  assertEquals(new Set(before.split("\n")), new Set(["BUG: [    1.23", ""]));
  assertEquals(guest.failure, null);
  assertStringIncludes(guest.rawTranscript.slice(-40), "![redacted] ok");
});

consoleTest(
  "GuestConsole.type() types into a real shell, past the margin of its terminal, while the kernel writes",
  async (guest) => {
    await guest.write("echo on > /proc/sys/kernel/printk_devkmsg\n");
    await interactive(guest);
    await guest.type(
      '(n=0; while [ $n -lt 50 ]; do echo "<3>noise $n" > /dev/kmsg; usleep 2000; n=$((n+1)); done) &',
    );
    await guest.expect("root# ");
    const digits = "0123456789 ".repeat(12);
    for (let n = 0; n < 5; n++) {
      await guest.type(`echo ${digits}$((${n} + 40))`);
      assertEquals((await guest.expect("root# ")).before.trim(), `${digits}${n + 40}`);
    }
    assertStringIncludes(guest.kernelLog, "noise 1\n");
    assertEquals(guest.typed.slice(-1).map(({ how, text }) => [how, text]), [[
      "type",
      `echo ${digits}$((4 + 40))`,
    ]]);
  },
);

Deno.test("GuestConsole.type() types again what a guest has lost", async () => {
  await using host = await VmHost.make();
  const bios = `${host.dir}/forgetful.rom`;
  await Deno.writeFile(bios, forgetful);
  await using vm = await launch(host.config({ firmware: { bios } }));
  await using guest = new GuestConsole(serialOf(vm));
  await guest.expect("#");
  await guest.type("uname -r; ls");
  // What the guest shows at Enter is what it had on its line.
  assertEquals((await guest.expect(/<(.*)>/)).groups, ["uname -r; ls"]);
  assertStringIncludes(guest.transcript, "uname r; ls\n"); // without its seventh character
});

Deno.test("GuestConsole.type() says what came instead of an echo, keeps quiet about a secret, and types blindly when told to", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using guest = new GuestConsole(serialOf(vm));
  await guest.expect("READY\n");
  // This guest takes "w" for a command instead of echoing it, and shows Ctrl-U.
  const error = await assertRejects(() => guest.type("show"), ConsoleEchoError, "what came instead is");
  assertEquals([error.line, error.heard.endsWith("sho")], ["show", true]);
  const secret = await assertRejects(() => guest.type("swordfish", { secret: true }), ConsoleEchoError);
  assertEquals([secret.message.includes("ordfish"), secret.line, secret.heard], [
    false,
    "[redacted]",
    "[redacted]",
  ]);
  await assertRejects(() => guest.type("a\tb"), TypeError, "control characters");
  await guest.type("who", { echo: "none", enter: "!" });
  await guest.expect("ho!");
  assertEquals(guest.typed.map(({ text }) => text), ["show", "[redacted]", "who"]);
});

Deno.test("GuestConsole keeps secrets out of transcripts, errors, what was typed and live output", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(await parrotConfig(host));
  await using guest = new GuestConsole(serialOf(vm), { redact: ["hunter2", /tok-\d+/] });
  using output = guest.output();
  await guest.type("pass hunter2 tok-17", { enter: "\n" });
  await guest.write("hun[    1.000000] tok-18\r\nter2\n");
  await guest.write("end\n");
  await guest.expect("ter2\nend\n"); // a pattern is a test's own, and matches what was really said
  const timedOut = await assertRejects(
    () => guest.expect("hunter2", { timeoutMs: 5 }),
    ConsoleTimeoutError,
  );
  await guest.write("hunter2 No\nNo bootable device. hunter2\n");
  const failed = await assertRejects(() => guest.expect("hunter2!"), ConsoleFailureError);
  const failOn = await assertRejects(
    () => guest.expect("x", { failOn: [/hunter\d/] }),
    ConsoleFailureError,
  );
  await vm.kill();
  await guest.closed;
  const live = (await Array.fromAsync(output)).join("");
  const seen = {
    timedOut: `${timedOut.message} ${timedOut.heard}`,
    failed: `${failed.message} ${JSON.stringify(failed.failure)}`,
    failOn: `${failOn.message} ${JSON.stringify(failOn.reason)}`,
    ...{ live, clean: guest.transcript, raw: guest.rawTranscript, kernel: guest.kernelLog },
    typed: JSON.stringify(guest.typed),
  };
  for (const [where, text] of Object.entries(seen)) {
    assert(text !== "" && !/hunter2|tok-1|hun\[|ter2/.test(text), `${where}: ${text}`);
  }
  assertStringIncludes(
    seen.live,
    "pass [redacted] [redacted]\n[redacted][    1.000000] [redacted]\r\n\nend\n",
  );
  assertStringIncludes(seen.clean, "[    1.000000] [redacted]\n[redacted]\nend\n");
});

Deno.test("GuestConsole fails a wait when SeaBIOS finds nothing to boot", async () => {
  await using host = await VmHost.make();
  await using vm = await launch({
    ...{ accel: "tcg", memoryMiB: 32, machine: "pc", extraArgs: ["-machine", "graphics=off"] },
  });
  await using guest = new GuestConsole(serialOf(vm));
  const error = await assertRejects(
    () => guest.expect("login:"),
    ConsoleFailureError,
    "no-bootable-device",
  );
  assertStringIncludes(error.failure?.text ?? "", "Boot failed: could not read the boot disk");
  await host.runDirs();
});

consoleTest(
  "GuestConsole knows a real kill for want of memory, and lets it be where that is wanted",
  async (guest) => {
    // The kernel is asked to kill what takes most, which is the one that has 30 MiB in its hands.
    const kill =
      "dd if=/dev/zero of=/dev/null bs=30M & until grep -q 'VmRSS:[^0-9]*3[0-9]* kB' /proc/$!/status; do usleep 10000; done; " +
      "echo f > /proc/sysrq-trigger; wait; echo DONE\n";
    {
      using _allowed = guest.allow("out-of-memory");
      await guest.write(kill);
      await guest.expect(/Out of memory: Killed process \d+ \(dd\)/, { in: "kernel" });
      await guest.expect("DONE\n");
      await guest.quiet();
    }
    assertEquals(guest.failures, []);
    await guest.write(kill);
    const error = await assertRejects(() => guest.expect("never"), ConsoleFailureError, "out-of-memory");
    assertStringIncludes(error.failure?.line ?? "", "(dd) total-vm:");
  },
);

consoleTest("GuestConsole has failed a wait within 100 ms of the end of a panic's text", async (guest) => {
  using output = guest.output();
  const failed = assertRejects(() => guest.expect("never"), ConsoleFailureError).then(() =>
    performance.now()
  );
  await guest.write("echo c > /proc/sysrq-trigger\n");
  let heard = "";
  for await (const text of output) {
    heard += text;
    if (heard.includes("end Kernel panic")) break;
  }
  const heardMs = performance.now();
  assertLess(await failed - heardMs, 100);
});
