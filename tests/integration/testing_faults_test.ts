import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  attach,
  launch,
  QmpClosedError,
  QmpInterruptedError,
  QmpTimeoutError,
  type Vm,
  type VmConfig,
} from "../../mod.ts";
import {
  createFaults,
  FaultError,
  type FaultReport,
  type GuestShell,
  linuxConfig,
} from "../../src/testing/mod.ts";
import { isAlive, nextOf, processState, qmpOf, soon, VmHost } from "./_vm_host.ts";
import { linuxTest, NO_AGENT, NO_LINUX } from "./_linux.ts";
import { QEMUS } from "./_qemus.ts";

/** The guest's shell, on the console. Its commands take turns. */
class Shell {
  readonly #vm: Vm;

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  /** What a command says, and its exit code at the end: `text=>0`. */
  async say(command: string): Promise<string> {
    const { console } = this.#vm;
    assert(console !== null);
    await console.write(`{ ${command}; } 2>&1; echo E''ND $?\n`);
    const { before, groups: [code] } = await console.expect(/END (\d+)\n/, { timeoutMs: 30_000 });
    return `${before}=>${code}`;
  }

  /** As a channel for commands, though it is none of its own. */
  readonly run: GuestShell = async (command, { signal }) => {
    const { console } = this.#vm;
    await console?.write(`{ ${command}; } 2>&1; echo E''ND $?\n`);
    const ended = await console?.expect(/END (\d+)\n/, { timeoutMs: 30_000, ...(signal ? { signal } : {}) });
    return { exitCode: Number(ended?.groups[0]) };
  };
}

/** A Linux with a disk and a network card, at its shell. */
async function bootLinux(host: VmHost, more: VmConfig = {}, append = ""): Promise<Vm & { shell: Shell }> {
  const config = await linuxConfig({ agent: more.agent ?? false, dir: host.dir });
  const disk = `${host.dir}/disk.img`;
  await Deno.writeFile(disk, new Uint8Array(4 * 1024 * 1024));
  const vm = await launch({
    ...{ ...config, accel: "tcg", append: `${config.append} ${append}`, memoryMiB: 192 },
    ...{ drives: [{ file: disk, id: "data" }], networks: [{ type: "user", id: "lan" }] },
    ...more,
  });
  await vm.console?.expect("GUEST-READY\n");
  return Object.assign(vm, { shell: new Shell(vm) });
}
const READ = "dd if=/dev/vda of=/dev/null bs=4096 count=1 iflag=direct";
const WRITE = "dd if=/dev/zero of=/dev/vda bs=4096 count=1 oflag=direct";

for (
  const [signal, cause] of [
    ["SIGKILL", "killed"],
    ["SIGTERM", "host-signal"],
    ["SIGSEGV", "crashed"],
  ] as const
) {
  Deno.test(`faults.killQemu() with ${signal} gives the verdict ${cause}, which nobody here intended`, async () => {
    await using host = await VmHost.make();
    await using vm = await host.obedient();
    await using faults = createFaults(vm);
    const verdict = await soon(faults.killQemu({ with: signal }));
    assertEquals([verdict.cause, verdict.intent], [cause, "none"]);
    const error = await assertRejects(() => faults.killQemu(), FaultError);
    assertEquals(error.message, `Cannot end QEMU of VM "vm": it has ended already`);
  });
}

Deno.test("faults.killQemu() says that the process of an attached VM is not known", async () => {
  await using host = await VmHost.make();
  const address = { transport: "unix", path: `${host.dir}/own` } as const;
  await using vm = await host.obedient({ monitors: [{ id: "own", address }] });
  await qmpOf(vm, "own").close();
  await using attached = await attach(address);
  await using faults = createFaults(attached);
  await assertRejects(() => faults.killQemu(), FaultError, "attached");
  await assertRejects(() => faults.freeze(), FaultError, "attached");
});

Deno.test("faults.freeze() stops the whole process until it is undone", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using faults = createFaults(vm);
  const frozen = await faults.freeze();
  assertEquals([frozen.active, await processState(vm.pid ?? 0)], [true, "T"]);
  await assertRejects(() => vm.qmp.execute("query-yank", {}, { oob: true, timeoutMs: 50 }), QmpTimeoutError);
  await frozen.undo();
  assertEquals([frozen.active, await processState(vm.pid ?? 0) === "T"], [false, false]);
  await frozen.over;
  assertEquals((await vm.status()).status, "running");
});

