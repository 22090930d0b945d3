// The QMP client on real QEMU.
import fc from "fast-check";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  MonitorBusyError,
  openTransport,
  QmpClient,
  QmpClosedError,
  QmpCommandError,
  QmpInterruptedError,
  QmpTimeoutError,
  stdioTransport,
} from "../../src/qmp/mod.ts";
import { MonitorQemu } from "./_monitor_qemu.ts";

Deno.test("QmpClient negotiates oob with QEMU, which answers an out-of-band command before 43 of 50 in-band ones", async () => {
  await using qemu = await MonitorQemu.start();
  await using client = await qemu.connect();
  assert(client.greeting.capabilities.includes("oob"));
  const order: string[] = [];
  const calls = Array.from(
    { length: 50 },
    (_, n) => client.execute("query-status").then(() => order.push(`${n}`)),
  );
  calls.push(client.execute("query-yank", {}, { oob: true }).then(() => order.push("oob")));
  await Promise.all(calls);
  const inBand = order.filter((name) => name !== "oob");
  assertEquals(inBand, Array.from({ length: 50 }, (_, n) => `${n}`));
  assert(order.indexOf("oob") <= 7, `It came after ${order.indexOf("oob")}`);
});

Deno.test("QmpClient keeps QEMU's own words for a command that it refuses", async () => {
  await using qemu = await MonitorQemu.start();
  await using client = await qemu.connect();
  const unknown = await assertRejects(() => client.execute("x-no-such-command" as string), QmpCommandError);
  assertEquals([unknown.command, unknown.class], ["x-no-such-command", "CommandNotFound"]);
  assertEquals(unknown.desc, "The command x-no-such-command has not been found");
  const oob = await assertRejects(() => client.execute("query-name", {}, { oob: true }), QmpCommandError);
  assertEquals(oob.class, "GenericError");
  assertEquals((await client.execute("query-status")).running, true);
});

Deno.test("QmpClient reads what a monitor with pretty=on writes, events included", async () => {
  await using qemu = await MonitorQemu.start(["pretty=on"]);
  await using client = await qemu.connect();
  using stream = client.events();
  const schema = await client.execute("query-qmp-schema") as unknown[];
  assert(schema.length > 100);
  await client.execute("stop");
  await client.execute("cont");
  assertEquals((await stream.next()).value?.event, "STOP");
  assertEquals((await stream.next()).value?.event, "RESUME");
});

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

Deno.test("QmpClient rejects a command that was sent when QEMU is killed", async () => {
  await using qemu = await MonitorQemu.start();
  await using client = await qemu.connect();
  await qemu.stop();
  const calls = Array.from({ length: 8 }, () => client.execute("query-status"));
  const settled = Promise.allSettled(calls);
  // Stopped, it answers nothing; the event loop has written by then.
  await assertRejects(() => client.execute("query-yank", {}, { oob: true, timeoutMs: 20 }), QmpTimeoutError);
  qemu.signal("SIGKILL");
  const sent = (await settled).map((result) => result.status === "rejected" && result.reason.sent);
  assertEquals(sent, [...new Array(7).fill(true), false]);
});

Deno.test("QmpClient.execute() gives up on a stopped QEMU at its time limit, and drops its late reply", async () => {
  await using qemu = await MonitorQemu.start();
  await using client = await qemu.connect();
  await qemu.stop();
  await assertRejects(() => client.execute("query-name", {}, { timeoutMs: 20 }), QmpTimeoutError);
  qemu.signal("SIGCONT");
  assertEquals((await client.execute("query-status")).status, "running");
});

Deno.test("QmpClient.expect() sees the events that its action causes, round by round, though each comes before the reply", async () => {
  await using qemu = await MonitorQemu.start();
  await using client = await qemu.connect();
  for (let round = 0; round < 10; round++) {
    assertEquals((await client.expect("STOP", () => client.execute("stop"))).event, "STOP");
    assertEquals((await client.expect("RESUME", () => client.execute("cont"))).event, "RESUME");
  }
  // Nothing changes, so QEMU sends no event, and the last one of that name does not count.
  const nothing = client.expect("RESUME", () => client.execute("cont"), { timeoutMs: 30 });
  await assertRejects(() => nothing, QmpTimeoutError);
});

