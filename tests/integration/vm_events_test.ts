// Events and ends of a real QEMU: none missed, none twice, also where a monitor is lost, and where SeaBIOS repeats a reset.
import { assert, assertEquals } from "@std/assert";
import { launch, type Vm } from "../../mod.ts";
import { uniCommands } from "../../src/testing/mod.ts";
import { HELD, nextOf, qmpOf, soon, VmHost } from "./_vm_host.ts";

/** Stops and starts the guest so many times, which makes two events each. */
async function toggle(vm: Vm, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await vm.qmp.execute("stop");
    await vm.qmp.execute("cont");
  }
}

/** The time stamps of a stream that ends, which no two events share. */
async function stampsOf(
  events: AsyncIterable<{ event: string; timestamp: { seconds: number; microseconds: number } }>,
) {
  return (await Array.fromAsync(events)).map(({ event, timestamp }) =>
    `${event} ${timestamp.seconds}.${timestamp.microseconds}`
  );
}

Deno.test("Vm.events() goes on when the watch monitor is lost: none missed, none twice", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config({ monitors: [{ id: "witness" }] }));
  using events = vm.events();
  const witness = qmpOf(vm, "witness").events();
  const toggling = toggle(vm, 50);
  // Somewhere in the middle of it.
  for (let seen = 0; seen < 30; seen++) await nextOf(events);
  await qmpOf(vm, "watch").close();
  await toggling;
  const verdict = await soon(vm.shutdown({ powerdownMs: 0 }));
  assertEquals(verdict.cause, "host-quit");
  const [heard, all] = [await stampsOf(events), await stampsOf(witness)];
  assertEquals(all.length, 102);
  assertEquals(heard, all.slice(30));
});

Deno.test("Vm.events() and ends() go on when the control monitor is lost", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config({ actions: HELD }));
  using events = vm.events();
  using ends = vm.ends();
  await vm.console?.expect("READY\n");
  await vm.qmp.close();
  await vm.console?.write(uniCommands.panic);
  // Nobody can be asked for the run state: the events have to do.
  assertEquals((await nextOf(ends)).cause, "guest-panic");
  const verdict = await vm.shutdown({ powerdownMs: 0, termMs: 60_000 });
  assertEquals([verdict.cause, verdict.rung], ["guest-panic", "sigterm"]);
  assertEquals((await Array.fromAsync(events)).map(({ event }) => event), [
    "RESUME",
    "GUEST_PANICKED",
    "STOP",
    "SHUTDOWN",
  ]);
});

Deno.test("Vm.events() of some names has those, in order, and each stream all of them", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config());
  using all = vm.events();
  using stops = vm.events("STOP");
  {
    using _given = vm.events("STOP"); // up at once
  }
  await toggle(vm, 10);
  await vm.shutdown({ powerdownMs: 0 });
  assertEquals((await Array.fromAsync(stops)).length, 10);
  assertEquals((await Array.fromAsync(all)).length, 22);
});

/** Has the guest reset itself so many times, by one way after another; a triple fault is one of them. */
const WAYS = [uniCommands.reset, uniCommands.keyboardReset, uniCommands.tripleFault];

Deno.test("Vm.ends() has one end for each reset of the guest's own, however often SeaBIOS repeats it", async (t) => {
  await using host = await VmHost.make();
  for (const machine of ["pc", "q35"]) {
    await t.step(machine, async () => {
      await using vm = await launch(host.biosConfig({ machine }));
      using resets = vm.events("RESET");
      using ends = vm.ends();
      await vm.console?.expect("READY\n");
      for (const way of [...WAYS, ...WAYS]) {
        await vm.console?.write(way);
        const { cause, process, tripleFault } = await nextOf(ends);
        assertEquals([cause, process, tripleFault], [
          "guest-reset",
          "running",
          way === uniCommands.tripleFault,
        ]);
        await vm.console?.expect("READY\n");
        // The host's resets, which SeaBIOS repeats as well, are no ends.
        await vm.reset();
        await vm.console?.expect("READY\n");
      }
      await vm.shutdown({ powerdownMs: 0 });
      assertEquals(await Array.fromAsync(ends), []);
      const seen = (await Array.fromAsync(resets)).length;
      assert(seen >= 24, `${seen} RESET events: each of the 12 resets is repeated at least once`);
    });
  }
});

Deno.test("Vm.ends() without the log of resets does not know of triple faults, and says so", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ logResets: false });
  using ends = vm.ends();
  for (const way of WAYS) {
    await vm.console?.write(way);
    assertEquals((await nextOf(ends)).tripleFault, "unknown");
    await vm.console?.expect("READY\n");
  }
});

Deno.test("Vm.ends() tells a triple fault from a reset a thousand times, and the log stays small", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  using ends = vm.ends();
  for (let time = 0; time < 500; time++) {
    const way = WAYS[time % WAYS.length] ?? "";
    await vm.console?.write(way);
    const { cause, tripleFault } = await nextOf(ends);
    assertEquals([cause, tripleFault], ["guest-reset", way === uniCommands.tripleFault], `reset ${time}`);
    await vm.console?.expect("READY\n");
  }
  let bytes = 0;
  for await (const { name } of Deno.readDir(vm.runDir ?? "")) {
    if (name.startsWith("resets")) bytes += (await Deno.stat(`${vm.runDir}/${name}`)).size;
  }
  assert(bytes < 400_000, `${bytes} bytes of logs`);
});

Deno.test("Vm.reset() starts a guest again that is held at its end, of whatever kind", async (t) => {
  await using host = await VmHost.make();
  for (
    const [name, command, cause] of [
      ["power-off", uniCommands.powerOff, "guest-shutdown"],
      ["panic", uniCommands.panic, "guest-panic"],
    ] as const
  ) {
    await t.step(name, async () => {
      await using vm = await host.obedient({ actions: HELD });
      using ends = vm.ends();
      for (let life = 0; life < 3; life++) {
        await vm.console?.write(command);
        const end = await nextOf(ends);
        assertEquals([end.cause, end.process], [cause, "held"]);
        await vm.reset();
        await vm.console?.expect("READY\n");
      }
      assertEquals((await vm.shutdown({ powerdownMs: 0 })).cause, "host-quit");
    });
  }
});

Deno.test("Vm.reset() at the very event that ends the guest works too, and the end is told", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ actions: HELD });
  using ends = vm.ends();
  using panics = vm.events("GUEST_PANICKED");
  for (let life = 0; life < 5; life++) {
    await vm.console?.write(uniCommands.panic);
    await nextOf(panics);
    await vm.reset();
    await vm.console?.expect("READY\n");
    assertEquals((await nextOf(ends)).cause, "guest-panic");
  }
});

Deno.test("Vm.reset() where reboots are held lets this one through, SeaBIOS's repetitions too, and holds the next", async (t) => {
  await using host = await VmHost.make();
  const actions = { ...HELD, reboot: "shutdown" } as const;
  for (const machine of ["pc", "q35"]) {
    await t.step(machine, async () => {
      await using vm = await launch(host.biosConfig({ machine, actions }));
      using ends = vm.ends();
      await vm.console?.expect("READY\n");
      for (let life = 0; life < 5; life++) {
        await vm.console?.write(uniCommands.reset);
        const end = await nextOf(ends);
        assertEquals([end.cause, end.process, end.tripleFault], ["guest-reset", "held", false]);
        await vm.reset();
        await vm.console?.expect("READY\n");
      }
      await vm.reset(); // of one that runs
      await vm.console?.expect("READY\n");
      await vm.shutdown({ powerdownMs: 0 });
      assertEquals(await Array.fromAsync(ends), []);
    });
  }
});