Deno.test("faults.freeze() is over when QEMU is killed meanwhile", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using faults = createFaults(vm);
  await using frozen = await faults.freeze();
  assertEquals((await faults.killQemu()).cause, "killed");
  await soon(frozen.over);
  assertEquals(frozen.active, false);
});

Deno.test("faults.blockMainLoop() lets QEMU answer nothing but what is out of band, until it is undone", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using faults = createFaults(vm);
  const blocked = await faults.blockMainLoop();
  await assertRejects(() => vm.status({ timeoutMs: 100 }), QmpTimeoutError);
  assert((await vm.qmp.execute("query-yank", {}, { oob: true })).length > 0);
  assert(await isAlive(vm.pid ?? 0));
  await soon(blocked.undo());
  assertEquals((await soon(vm.status())).status, "running");
});

Deno.test("faults.blockMainLoop() lasts as long as it is told to", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using faults = createFaults(vm);
  const blocked = await faults.blockMainLoop({ forMs: 200 });
  const startMs = performance.now();
  assertEquals((await soon(vm.status())).status, "running");
  assert(performance.now() - startMs > 150, "it was not blocked");
  await soon(blocked.over);
  await assertRejects(() => faults.blockMainLoop({ forMs: -1 }), RangeError);
});

Deno.test("faults.blockMainLoop() is over when QEMU is killed meanwhile", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using faults = createFaults(vm);
  const blocked = await faults.blockMainLoop();
  assertEquals((await soon(faults.killQemu())).cause, "killed");
  await soon(blocked.over);
});

Deno.test("faults.pressPowerButton() gives the event, and the verdict guest-shutdown of a guest that obeys", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using faults = createFaults(vm);
  assertEquals((await faults.pressPowerButton()).event, "POWERDOWN");
  assertEquals((await vm.status()).status, "running");
  await vm.console?.write("G");
  await vm.console?.expect("g");
  await faults.pressPowerButton();
  assertEquals((await soon(vm.stopped)).cause, "guest-shutdown");
});

Deno.test("faults.panicGuest() by pvpanic ends any guest with the verdict guest-panic, by the config's action", async () => {
  await using host = await VmHost.make();
  await using held = await host.obedient({ actions: { panic: "pause" } });
  await using faults = createFaults(held);
  using ends = held.ends();
  const { by, event } = await faults.panicGuest();
  assertEquals([by, event.data.action], ["pvpanic", "pause"]);
  assertEquals((await nextOf(ends)).cause, "guest-panic");

  await using vm = await host.obedient();
  await using others = createFaults(vm);
  await others.panicGuest();
  assertEquals((await soon(vm.stopped)).cause, "guest-panic");
});

Deno.test("faults.panicGuest() says what is missing where QEMU tells of no panic", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ pvpanic: false });
  await using faults = createFaults(vm);
  await assertRejects(
    () => faults.panicGuest(),
    FaultError,
    "QEMU told of no panic; the machine has no ISA pvpanic",
  );
  await assertRejects(() => faults.panicGuest({ by: "run" }), FaultError, "no channel for commands");
  await assertRejects(
    () => faults.panicGuest({ by: "console", timeoutMs: 50 }),
    FaultError,
    "within 50 ms; a shell",
  );
  const refusing = createFaults(vm, { run: () => Promise.resolve({ exitCode: 2 }) });
  await assertRejects(() => refusing.panicGuest({ by: "run" }), FaultError, "its command ended with 2");
});

Deno.test("faults.dropMonitor() breaks watch, and the VM's events come from control", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using faults = createFaults(vm);
  using events = vm.events("STOP");
  await soon(faults.dropMonitor());
  assertEquals(qmpOf(vm, "watch").open, false);
  await vm.pause();
  assertEquals((await nextOf(events)).event, "STOP");
  await assertRejects(() => faults.dropMonitor(), FaultError, "its connection has ended already");
  await assertRejects(() => faults.dropMonitor("hmp"), FaultError, "choose one of control, watch");
});

