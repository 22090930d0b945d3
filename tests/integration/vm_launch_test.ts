// Launching: what ready means, what one gets, and giving it up.
import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { HmpMonitor, launch, type MonitorAddress, QmpClient } from "../../mod.ts";
import { StartLine } from "../../src/vm/start_line.ts";
import { inTime } from "../../src/vm/waiting.ts";
import { isAlive, nextOf, processesWith, qmpOf, soon, VmHost } from "./_vm_host.ts";

Deno.test("launch() returns when every control-mode monitor is negotiated, whatever its transport", async () => {
  await using host = await VmHost.make();
  const elsewhere: MonitorAddress = { transport: "unix", path: `${host.dir}/elsewhere` };
  const abstract: MonitorAddress = { transport: "unix", path: `\0qeeper-test-${crypto.randomUUID()}` };
  await using vm = await launch(host.config({
    monitors: [
      { id: "own" },
      { id: "pretty", pretty: true },
      { id: "elsewhere", address: elsewhere },
      { id: "abstract", address: abstract },
      { id: "tcp", address: { transport: "tcp", host: "127.0.0.1", port: 0 } },
      { id: "stdio", address: { transport: "stdio" } },
      { id: "people", mode: "readline" },
      { id: "remote", mode: "readline", address: { transport: "tcp", host: "127.0.0.1", port: 0 } },
    ],
  }));
  const control = ["control", "watch", "own", "pretty", "elsewhere", "abstract", "tcp", "stdio"];
  assertEquals([...vm.monitors.keys()].toSorted(), [...control, "hmp", "people", "remote"].toSorted());
  for (const id of control) {
    assertEquals((await qmpOf(vm, id).execute("query-status")).status, "running", id);
    assertEquals(qmpOf(vm, id).greeting.version.qemu.major > 0, true, id);
  }
  for (const id of ["hmp", "people", "remote"]) {
    const monitor = vm.monitors.get(id);
    assert(monitor instanceof HmpMonitor);
    assertEquals(await monitor.execute("info status"), "VM status: running\n", id);
  }
});

Deno.test("launch() leaves a monitor alone for which QEMU connects to a listener", async () => {
  await using host = await VmHost.make();
  const path = `${host.dir}/listener`;
  using listener = Deno.listen({ transport: "unix", path });
  const accepted = listener.accept();
  const monitors = [{ id: "home", server: false, address: { transport: "unix", path } }] as const;
  await using vm = await launch(host.config({ monitors }));
  assertEquals(vm.monitors.has("home"), false);
  using connection = await accepted;
  const buffer = new Uint8Array(1024);
  const count = await connection.read(buffer);
  assertStringIncludes(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), '"QMP"');
});

Deno.test("launch() gives what was asked for: name, argv, pid, run directory, paused or not", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config({ name: "web" }), { paused: true });
  assertEquals([vm.name, (await vm.status()).status], ["web", "prelaunch"]);
  assert(vm.pid !== null && vm.argv !== null && vm.runDir !== null);
  assertEquals(vm.argv[0], "qemu-system-x86_64");
  const cmdline = (await Deno.readTextFile(`/proc/${vm.pid}/cmdline`)).split("\0").slice(0, -1);
  assertEquals(cmdline, [...vm.argv], "the process runs exactly that, with nothing before it");
  assertEquals((await Deno.readTextFile(`${vm.runDir}/pid`)).trim(), String(vm.pid));
  await vm.resume();
  assertEquals((await vm.status()).status, "running");
  await vm.console?.expect("READY\n");
});

Deno.test("launch() that is given up leaves no process and no directory, at whatever moment", async (t) => {
  await using host = await VmHost.make();
  const name = `gone-${crypto.randomUUID()}`;
  const config = host.config({ name });
  const reason = new Error("changed my mind");
  const leftovers = async () => [await host.runDirs(), await processesWith(name)];

  await t.step("before", async () => {
    await assertRejects(() => launch(config, { signal: AbortSignal.abort(reason) }), Error, reason.message);
    assertEquals(await leftovers(), [[], []]);
  });

  // Launching asks this logger, and the run directory is looked at: moments that are the same on each machine.
  const moments: Record<string, (abort: () => void) => Promise<void> | void> = {
    "in the same turn": (abort) => abort(),
    "when the run directory is there": (abort) => until(async () => (await host.runDirs()).length > 0, abort),
    "when QEMU is there": (abort) => until(async () => (await processesWith(name)).length > 0, abort),
    "when QEMU listens": (abort) => until(() => socketIn(host, "control"), abort),
    "when the console is there": (abort) => until(() => socketIn(host, "console"), abort),
  };
  for (const [moment, wait] of Object.entries(moments)) {
    await t.step(moment, async () => {
      // A launch may be quicker than who looks for its moment: then another one is looked at.
      for (let tries = 0, happened = "launched"; happened === "launched"; tries++) {
        assert(tries < 50, "it was launched each time before it could be given up");
        const controller = new AbortController();
        const launching = launch(config, { signal: controller.signal });
        const outcome = launching.then(async (vm) => {
          await vm[Symbol.asyncDispose]();
          return moment.includes("console") ? "launched in time" : "launched";
        }, (error) => error === reason ? "given up" : Promise.reject(error));
        await wait(() => controller.abort(reason));
        happened = await soon(outcome);
        assertEquals(await leftovers(), [[], []]);
      }
    });
  }
});

