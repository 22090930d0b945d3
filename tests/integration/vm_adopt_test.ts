// Adopting: a process launches a guest and is killed with SIGKILL; this one takes the guest over.
import { delay } from "@std/async/delay";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { QmpClient, QmpInterruptedError, type StopRung, type Verdict, type VmConfig } from "../../mod.ts";
import { assemble16, rom, uniCommands } from "../../src/testing/mod.ts";
import { adopt } from "../../src/vm/adopt.ts";
import { readRecording } from "../../src/vm/recorder.ts";
import { Orphan } from "./_orphan.ts";
import { HELD, isAlive, nextOf, processState, qmpOf, soon, untilState, VmHost } from "./_vm_host.ts";

const UUID = "5b0bd6ea-7d2e-4c6f-9a43-2d6a3b8f7e10";

/** Says a dot, waits a little, and so on for ever. */
const TICKING = `
start:  mov dx, 0x3f8
        mov al, '.'
        out dx, al
        mov ecx, 200000
.wait:  dec ecx
        jnz .wait
        jmp start
`;

/** How much the guest has said. */
async function said(runDir: string): Promise<number> {
  return (await Deno.stat(`${runDir}/console.log`)).size;
}

async function untilSaid(runDir: string, bytes: number): Promise<void> {
  const untilMs = performance.now() + 30_000;
  while (await said(runDir) < bytes) {
    assert(performance.now() < untilMs, "the guest is silent");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function causes(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(({ cause, process }) => `${cause} ${process}`);
}

Deno.test("adopt() takes over the very QEMU that another process launched, with everything, and the guest goes on meanwhile", async () => {
  await using host = await VmHost.make();
  const bios = `${host.dir}/ticking.rom`;
  await Deno.writeFile(bios, rom(assemble16(TICKING)));
  const config = { name: "web", uuid: UUID, firmware: { bios }, monitors: [{ id: "mine" }], agent: true };
  await using orphan = await Orphan.make(host.config(config), { ready: "..." });
  const { runDir } = orphan.run;
  await untilSaid(runDir, await said(runDir) + 10); // it goes on alone
  const before = await said(runDir);
  const known = await readRecording(runDir);
  await using vm = await orphan.adopt({ missed: known });
  using events = vm.events();
  assertEquals([vm.name, vm.pid, vm.runDir], ["web", orphan.pid, runDir]);
  assertEquals(vm.argv, orphan.run.argv);
  assertEquals([...vm.monitors.keys()], ["control", "watch", "hmp", "mine"]);
  assertEquals(vm.found, { status: "running", held: null });
  await vm.console?.expect("....");
  await untilSaid(runDir, before + 10);
  assertEquals((await vm.status()).status, "running");
  assertEquals(await vm.hmp("info name"), "web\r\n");
  assert(vm.agent !== null);
  // Not a word of a pause, neither to whoever listens nor in QEMU's own recording.
  await vm.pause();
  assertEquals((await nextOf(events)).event, "STOP");
  assertEquals((await readRecording(runDir)).map(({ event }) => event), ["RESUME", "STOP"]);
});

Deno.test("Vm.shutdown() of an adopted VM climbs to the rung that works, and says which it was", async (t) => {
  await using host = await VmHost.make();
  interface Case {
    name: string;
    rung: StopRung;
    stop: { powerdownMs?: number; quitMs?: number; termMs?: number };
    config?: VmConfig;
    before?: (orphan: Orphan) => Promise<unknown>;
    cause: Verdict["cause"];
  }
  const obey = async (orphan: Orphan) => {
    await orphan.type(uniCommands.obeyPowerButton);
    await orphan.untilSaid("g");
    orphan.hangUp();
  };
  const cases: Case[] = [
    {
      name: "a guest that obeys its power button",
      rung: "powerdown",
      stop: { powerdownMs: 30_000 },
      before: obey,
      cause: "guest-shutdown",
    },
    {
      name: "one that obeys it and is held at its end",
      rung: "powerdown",
      stop: { powerdownMs: 30_000 },
      config: { actions: HELD },
      before: obey,
      cause: "guest-shutdown",
    },
    {
      name: "one that ignores it",
      rung: "quit",
      stop: { powerdownMs: 50, quitMs: 30_000 },
      cause: "host-quit",
    },
    {
      name: "one whose QEMU is not to quit",
      rung: "sigterm",
      stop: { powerdownMs: 0, quitMs: 0, termMs: 30_000 },
      cause: "host-signal",
    },
    {
      name: "a QEMU that does not run",
      rung: "sigkill",
      stop: { powerdownMs: 0, quitMs: 0, termMs: 0 },
      cause: "killed",
    },
  ];
  await Promise.all(cases.map(async ({ name, rung, stop, config, before, cause }) => {
    const step = async () => {
      await using orphan = await Orphan.make(host.config(config));
      await before?.(orphan);
      await using vm = await orphan.adopt();
      if (rung === "sigkill") {
        Deno.kill(orphan.pid, "SIGSTOP");
        await untilState(orphan.pid, ["T"]);
      }
      const verdict = await soon(vm.shutdown(stop));
      assertEquals([verdict.rung, verdict.cause, verdict.intent], [rung, cause, "stop"]);
      // Only a parent gets it.
      assertEquals([verdict.exit, verdict.process], [null, "ended"]);
      assertEquals(await soon(vm.stopped), verdict);
      await orphan.gone();
      if (rung === "sigterm") assertMatch(verdict.stderrTail, /terminating on signal 15/);
    };
    await t.step({ name, fn: step, sanitizeOps: false, sanitizeResources: false, sanitizeExit: false });
  }));
});

Deno.test("disposing an adopted VM ends QEMU, and removes what is not a log; killing it says by whom", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config());
  const vm = await orphan.adopt();
  const verdict = await soon(vm.kill());
  assertEquals([verdict.cause, verdict.detail], ["killed", "QEMU was killed with SIGKILL, by its owner"]);
  assertEquals([verdict.exit, verdict.oomKill], [null, false]);
  await vm[Symbol.asyncDispose]();
  assertEquals(
    (await Array.fromAsync(Deno.readDir(orphan.run.runDir))).map(({ name }) => name).toSorted(),
    ["console.log", "resets.log"],
  );
  await using second = await Orphan.make(host.config());
  {
    await using _vm = await second.adopt();
  }
  await second.gone();
});