Deno.test("faults.dropMonitor() breaks control under a command, and dispose still ends QEMU", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ networks: [{ type: "user" }] });
  await using faults = createFaults(vm);
  await using blocked = await faults.blockMainLoop();
  const asked = vm.status();
  await soon(Promise.all([assertRejects(() => asked, QmpInterruptedError), faults.dropMonitor("control")]));
  await assertRejects(() => vm.status(), QmpClosedError);
  await assertRejects(() => faults.cutLink(), FaultError);
  await blocked.undo();
});

Deno.test("faults undoes what still lasts when it is disposed of, and tells of all", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ networks: [{ type: "user" }, { type: "user" }] });
  const reports: FaultReport[] = [];
  {
    await using faults = createFaults(vm, { onFault: (report) => reports.push(report) });
    await assertRejects(() => faults.cutLink(), FaultError, "it has several; name one of net0, net1");
    await faults.cutLink("net1");
    await faults.freeze();
  }
  assertEquals((await vm.status()).status, "running");
  assertEquals(reports.map(({ kind, target, phase }) => `${kind} ${target} ${phase}`), [
    "cut-link network net1 begun",
    "freeze QEMU begun",
    "freeze QEMU over",
    "cut-link network net1 over",
  ]);
});

Deno.test("faults name the networks and disks that there are, and say what is missing", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await using faults = createFaults(vm);
  await assertRejects(() => faults.cutLink(), FaultError, "it has no network");
  await assertRejects(() => faults.failDisk(), FaultError, "Cannot make fail the disk of VM");
  await assertRejects(() => faults.throttleDisk({ readsPerSecond: 1 }), FaultError, "it has no disk");
  await assertRejects(() => faults.throttleDisk({}), RangeError, "without a limit");
  await assertRejects(() => faults.jumpClock(10), RangeError);
  await assertRejects(() => faults.jumpClock(10_000, { by: "agent" }), FaultError, "it has no guest agent");
  await assertRejects(
    () => faults.cutLink("net0", { signal: AbortSignal.abort(new Error("enough")) }),
    Error,
    "enough",
  );
});