/** Looks again and again until something is so, then acts. */
async function until(isSo: () => Promise<boolean>, act: () => void): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!await isSo() && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 0));
  act();
}

async function socketIn(host: VmHost, name: string): Promise<boolean> {
  for (const dir of await host.runDirs()) {
    const entries = await Array.fromAsync(Deno.readDir(`${host.dir}/qeeper/${dir}`)).catch(() => []);
    if (entries.some((entry) => entry.name === name)) return true;
  }
  return false;
}

Deno.test("launch() eight at a time gives eight VMs that know nothing of each other", async () => {
  await using host = await VmHost.make();
  await using stack = new AsyncDisposableStack();
  const vms = await Promise.all(Array.from({ length: 8 }, async (_, index) => {
    const vm = await launch(host.config({ name: `vm${index}` }));
    stack.use(vm);
    return vm;
  }));
  assertEquals(new Set(vms.map(({ runDir }) => runDir)).size, 8);
  assertEquals(
    await Promise.all(vms.map(async (vm) => (await vm.qmp.execute("query-name")).name)),
    vms.map(({ name }) => name),
  );
  const [first, ...rest] = vms;
  await first?.kill();
  for (const vm of rest) assertEquals((await vm.status()).status, "running");
  await stack.disposeAsync();
  for (const { pid } of vms) assertEquals(await isAlive(pid ?? 0), false);
});

Deno.test("launch() puts secrets into files of mode 0600, never on the command line", async () => {
  await using host = await VmHost.make();
  const value = "sesame, open";
  await using vm = await launch(host.config({ secrets: [{ id: "key0", value }] }), { paused: true });
  assertEquals(vm.argv?.some((word) => word.includes("sesame")), false);
  const file = `${vm.runDir}/key0.secret`;
  assertEquals([await Deno.readTextFile(file), ((await Deno.stat(file)).mode ?? 0) & 0o777], [value, 0o600]);
});

Deno.test("launch() makes the guest agent's socket where the config wants one", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config({ agent: true }), { paused: true });
  assertEquals((await Deno.stat(`${vm.runDir}/agent`)).isSocket, true);
  const chardevs = await vm.qmp.execute("query-chardev");
  assertEquals(chardevs.filter(({ label }) => label === "agent").length, 1);
});

Deno.test("launch() without a console, and with a virtio one", async () => {
  await using host = await VmHost.make();
  await using none = await launch(host.config({ console: "none" }));
  assertEquals(none.console, null);
  await using virtio = await launch(host.config({ console: "virtio" }), { paused: true });
  assertEquals(virtio.console?.transcript, "");
});

Deno.test("launch() delivers the first event to whoever subscribes in the same turn", async () => {
  await using host = await VmHost.make();
  for (let round = 0; round < 5; round++) {
    await using vm = await launch(host.config());
    using events = vm.events();
    assertEquals((await nextOf(events)).event, "RESUME");
  }
});

Deno.test("launch() negotiates out-of-band execution on its control monitor", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config(), { paused: true });
  assertEquals(vm.qmp.greeting.capabilities, ["oob"]);
  assert(Array.isArray(await vm.qmp.execute("query-yank", {}, { oob: true })));
  assert(vm.monitors.get("control") instanceof QmpClient);
});

Deno.test("StartLine is ready when QEMU's I/O thread has answered on it, and no later than it is disposed of", async () => {
  await using host = await VmHost.make();
  const path = `${host.dir}/tie`;
  const heard = async (answer: (connection: Deno.UnixConn, line: StartLine) => Promise<unknown>) => {
    await using line = StartLine.open("none", path);
    assert(line);
    using connection = await Deno.connect({ transport: "unix", path });
    const buffer = new Uint8Array(100);
    const count = await connection.read(buffer);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), '{"exec-oob":"query-yank"}');
    await connection.write(new TextEncoder().encode('{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n'));
    await connection.write(new TextEncoder().encode('{"timestamp": {}, "event": "RESUME"}\r\n'));
    assertEquals(await inTime(line.ready, 50), false);
    await answer(connection, line);
    await soon(line.ready);
  };
  await heard((connection) =>
    connection.write(new TextEncoder().encode('{"error": {"desc": "not yet"}}\r\n'))
  );
  await heard((connection) => Promise.resolve(connection.close()));
  await heard((_, line) => line[Symbol.asyncDispose]());
  // Nobody came; and the socket is gone, so that the next launch can listen there at once.
  for (let round = 0; round < 3; round++) {
    const line = StartLine.open("none", path);
    await line?.[Symbol.asyncDispose]();
    await soon(line?.ready ?? Promise.reject());
  }
});

Deno.test("a script that launches a VM and ends it loads no timers of Node's, which cost it 4 to 6 ms, and ends with it", async () => {
  const start = performance.now();
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("_lean_script.ts", import.meta.url).pathname],
    stdin: "null",
  }).output();
  assertEquals(
    JSON.parse(new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr)),
    { cause: "host-quit", looked: [] },
  );
  // The limit of becoming ready, a minute, holds nobody up once it is not needed.
  assertLess(performance.now() - start, 30_000);
});
