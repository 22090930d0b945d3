// The recorder on real QEMUs: what it has beside a live monitor, and what it has while nobody is connected.
import { assert, assertEquals, assertLess } from "@std/assert";
import type { AnyQmpEvent } from "../../src/qmp/mod.ts";
import { uniCommands } from "../../src/testing/mod.ts";
import { readRecording, Recorder } from "../../src/vm/recorder.ts";
import type { Vm, VmConfig } from "../../mod.ts";
import { Orphan } from "./_orphan.ts";
import { QEMUS } from "./_qemus.ts";
import { HELD, isAlive, nextOf, qmpOf, soon, VmHost } from "./_vm_host.ts";

function names(events: readonly AnyQmpEvent[]): string[] {
  return events.map(({ event }) => event);
}

/** A launched guest that obeys, with a recorder. */
async function recorded(host: VmHost, name: string, config: VmConfig): Promise<Vm> {
  return await host.obedient(config, { recorder: "on", runDir: `${host.dir}/${name}` });
}

/** Waits until so many events are recorded. Nothing tells of that, so it is looked again and again. */
async function untilRecorded(runDir: string, count: number): Promise<readonly AnyQmpEvent[]> {
  for (let looks = 0;; looks++) {
    const events = await readRecording(runDir);
    if (events.length >= count || looks === 5_000) return events;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** What happens, and what of it is recorded after the RESUME with which a guest starts. */
interface Case {
  name: string;
  config?: VmConfig;
  /** What brings it about: a word to the guest, a signal to QEMU, or a command to its monitor. */
  by: { command: string } | { signal: Deno.Signal } | { monitor: (vm: Vm) => Promise<unknown> };
  events: string[];
}

const CASES: readonly Case[] = [
  { name: "a power-off", by: { command: uniCommands.powerOff }, events: ["SHUTDOWN"] },
  {
    name: "a panic that is held",
    config: { actions: HELD },
    by: { command: uniCommands.panic },
    events: ["GUEST_PANICKED", "STOP"],
  },
  { name: "a reset", by: { command: uniCommands.reset }, events: ["RESET"] },
  { name: "a triple fault", by: { command: uniCommands.tripleFault }, events: ["RESET"] },
  {
    name: "a watchdog",
    config: { watchdog: "ib700", actions: HELD },
    by: { command: uniCommands.armWatchdog },
    events: ["WATCHDOG", "STOP"],
  },
  {
    name: "a pause and its end",
    by: { monitor: (vm) => vm.pause().then(() => vm.resume()) },
    events: ["STOP", "RESUME"],
  },
  { name: "quit", by: { monitor: (vm) => vm.shutdown({ powerdownMs: 0 }) }, events: ["SHUTDOWN"] },
  { name: "SIGTERM", by: { signal: "SIGTERM" }, events: ["SHUTDOWN"] },
  { name: "SIGKILL, which leaves no word", by: { signal: "SIGKILL" }, events: [] },
];

for (const { binary, name: qemu, ignore } of QEMUS) {
  Deno.test(
    `launch() with a recorder: ${qemu} writes what a monitor hears, to the last event`,
    { ignore },
    async (t) => {
      await using host = await VmHost.make();
      for (const [index, { name, config, by, events }] of CASES.entries()) {
        await t.step(name, async () => {
          await using vm = await recorded(host, `m${index}`, { binary, ...config });
          using heard = vm.events();
          if ("monitor" in by) await by.monitor(vm);
          else if ("command" in by) await vm.console?.write(by.command);
          else Deno.kill(vm.pid ?? 0, by.signal);
          // RESUME may have been heard before: the guest said READY.
          const live: AnyQmpEvent[] = [];
          while (live.length < events.length) {
            const event = await nextOf(heard);
            if (event.event !== "RESUME" || live.length > 0) live.push(event);
          }
          if (events.length === 0) await soon(vm.stopped);
          // QEMU writes an event some microseconds after it has sent it.
          const written = await untilRecorded(vm.runDir ?? "", 1 + events.length);
          assertEquals(names(written), ["RESUME", ...events]);
          assertEquals(written.slice(1), live);
        });
      }
    },
  );

  Deno.test(`a recorder: ${qemu} writes each event while nobody is connected`, { ignore }, async (t) => {
    await using host = await VmHost.make();
    await Promise.all(CASES.map(async ({ name, config, by, events }) => {
      if ("monitor" in by) return;
      const step = async () => {
        await using orphan = await Orphan.make(host.config({ binary, ...config }));
        if ("command" in by) await orphan.type(by.command);
        else Deno.kill(orphan.pid, by.signal);
        if (events.length === 0) await orphan.gone();
        const written = await untilRecorded(orphan.run.runDir, 1 + events.length);
        assertEquals(names(written), ["RESUME", ...events]);
      };
      // They run side by side, since most of the time is that of the supervisors that are to be killed.
      await t.step({ name, fn: step, sanitizeOps: false, sanitizeResources: false, sanitizeExit: false });
    }));
  });

  Deno.test(
    `Recorder.compact() while ${qemu} writes: no event is lost, none is doubled, and the disk is spared`,
    { ignore },
    async () => {
      await using host = await VmHost.make();
      await using vm = await recorded(host, "flood", { binary });
      const runDir = vm.runDir ?? "";
      const recorder = new Recorder(runDir, { maxBytes: 4 * 1024 });
      using heard = vm.events();
      const read: AnyQmpEvent[] = [];
      let compacted = 0;
      const makeRoom = async () => {
        read.push(...await recorder.read());
        const last = read.at(-1);
        if (last && await recorder.compact(last) === "compacted") compacted++;
      };
      // Room is made while QEMU is at it, again and again.
      while (compacted < 5) {
        const flood = Array.from({ length: 20 }, async () => {
          await vm.pause();
          await vm.resume();
        });
        await Promise.all([...flood, makeRoom()]);
      }
      await vm.shutdown({ powerdownMs: 0 });
      await makeRoom();
      const live = await Array.fromAsync(heard);
      // The first RESUME may have come before anybody listened.
      const before = names(read.slice(0, read.length - live.length));
      assertEquals(before, before.length === 0 ? [] : ["RESUME"]);
      assertEquals(read.slice(before.length), live);
      assert(live.length > 0);
      assertEquals(recorder.lostBytes, 0);
      const { size, blocks } = await Deno.stat(`${runDir}/rec.out`);
      assertLess((blocks ?? 0) * 512, 12 * 1024);
      assert(size > 12 * 1024, "QEMU never begins anew");
    },
  );
}

Deno.test("the verdict has what QEMU recorded after all monitors were lost", async () => {
  await using host = await VmHost.make();
  await using vm = await recorded(host, "lost", { actions: HELD });
  using heard = vm.events();
  using ends = vm.ends();
  await vm.qmp.close();
  await qmpOf(vm, "watch").close();
  await vm.console?.write(uniCommands.panic);
  const recorder = new Recorder(vm.runDir ?? "");
  const seen: string[] = [];
  while (!seen.includes("STOP")) seen.push(...names(await recorder.read()));
  Deno.kill(vm.pid ?? 0, "SIGTERM");
  const verdict = await soon(vm.stopped);
  assertEquals([verdict.cause, verdict.reason], ["host-signal", "host-signal"]);
  assertEquals(names(verdict.events).slice(-3), ["GUEST_PANICKED", "STOP", "SHUTDOWN"]);
  assertEquals(names(await Array.fromAsync(heard)).slice(-3), ["GUEST_PANICKED", "STOP", "SHUTDOWN"]);
  assertEquals((await Array.fromAsync(ends)).map(({ cause }) => cause), ["guest-panic"]);
});

Deno.test("launch() without a recorder makes none", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({}, { runDir: `${host.dir}/plain` });
  assert(!vm.argv?.some((word) => word.includes("recorder")));
  assertEquals(
    (await Array.fromAsync(Deno.readDir(vm.runDir ?? ""))).filter(({ name }) => /^rec\./.test(name)),
    [],
  );
  assertEquals(await readRecording(vm.runDir ?? ""), []);
  assert(await isAlive(vm.pid ?? 0));
});