Deno.test("QmpClient.close() frees the monitor: the next client is greeted, 20 times, whatever was pending", async () => {
  await using qemu = await MonitorQemu.start();
  for (let round = 0; round < 20; round++) {
    const client = await qemu.connect();
    const pending: Promise<unknown>[] = [];
    // A read is always pending.
    if (round % 4 === 1) pending.push(client.execute("query-qmp-schema"));
    if (round % 4 === 2) pending.push(...Array.from({ length: 20 }, () => client.execute("query-status")));
    if (round % 4 === 3) pending.push(client.expect("STOP", () => client.execute("query-status")));
    const settled = Promise.allSettled(pending);
    if (round % 2 === 1) await client.execute("query-yank", {}, { oob: true });
    await client.close();
    for (const result of await settled) {
      if (result.status === "fulfilled") continue;
      const gone = result.reason instanceof QmpInterruptedError || result.reason instanceof QmpClosedError;
      assert(gone, `Round ${round}: ${Deno.inspect(result.reason)}`);
    }
  }
});

Deno.test("QmpClient is not misled by the reply of a command that an earlier client left under way", async () => {
  await using qemu = await MonitorQemu.start();
  for (let round = 0; round < 20; round++) {
    const client = await qemu.connect();
    assertEquals((await client.execute("query-status")).status, "running", `Round ${round}`);
    // A slow one, so that QEMU mostly has its reply only when the next client is there.
    const left = client.execute("query-qmp-schema");
    await client.execute("query-yank", {}, { oob: true });
    await Promise.all([left.catch(() => {}), client.close()]);
  }
});

Deno.test("QmpClient.connect() to a monitor that has a client says that it is busy, and the monitor is free again afterwards", async () => {
  await using qemu = await MonitorQemu.start();
  const first = await qemu.connect();
  const busy = await assertRejects(
    () => QmpClient.connect(qemu.address(), { timeoutMs: 50 }),
    MonitorBusyError,
    "another client",
  );
  assertEquals(busy.phase, "greeting");
  assertEquals((await first.execute("query-status")).status, "running");

  // The one who waits is greeted when the first one leaves.
  const waiting = QmpClient.connect(qemu.address(), { timeoutMs: 30_000 });
  await first.close();
  await using second = await waiting;
  assertEquals((await second.execute("query-status")).status, "running");
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

Deno.test("QmpClient keeps all digits of a 64-bit integer that goes through QEMU", async () => {
  await using qemu = await MonitorQemu.start();
  await using client = await qemu.connect();
  for (const value of [9007199254740993n, 2n ** 63n - 1n, 9007199254740991]) {
    await client.execute("object-add", { "qom-type": "iothread", id: "io0", "poll-max-ns": value });
    const path = "/objects/io0";
    assertEquals(await client.execute("qom-get", { path, property: "poll-max-ns" }), value);
    await client.execute("object-del", { id: "io0" });
  }
});

Deno.test("QmpClient never sends what QEMU answers without an id: any arguments are refused by the one or the other", async () => {
  await using qemu = await MonitorQemu.start();
  await using client = await qemu.connect();
  const values = fc.jsonValue({ stringUnit: "binary", depthSize: "medium" });
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), values, async (key, value) => {
      const error = await client.execute("query-name", { [`x${key}`]: value }).catch((error) => error);
      if (error instanceof TypeError) return;
      assertInstanceOf(error, QmpCommandError);
      assert(error.desc.includes("unexpected"), error.desc);
    }),
    { numRuns: 300 },
  );
  assertEquals((await client.execute("query-status")).status, "running");
});

Deno.test("QmpClient gets all replies of 2000 pipelined commands, each its own", async () => {
  await using qemu = await MonitorQemu.start();
  await using client = await qemu.connect();
  const calls = Array.from({ length: 2000 }, (_, n) => client.execute(`x-${n}`).catch((error) => error.desc));
  const descs = await Promise.all(calls);
  assertEquals(descs, Array.from({ length: 2000 }, (_, n) => `The command x-${n} has not been found`));
});