Deno.test("Vm.release() of an adopted VM leaves QEMU to the next one, as often as one likes", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config());
  for (let round = 0; round < 3; round++) {
    await using vm = await orphan.adopt();
    await vm.console?.write(`${round}`);
    await vm.console?.expect(`${round}`);
    await vm.release();
    assertEquals((await soon(vm.stopped)).process, "running");
    await assertRejects(() => vm.kill(), TypeError, "it was let go of");
    assert(await isAlive(orphan.pid));
  }
});

Deno.test("an adopted VM's end is seen, whoever brought it about, with what the guest said before", async (t) => {
  await using host = await VmHost.make();
  const cases: [name: string, act: (orphan: Orphan) => Promise<unknown>, cause: Verdict["cause"]][] = [
    ["the guest powers itself off", (orphan) => orphan.type(uniCommands.powerOff), "guest-shutdown"],
    ["the guest panics", (orphan) => orphan.type(uniCommands.panic), "guest-panic"],
    ["somebody sends SIGTERM", ({ pid }) => Promise.resolve(Deno.kill(pid, "SIGTERM")), "host-signal"],
    ["somebody sends SIGKILL", ({ pid }) => Promise.resolve(Deno.kill(pid, "SIGKILL")), "lost"],
    ["QEMU crashes", ({ pid }) => Promise.resolve(Deno.kill(pid, "SIGSEGV")), "lost"],
  ];
  await Promise.all(cases.map(async ([name, act, cause]) => {
    const step = async () => {
      await using orphan = await Orphan.make(host.config());
      // It has the console before the VM, so that it can type.
      await orphan.type("hello");
      await using vm = await orphan.adopt();
      await act(orphan);
      const verdict = await soon(vm.stopped);
      assertEquals([verdict.cause, verdict.process, verdict.exit], [cause, "ended", null]);
      assertMatch(verdict.consoleTail, /READY\n/);
      if (cause === "lost") assertMatch(verdict.detail, /^QEMU was killed or crashed/);
      await assertRejects(() => vm.status(), Error);
    };
    await t.step({ name, fn: step, sanitizeOps: false, sanitizeResources: false, sanitizeExit: false });
  }));
});

