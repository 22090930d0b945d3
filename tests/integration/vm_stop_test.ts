// Stopping: each rung of the ladder on a real QEMU, disposing in every state, and what `stopped` says.
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  launch,
  type LaunchOptions,
  type StopRung,
  type Verdict,
  type Vm,
  type VmConfig,
} from "../../mod.ts";
import { uniCommands } from "../../src/testing/mod.ts";
import { assertWithin } from "./_assert_within.ts";
import { HELD, isAlive, nextOf, soon, untilState, VmHost } from "./_vm_host.ts";

/** Long enough that a rung with it is not what ends a test. */
const LONG_MS = 30_000;

async function sigstop(vm: Vm): Promise<void> {
  assert(vm.pid !== null);
  Deno.kill(vm.pid, "SIGSTOP");
  await untilState(vm.pid, ["T"]);
}

/** Has the guest obey its power button from now on. */
async function teachManners(vm: Vm): Promise<void> {
  await vm.console?.write(uniCommands.obeyPowerButton);
  await vm.console?.expect("g");
}

Deno.test("Vm.shutdown() climbs to the rung that works, and says which it was", async (t) => {
  await using host = await VmHost.make();
  interface Case {
    name: string;
    config?: VmConfig;
    before?: (vm: Vm) => Promise<unknown>;
    stop: NonNullable<LaunchOptions["stop"]>;
    rung: StopRung;
    cause: Verdict["cause"];
    code: number;
  }
  const cases: Case[] = [
    {
      name: "a guest that obeys its power button",
      before: teachManners,
      stop: { powerdownMs: LONG_MS },
      rung: "powerdown",
      cause: "guest-shutdown",
      code: 0,
    },
    {
      name: "one that obeys it and is held at its end",
      config: { actions: HELD },
      before: teachManners,
      stop: { powerdownMs: LONG_MS },
      rung: "powerdown",
      cause: "guest-shutdown",
      code: 0,
    },
    {
      name: "one that ignores it",
      stop: { powerdownMs: 50, quitMs: LONG_MS },
      rung: "quit",
      cause: "host-quit",
      code: 0,
    },
    {
      name: "one that is paused",
      before: (vm) => vm.pause(),
      stop: { powerdownMs: LONG_MS, quitMs: LONG_MS },
      rung: "quit",
      cause: "host-quit",
      code: 0,
    },
    {
      name: "a QEMU whose monitor is gone",
      before: (vm) => vm.qmp.close(),
      stop: { powerdownMs: LONG_MS, quitMs: LONG_MS, termMs: LONG_MS },
      rung: "sigterm",
      cause: "host-signal",
      code: 0,
    },
    {
      name: "a QEMU that does not run",
      before: sigstop,
      stop: { powerdownMs: 50, quitMs: 50, termMs: 50 },
      rung: "sigkill",
      cause: "killed",
      code: 137,
    },
  ];
  for (const { name, config, before, stop, rung, cause, code } of cases) {
    await t.step(name, async () => {
      await using vm = await host.obedient(config);
      await before?.(vm);
      const verdict = await soon(vm.shutdown(stop));
      assertEquals([verdict.rung, verdict.cause, verdict.exit?.code], [rung, cause, code]);
      assertEquals([verdict.intent, verdict.process], ["stop", "ended"]);
      assertEquals(await vm.stopped, verdict);
      assertEquals(await isAlive(vm.pid ?? 0), false);
    });
  }
});

Deno.test("Vm.shutdown() without budgets has those of the launch", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({}, { stop: { powerdownMs: 0, quitMs: 0, termMs: LONG_MS } });
  assertEquals((await soon(vm.shutdown())).rung, "sigterm");
});

Deno.test("Vm.shutdown() of a guest that is held at its end has the guest's own cause", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ actions: HELD });
  using ends = vm.ends();
  await vm.console?.write(uniCommands.panic);
  const held = await nextOf(ends);
  assertEquals([held.cause, held.process, held.exit], ["guest-panic", "held", null]);
  const verdict = await soon(vm.shutdown({ powerdownMs: LONG_MS }));
  assertEquals([verdict.cause, verdict.rung, verdict.process], ["guest-panic", "quit", "ended"]);
});

Deno.test("Vm.shutdown() twice, or after the end, gives the same verdict", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  const both = await Promise.all([vm.shutdown({ powerdownMs: 0 }), vm.shutdown({ powerdownMs: LONG_MS })]);
  assertEquals(both[0], both[1]);
  assertEquals(await vm.shutdown(), both[0]);
  assertEquals(await vm.kill(), both[0]);
});

Deno.test("Vm.shutdown() refuses budgets that are no times, and can be called again with better ones", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await assertRejects(() => vm.shutdown({ quitMs: -1 }), RangeError, "'quitMs'");
  assertEquals((await vm.status()).running, true);
  assertEquals((await vm.shutdown({ powerdownMs: 0 })).rung, "quit");
});

