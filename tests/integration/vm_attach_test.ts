// Attaching to a QEMU that somebody else started, and letting go of one.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { attach, launch, MonitorBusyError, QmpConnectError, type Vm } from "../../mod.ts";
import { uniCommands } from "../../src/testing/mod.ts";
import { killIfThere } from "./_kill_if_there.ts";
import { tellsItsStart, untilStarted } from "./_started.ts";
import { HELD, isAlive, nextOf, qmpOf, soon, untilState, VmHost } from "./_vm_host.ts";

/** A QEMU started by hand, as in QEMU's own documentation. */
class ByHand implements AsyncDisposable {
  readonly process: Deno.ChildProcess;

  constructor(args: readonly string[]) {
    this.process = new Deno.Command("qemu-system-x86_64", {
      args: ["-accel", "tcg", "-nodefaults", "-display", "none", "-machine", "pc", "-m", "16", ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfThere(this.process, "SIGKILL");
    await this.process.status;
  }
}

/** A TCP port that is free now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("attach() takes part in a QEMU that was started by hand with -qmp tcp:..., and never stops it", async () => {
  const port = freePort();
  await using host = await VmHost.make();
  const qmp = ["-qmp", `tcp:localhost:${port},server,nowait`];
  await using qemu = new ByHand(["-name", "theirs", ...qmp, ...tellsItsStart(host.dir)]);
  await untilStarted(host.dir, qemu.process);
  const address = { transport: "tcp", host: "localhost", port } as const;
  for (let round = 0; round < 2; round++) {
    await using vm = await attach(address);
    assertEquals([vm.name, vm.pid, vm.argv, vm.runDir, vm.console], ["theirs", null, null, null, null]);
    assertEquals([...vm.monitors.keys()], ["control"]);
    assertEquals((await vm.status()).status, "running");
    using events = vm.events("STOP", "RESUME");
    await vm.pause();
    await vm.resume();
    assertEquals([(await nextOf(events)).event, (await nextOf(events)).event], ["STOP", "RESUME"]);
    await assertRejects(() => vm.kill(), TypeError, 'Cannot kill VM "theirs": it was attached to');
    assertEquals((await vm.status()).status, "running");
  }
  assert(await isAlive(qemu.process.pid));
});

Deno.test("attach() by a unix socket; disposing it lets go, and `stopped` says so", async () => {
  await using host = await VmHost.make();
  await using mine = await host.obedient({ name: "mine", monitors: [{ id: "theirs" }] });
  await qmpOf(mine, "theirs").close();
  const address = { transport: "unix", path: `${mine.runDir}/theirs.mon` } as const;
  const vm = await attach(address);
  using ends = vm.ends();
  await vm[Symbol.asyncDispose]();
  const verdict = await soon(vm.stopped);
  assertEquals([verdict.cause, verdict.process, verdict.exit], ["lost", "running", null]);
  assertEquals(verdict.detail, "QEMU was let go of and left running; what becomes of it is not known here");
  assertEquals(await Array.fromAsync(ends), []);
  await vm[Symbol.asyncDispose]();
  assertEquals((await mine.status()).status, "running");
  // The monitor is free for the next one.
  await using again = await attach(address);
  assertEquals(again.name, "mine");
});

Deno.test("attach() sees the guest's ends, and resolves `stopped` at the end of the connection with no exit", async () => {
  await using host = await VmHost.make();
  await using mine = await host.obedient({ actions: HELD, monitors: [{ id: "theirs" }] });
  await qmpOf(mine, "theirs").close();
  await using vm = await attach({ transport: "unix", path: `${mine.runDir}/theirs.mon` });
  using ends = vm.ends();
  await mine.console?.write(uniCommands.reset);
  assertEquals((await nextOf(ends)).cause, "guest-reset");
  await mine.console?.expect("READY\n");
  await mine.console?.write(uniCommands.panic);
  assertEquals((await nextOf(ends)).cause, "guest-panic");
  const verdict = await soon(vm.shutdown());
  assertEquals([verdict.cause, verdict.rung, verdict.exit], ["guest-panic", "quit", null]);
  await soon(mine.stopped);
});

Deno.test("attach() to a guest that is held at its end knows why", async () => {
  await using host = await VmHost.make();
  await using mine = await host.obedient({ actions: HELD, monitors: [{ id: "theirs" }] });
  await qmpOf(mine, "theirs").close();
  using ends = mine.ends();
  await mine.console?.write(uniCommands.panic);
  await nextOf(ends);
  await using vm = await attach({ transport: "unix", path: `${mine.runDir}/theirs.mon` });
  assertEquals((await soon(vm.shutdown())).cause, "guest-panic");
});

Deno.test("attach() presses the power button, then quits, and says when neither is obeyed; it can be asked again", async () => {
  await using host = await VmHost.make();
  await using mine = await host.obedient({ monitors: [{ id: "theirs" }] });
  await qmpOf(mine, "theirs").close();
  await using vm = await attach({ transport: "unix", path: `${mine.runDir}/theirs.mon` });
  Deno.kill(mine.pid ?? 0, "SIGSTOP");
  await untilState(mine.pid ?? 0, ["T"]);
  await assertRejects(
    () => vm.shutdown({ powerdownMs: 0, quitMs: 50 }),
    Error,
    "QEMU obeyed neither its power button nor quit",
  );
  Deno.kill(mine.pid ?? 0, "SIGCONT");
  const verdict = await soon(vm.shutdown({ powerdownMs: 0, quitMs: 30_000 }));
  assertEquals([verdict.cause, verdict.intent], ["host-quit", "stop"]);
});

Deno.test("attach() says that a monitor is busy, that nobody listens, and takes a signal", async () => {
  await using host = await VmHost.make();
  await using mine = await launch(host.config(), { paused: true });
  const address = { transport: "unix", path: `${mine.runDir}/control` } as const;
  await assertRejects(() => attach(address, { timeoutMs: 500 }), MonitorBusyError, "control");
  const nowhere = { transport: "unix", path: `${host.dir}/nobody` } as const;
  await assertRejects(() => attach(nowhere), QmpConnectError, "nobody");
  const signal = AbortSignal.abort(new Error("no"));
  await assertRejects(() => attach(address, { signal }), Error, "no");
  const controller = new AbortController();
  const attaching = attach(address, { signal: controller.signal });
  controller.abort(new Error("not any more"));
  await assertRejects(() => attaching, Error, "not any more");
  await assertRejects(() => attach(address, { stop: { quitMs: NaN } }), RangeError, "'quitMs'");
  assertEquals((await mine.status()).status, "prelaunch");
});

Deno.test("Vm.screenshot() of an attached QEMU works, and leaves no file", async () => {
  await using host = await VmHost.make();
  await using mine = await launch(host.config({ vga: "std", sandbox: false, monitors: [{ id: "theirs" }] }), {
    paused: true,
  });
  await qmpOf(mine, "theirs").close();
  await using vm = await attach({ transport: "unix", path: `${mine.runDir}/theirs.mon` });
  assertEquals([...(await vm.screenshot()).slice(1, 4)], [0x50, 0x4e, 0x47]);
});

/** Ends a QEMU that was let go of. */
async function end(vm: Vm): Promise<void> {
  await using attached = await attach({ transport: "unix", path: `${vm.runDir}/control` });
  await soon(attached.shutdown({ powerdownMs: 0 }));
  await untilState(vm.pid ?? 0, ["gone", "Z"]);
}

Deno.test("Vm.release() leaves a detached QEMU running, and disposing it then does nothing", {
  // The process that is let go of is not waited for: that is what is tested.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using host = await VmHost.make();
  const runDir = `${host.dir}/detached`;
  const lifetime = { kind: "detached", stderrFile: `${host.dir}/stderr.log` } as const;
  let vm: Vm;
  {
    await using launched = await host.obedient({ name: "free" }, { runDir, lifetime });
    vm = launched;
    await vm.release();
    const verdict = await soon(vm.stopped);
    assertEquals([verdict.cause, verdict.process], ["lost", "running"]);
    await assertRejects(() => vm.kill(), TypeError, "it was let go of");
  }
  assert(await isAlive(vm.pid ?? 0));
  await end(vm);
});

Deno.test("a detached QEMU is ended by dispose, and its stderr is in the file", async () => {
  await using host = await VmHost.make();
  const stderrFile = `${host.dir}/it's a "file"; echo.log`;
  const lifetime = { kind: "detached", stderrFile } as const;
  const vm = await host.obedient({}, { lifetime });
  Deno.kill(vm.pid ?? 0, "SIGTERM");
  const verdict = await soon(vm.stopped);
  await vm[Symbol.asyncDispose]();
  assertEquals(verdict.cause, "host-signal");
  assert(verdict.stderrTail.includes("terminating on signal 15"), verdict.stderrTail);
  assertEquals(await Deno.readTextFile(stderrFile), verdict.stderrTail);
});