Deno.test("adopt() of a guest that came to its end meanwhile knows that end, with the events that nobody saw", async (t) => {
  await using host = await VmHost.make();
  const held = { ...HELD, reboot: "shutdown" } as const;
  const cases: [
    command: string,
    cause: Verdict["cause"],
    status: string,
    tripleFault: Verdict["tripleFault"],
  ][] = [
    [uniCommands.powerOff, "guest-shutdown", "shutdown", null],
    [uniCommands.panic, "guest-panic", "guest-panicked", null],
    [uniCommands.reset, "guest-reset", "shutdown", false],
    [uniCommands.tripleFault, "guest-reset", "shutdown", true],
    [uniCommands.armWatchdog, "watchdog", "watchdog", null],
  ];
  await Promise.all(cases.map(async ([command, cause, status, tripleFault]) => {
    const step = async () => {
      await using orphan = await Orphan.make(host.config({ actions: held, watchdog: "ib700" }));
      const known = await readRecording(orphan.run.runDir);
      await orphan.type(command);
      const recorded = await orphan.untilRecorded("STOP");
      orphan.hangUp();
      await using vm = await orphan.adopt({ missed: known });
      assertEquals([vm.found.status, vm.found.held?.cause], [status, cause]);
      // It is the first thing of every stream, and comes no second time; the events are told of once.
      using ends = vm.ends();
      using again = vm.ends();
      using events = vm.events();
      const [verdict, same] = [await nextOf(ends), await nextOf(again)];
      assertEquals([verdict.cause, verdict.process, verdict.tripleFault], [cause, "held", tripleFault]);
      assertEquals(verdict.events, recorded);
      assertEquals(same, verdict);
      await vm.reset();
      await vm.console?.expect("READY\n");
      const ended = await soon(vm.shutdown({ powerdownMs: 0 }));
      assertEquals([ended.cause, ended.rung], ["host-quit", "quit"]);
      assertEquals(causes(await Array.fromAsync(ends)), []);
      const all = await Array.fromAsync(events);
      assertEquals(all.slice(0, recorded.length - known.length), recorded.slice(known.length));
      assertEquals(all.filter(({ event }) => event === "STOP").length, 1);
    };
    const name = `${cause}, triple fault ${tripleFault}`;
    await t.step({ name, fn: step, sanitizeOps: false, sanitizeResources: false, sanitizeExit: false });
  }));
});

Deno.test("adopt() of a guest whose end was seen before knows it from what is known of the recording", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config({ actions: HELD }));
  await orphan.type(uniCommands.panic);
  const known = await orphan.untilRecorded("STOP");
  orphan.hangUp();
  await using vm = await orphan.adopt({ missed: known });
  using events = vm.events();
  assertEquals([vm.found.held?.cause, vm.found.held?.events], ["guest-panic", known]);
  // Clearing it away is no end of its own.
  const verdict = await soon(vm.shutdown({ powerdownMs: 0 }));
  assertEquals([verdict.cause, verdict.rung, verdict.intent], ["guest-panic", "quit", "stop"]);
  assertEquals(verdict.events.map(({ event }) => event), ["RESUME", "GUEST_PANICKED", "STOP", "SHUTDOWN"]);
  assertEquals((await Array.fromAsync(events)).map(({ event }) => event), ["SHUTDOWN"]);
});

Deno.test("adopt() has each reset that nobody saw as an end, and tells a triple fault from a wish", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config());
  const known = await readRecording(orphan.run.runDir);
  const commands = [uniCommands.tripleFault, uniCommands.reset, uniCommands.tripleFault];
  for (const [index, command] of commands.entries()) {
    await orphan.type(command);
    await orphan.untilRecorded("RESET", known.length + index);
    await orphan.untilSaid("READY", index + 2);
  }
  orphan.hangUp();
  await using vm = await orphan.adopt({ missed: known });
  using ends = vm.ends();
  const faults = [await nextOf(ends), await nextOf(ends), await nextOf(ends)].map((verdict) =>
    verdict.tripleFault
  );
  assertEquals(faults, [true, false, true]);
  // And goes on with the log where that ended.
  await vm.console?.write(uniCommands.tripleFault);
  assertEquals((await nextOf(ends)).tripleFault, true);
});

Deno.test("the streams of an adopted VM have all since its adoption, however late they are opened", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config());
  await using vm = await orphan.adopt({ missed: [] });
  await vm.pause();
  await vm.resume();
  await vm.console?.write(uniCommands.reset);
  await vm.console?.expect("READY\n");
  await vm.shutdown({ powerdownMs: 0 });
  const events = (await Array.fromAsync(vm.events())).map(({ event }) => event);
  assertEquals(events, ["RESUME", "STOP", "RESUME", "RESET", "SHUTDOWN"]);
  assertEquals(causes(await Array.fromAsync(vm.ends())), ["guest-reset running"]);
  assertEquals(await Array.fromAsync(vm.events()), []);
});