Deno.test("Vm.shutdown() that is given up goes on, only its caller does not wait", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  await assertRejects(
    () => vm.shutdown({ signal: AbortSignal.abort(new Error("never mind")) }),
    Error,
    "never mind",
  );
  assertEquals((await vm.status()).running, true, "that one was never begun");
  const controller = new AbortController();
  const stopping = vm.shutdown({ powerdownMs: 50, signal: controller.signal });
  controller.abort(new Error("too slow"));
  await assertRejects(() => stopping, Error, "too slow");
  assertEquals((await soon(vm.stopped)).rung, "quit");
});

Deno.test("Vm.kill() ends QEMU at once, whatever it is doing", async (t) => {
  await using host = await VmHost.make();
  for (const before of [teachManners, sigstop]) {
    await t.step(before.name, async () => {
      await using vm = await host.obedient();
      await before(vm);
      const verdict = await soon(vm.kill());
      assertEquals([verdict.cause, verdict.rung, verdict.intent], ["killed", "sigkill", "kill"]);
      assertEquals(verdict.exit, { code: 137, signal: "SIGKILL" });
      assertEquals(verdict.detail, "QEMU was killed with SIGKILL, by its owner");
    });
  }
  await t.step("and can be given up by its caller", async () => {
    await using vm = await host.obedient();
    await assertRejects(() => vm.kill({ signal: AbortSignal.abort(new Error("no")) }), Error, "no");
    assertEquals((await vm.status()).running, true);
  });
});

Deno.test("Vm.stopped resolves once, with everything closed and delivered", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient();
  using events = vm.events();
  using ends = vm.ends();
  await vm.console?.write(`end${uniCommands.powerOff}`);
  const verdict = await soon(vm.stopped);
  assertEquals(await vm.stopped, verdict);
  assertEquals((await Array.fromAsync(events)).at(-1)?.event, "SHUTDOWN");
  assertEquals(await Array.fromAsync(ends), []);
  assertEquals([vm.qmp.open, vm.console?.transcript], [false, "READY\nend"]);
  assertEquals(await Array.fromAsync(vm.events()), [], "a stream that is opened after the end is ended");
  assertEquals(await Array.fromAsync(vm.ends()), []);
});

Deno.test("Vm dispose ends QEMU within 5 s in every state, and leaves no process and no directory", async (t) => {
  await using host = await VmHost.make();
  const states: Record<string, { config?: VmConfig; reach: (vm: Vm) => Promise<unknown> }> = {
    "running": { reach: () => Promise.resolve() },
    "paused": { reach: (vm) => vm.pause() },
    "held at its end": {
      config: { actions: HELD },
      reach: async (vm) => {
        using ends = vm.ends();
        await vm.console?.write(uniCommands.powerOff);
        await nextOf(ends);
      },
    },
    "not running at all (SIGSTOP)": { reach: sigstop },
    "dead already": {
      reach: async (vm) => {
        await vm.kill();
      },
    },
    "dying": {
      reach: (vm) => {
        Deno.kill(vm.pid ?? 0, "SIGKILL");
        return Promise.resolve();
      },
    },
    "being shut down, with a power button that is ignored": {
      reach: (vm) => {
        const stopping = vm.shutdown({ powerdownMs: LONG_MS });
        stopping.catch(() => {});
        return Promise.resolve();
      },
    },
    "its control monitor lost": { reach: (vm) => vm.qmp.close() },
    "its run directory removed": { reach: (vm) => Deno.remove(vm.runDir ?? "", { recursive: true }) },
  };
  for (const [name, { config, reach }] of Object.entries(states)) {
    await t.step(name, async () => {
      await assertWithin(5_000, async () => {
        const vm = await host.obedient(config);
        await reach(vm);
        const startedMs = performance.now();
        await Promise.all([vm[Symbol.asyncDispose](), vm[Symbol.asyncDispose]()]);
        const tookMs = performance.now() - startedMs;
        assertEquals(await isAlive(vm.pid ?? 0), false);
        assertEquals(await host.runDirs(), []);
        await vm[Symbol.asyncDispose]();
        assertEquals((await vm.stopped).process, "ended");
        return tookMs;
      });
    });
  }
});

Deno.test("Vm dispose keeps the logs of a directory that was named, also when that is gone", async () => {
  await using host = await VmHost.make();
  const runDir = `${host.dir}/named`;
  {
    await using _vm = await host.obedient({}, { runDir });
  }
  assertEquals((await Array.fromAsync(Deno.readDir(runDir))).map(({ name }) => name).toSorted(), [
    "console.log",
    "resets.log",
  ]);
  const other = `${host.dir}/other`;
  {
    await using _vm = await host.obedient({}, { runDir: other });
    await Deno.remove(other, { recursive: true });
  }
  await assertRejects(() => Deno.stat(other), Deno.errors.NotFound);
});

Deno.test("Vm.release() is refused for a QEMU that ends with this process", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config(), { paused: true });
  await assertRejects(() => vm.release(), TypeError, 'launch it with lifetime: { kind: "detached" }');
  assertEquals((await vm.status()).status, "prelaunch");
});

Deno.test("a Vm with signals of its own removes its handlers when it is gone", async () => {
  await using host = await VmHost.make();
  // Deno's resource sanitizer would tell of a handler that is left.
  for (const signals of ["stop", "ignore"] as const) {
    await using vm = await launch(host.config(), { signals });
    await vm.kill();
  }
});
