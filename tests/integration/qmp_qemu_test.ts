// The QMP client on real QEMU: what no fake has. The rest is in qmp_suite_test.ts.
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  MonitorBusyError,
  openTransport,
  QmpClient,
  QmpInterruptedError,
  stdioTransport,
} from "../../src/qmp/mod.ts";
import { MonitorQemu } from "./_monitor_qemu.ts";

Deno.test("QmpClient speaks with QEMU over TCP", async () => {
  await using qemu = await MonitorQemu.start([""], [
    ...[
      "-chardev",
      "socket,id=tcp,host=127.0.0.1,port=0,server=on,wait=off",
      "-mon",
      "chardev=tcp,mode=control",
    ],
  ]);
  await using first = await qemu.connect();
  // QEMU has chosen the port, and says which one.
  const chardevs = await first.execute("query-chardev") as { label: string; filename: string }[];
  const port = Number(/:(\d+),/.exec(chardevs.find(({ label }) => label === "tcp")?.filename ?? "")?.[1]);
  await using client = await QmpClient.connect({ transport: "tcp", host: "127.0.0.1", port });
  assertEquals((await client.execute("query-status")).status, "running");
});

Deno.test("QmpClient speaks with QEMU on a child's stdin and stdout, to its end", async () => {
  const child = new Deno.Command("qemu-system-x86_64", {
    args: ["-machine", "none", "-accel", "tcg", "-nodefaults", "-display", "none", "-qmp", "stdio"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const client = await QmpClient.over(stdioTransport(child), { timeoutMs: 30_000 });
  using stream = client.events();
  const schema = await client.execute("query-qmp-schema") as unknown[];
  assert(schema.length > 100);
  await client.execute("quit");
  await client.closed;
  assertEquals([client.failure, (await stream.next()).value?.event], [null, "SHUTDOWN"]);
  await client.close();
  assertEquals((await child.status).code, 0);
});

Deno.test("QmpClient.close() leaves QEMU on a child's stdio running", async () => {
  const child = new Deno.Command("qemu-system-x86_64", {
    args: [
      ...["-machine", "none", "-accel", "tcg", "-nodefaults", "-display", "none"],
      ...["-chardev", "stdio,id=s", "-mon", "chardev=s,mode=control"],
    ],
    stdin: "piped",
    stdout: "piped",
    // It says which process it was that told it to end.
    stderr: "null",
  }).spawn();
  const client = await QmpClient.over(stdioTransport(child), { timeoutMs: 30_000 });
  const pending = client.execute("query-qmp-schema");
  await Promise.all([assertRejects(() => pending, QmpInterruptedError), client.close()]);
  assertEquals(client.failure, null);
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 0, "it was there to be told");
});

Deno.test("QmpClient takes the end of QEMU as a clean end, after the event that says why", async () => {
  await using qemu = await MonitorQemu.start(["", ""]);
  await using control = await qemu.connect(0);
  await using watch = await qemu.connect(1);
  using stream = watch.events("SHUTDOWN");
  const event = await control.expect("SHUTDOWN", () => control.execute("quit"));
  assertEquals(event.data, { guest: false, reason: "host-qmp-quit" });
  assertEquals((await Array.fromAsync(stream)).map(({ data }) => data.reason), ["host-qmp-quit"]);
  await Promise.all([control.closed, watch.closed]);
  assertEquals([control.failure, watch.failure], [null, null]);
});

Deno.test("QmpClient.connect() to a monitor whose queue is full tries again, and says at its deadline that it is busy", async () => {
  await using qemu = await MonitorQemu.start();
  const first = await qemu.connect();
  const waiting = [];
  try {
    for (;;) waiting.push(await openTransport(qemu.address()));
  } catch (error) {
    assertInstanceOf(error, Deno.errors.WouldBlock);
    const busy = await assertRejects(
      () => QmpClient.connect(qemu.address(), { timeoutMs: 20 }),
      MonitorBusyError,
      "queue of waiting clients is full",
    );
    assertEquals(busy.phase, "open");
  }
  const last = QmpClient.connect(qemu.address(), { timeoutMs: 30_000 });
  await Promise.all([first.close(), ...waiting.map((transport) => transport.close())]);
  await using client = await last;
  assertEquals((await client.execute("query-status")).status, "running");
});