for (const { binary, name, ignore } of QEMUS) {
  linuxTest(
    `faults reach a Linux: its link, its disk, its clock, its console and its kernel (${name})`,
    async (t) => {
      await using host = await VmHost.make();
      await using vm = await bootLinux(host, { binary });
      const { shell } = vm;
      await using faults = createFaults(vm);
      const step = (title: string, fn: () => Promise<void>) => t.step(title, fn);

      await step("cutLink() takes the carrier away, and gives it back", async () => {
        const carrier = "cat /sys/class/net/eth0/carrier";
        assertEquals(await shell.say(carrier), "1\n=>0");
        await using cut = await faults.cutLink();
        assertEquals([cut.target, await shell.say(carrier)], ["network lan", "0\n=>0"]);
        await cut.undo();
        assertEquals(await shell.say(carrier), "1\n=>0");
      });

      await step(
        "throttleDisk() makes 512 KiB take two seconds of 256 KiB each, less the burst",
        async () => {
          await using slow = await faults.throttleDisk({ bytesPerSecond: 256 * 1024 });
          assertEquals(slow.target, "disk data");
          const startMs = performance.now();
          assertStringIncludes(
            await shell.say("dd if=/dev/vda of=/dev/null bs=65536 count=8 iflag=direct"),
            "=>0",
          );
          assert(performance.now() - startMs > 1_400, `${performance.now() - startMs} ms`);
          await slow.undo();
          const [{ inserted } = {}] = await vm.qmp.execute("query-block");
          assertEquals(inserted?.bps, 0);
        },
      );

      await step("failDisk() makes reads fail in the guest, with an event, until it is undone", async () => {
        using events = vm.events("BLOCK_IO_ERROR");
        await using failing = await faults.failDisk({ requests: ["read"] });
        assertStringIncludes(await shell.say(READ), "Input/output error\n=>1");
        const { data } = await nextOf(events);
        assertEquals([data.device, data.operation, data.action], ["data", "read", "report"]);
        assertStringIncludes(await shell.say(WRITE), "=>0");
        await assertRejects(() => faults.failDisk(), FaultError, "undo that first");
        await failing.undo();
        assertStringIncludes(await shell.say(READ), "=>0");
        const nodes = await vm.qmp.execute("query-named-block-nodes", { flat: true });
        assertEquals(nodes.filter(({ drv }) => drv === "blkdebug"), []);
      });

      await step(
        "failDisk() without space holds the guest at its write, which succeeds afterwards",
        async () => {
          using ends = vm.ends();
          await using full = await faults.failDisk({ requests: ["write"], errno: 28 });
          const wrote = shell.say(WRITE);
          const end = await nextOf(ends);
          assertEquals([end.cause, end.process, (await vm.status()).status], [
            "io-error",
            "held",
            "io-error",
          ]);
          await full.undo();
          await vm.resume();
          assertStringIncludes(await wrote, "=>0");
        },
      );

      await step("failDisk() once makes only the first read fail", async () => {
        await using _failing = await faults.failDisk({ requests: ["read"], once: true, sector: 0 });
        assertStringIncludes(await shell.say(READ), "=>1");
        assertStringIncludes(await shell.say(READ), "=>0");
      });

      await step("injectNmi() is counted by the guest's kernel", async () => {
        const count = async () => /NMI: +(\d+)/.exec(await shell.say("grep NMI /proc/interrupts"))?.[1];
        assertEquals(await count(), "0");
        await faults.injectNmi();
        assertEquals(await count(), "1");
      });

      await step("jumpClock() sets the real-time clock from outside, with an event, and back", async () => {
        const year = async () => /\d{4}/.exec(await shell.say("hwclock -u -r"))?.[0];
        const now = new Date().getUTCFullYear();
        using events = vm.events("RTC_CHANGE");
        await using jump = await faults.jumpClock(5 * 366 * 86_400_000);
        assertEquals([jump.by, await year()], ["rtc", `${now + 5}`]);
        await nextOf(events);
        await jump.undo();
        assertEquals(await year(), `${now}`);
      });

      await step("jumpClock() by a command sets the guest's own time", async () => {
        const ahead = async () => Number(/\d+/.exec(await shell.say("date +%s"))?.[0]) - Date.now() / 1000;
        await using commanding = createFaults(vm, { run: shell.run });
        const before = await ahead();
        await using jump = await commanding.jumpClock(-3_600_000);
        assertEquals(jump.by, "run");
        assert(Math.abs(await ahead() - before + 3600) < 60);
        await jump.undo();
        assert(Math.abs(await ahead() - before) < 60);
      });

      await step("fillConsole() floods it, and the guest and its shell go on", async () => {
        const flood = await faults.fillConsole({ bytes: 96 * 1024 });
        assertEquals(flood.by, "console");
        assert(flood.bytes >= 96 * 1024);
        assertStringIncludes(await shell.say("echo still here"), "still here\n=>0");
        assert(((await vm.console?.transcript) ?? "").length > 96 * 1024);
      });

      await step("panicGuest() by a command has the kernel itself panic", async () => {
        await using commanding = createFaults(vm, { run: shell.run });
        const { by, event } = await commanding.panicGuest();
        assertEquals([by, event.data.action], ["run", "poweroff"]);
        assertEquals((await soon(vm.stopped)).cause, "guest-panic");
        assertStringIncludes(vm.console?.transcript ?? "", "sysrq triggered crash");
      });
    },
    ignore ? "there is no such QEMU" : NO_LINUX,
  );
}

linuxTest(
  "faults.panicGuest() by an NMI takes a Linux that panics at one; typed on the console it takes any",
  async () => {
    await using host = await VmHost.make();
    for (const [by, append] of [["nmi", "unknown_nmi_panic"], ["console", ""]] as const) {
      await using vm = await bootLinux(host, {}, append);
      await using faults = createFaults(vm);
      assertEquals((await faults.panicGuest({ by })).by, by);
      assertEquals((await soon(vm.stopped)).cause, "guest-panic");
    }
  },
);

linuxTest("faults.jumpClock() has the guest agent set the guest's own time", async () => {
  await using host = await VmHost.make();
  await using vm = await bootLinux(host, { agent: true });
  await vm.agent?.ready();
  await using faults = createFaults(vm);
  await using jump = await faults.jumpClock(86_400_000);
  assertEquals(jump.by, "agent");
  const ahead = Number(/\d+/.exec(await vm.shell.say("date +%s"))?.[0]) - Date.now() / 1000;
  assert(Math.abs(ahead - 86_400) < 600, `${ahead} s`);
}, NO_AGENT);