Deno.test("adopt() loses no event and doubles none while QEMU says one after another", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config({ monitors: [{ id: "mine" }] }));
  // Whoever has this one is not in the way: it is done without.
  const address = { transport: "unix", path: `${orphan.run.runDir}/mine.mon` } as const;
  await using other = await QmpClient.connect(address);
  let going = true;
  const flood = (async () => {
    while (going) {
      await other.execute("stop");
      await other.execute("cont");
      // Whoever adopts waits seconds for that monitor, and its streams hold only so much.
      await delay(1);
    }
  })().catch((error) => {
    // It breaks off where the test does.
    if (!(error instanceof QmpInterruptedError)) throw error;
  });
  for (let round = 0; round < 3; round++) {
    const known = await readRecording(orphan.run.runDir);
    await using vm = await orphan.adopt({ missed: known, timeoutMs: 3_000 });
    assert(!vm.monitors.has("mine"));
    const all = vm.events();
    using events = vm.events("STOP", "RESUME");
    // Those that were only recorded, those that came beside that, and some that only the monitor had.
    const wanted = (await readRecording(orphan.run.runDir)).length - known.length + 20;
    for (let count = 0; count < wanted; count++) await nextOf(events);
    await vm.release();
    await vm.stopped;
    const seen = await Array.fromAsync(all);
    const recorded = await readRecording(orphan.run.runDir);
    assert(seen.length >= wanted);
    assertEquals(seen, recorded.slice(known.length, known.length + seen.length));
  }
  going = false;
  await flood;
});

Deno.test("adopt() goes by the control monitor where another client has the others", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config({ actions: HELD }));
  await using _other = await QmpClient.connect({ transport: "unix", path: `${orphan.run.runDir}/watch` });
  await using vm = await orphan.adopt({ timeoutMs: 2_000 });
  assertEquals([...vm.monitors.keys()], ["control", "hmp"]);
  using ends = vm.ends();
  await vm.console?.write(uniCommands.panic);
  assertEquals((await nextOf(ends)).cause, "guest-panic");
});

Deno.test("an adopted VM outlives its monitors: its end is seen by its process", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config());
  await using vm = await orphan.adopt();
  await vm.qmp.close();
  await qmpOf(vm, "watch").close();
  await vm.console?.[Symbol.asyncDispose]();
  assertEquals(await processState(orphan.pid) !== "gone", true);
  await orphan.type(uniCommands.powerOff);
  const verdict = await soon(vm.stopped);
  // Nobody was told of it but the recorder.
  assertEquals([verdict.cause, verdict.process], ["guest-shutdown", "ended"]);
});

Deno.test("adopt() puts back what a supervisor that died in the middle of a reset had lifted", async () => {
  await using host = await VmHost.make();
  const actions = { ...HELD, reboot: "shutdown" } as const;
  await using orphan = await Orphan.make(host.config({ actions }));
  {
    await using before = await orphan.adopt();
    await before.qmp.execute("set-action", { reboot: "reset" });
    await before.release();
  }
  await using vm = await orphan.adopt({ missed: await readRecording(orphan.run.runDir) });
  using ends = vm.ends();
  await vm.console?.write(uniCommands.reset);
  assertEquals(causes([await nextOf(ends)]), ["guest-reset held"]);
});

Deno.test("adopt() refuses another QEMU in the place of its own, and leaves nothing open", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config({ uuid: UUID }));
  const other = "00000000-0000-4000-8000-000000000000";
  const argv = orphan.run.argv.map((word) => word === UUID ? other : word);
  const error = await assertRejects(() => adopt({ ...orphan.run, argv }), Error);
  assertEquals(error.name, "AdoptionError");
  assertMatch(error.message, new RegExp(`has the uuid ${UUID}, and its own is ${other}`));
  // Its monitors are free again, at once.
  await using vm = await orphan.adopt();
  assertEquals(vm.found.status, "running");
});

Deno.test("adopt() says that QEMU is gone, or does not answer, and obeys its signal", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config());
  Deno.kill(orphan.pid, "SIGSTOP");
  await untilState(orphan.pid, ["T"]);
  await assertRejects(() => orphan.adopt({ timeoutMs: 100 }), Error, "control");
  const signal = AbortSignal.timeout(50);
  await assertRejects(() => orphan.adopt({ signal }), DOMException);
  Deno.kill(orphan.pid, "SIGKILL");
  await orphan.gone();
  await assertRejects(() => orphan.adopt(), Error, "control");
});
