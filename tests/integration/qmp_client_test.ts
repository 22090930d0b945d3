// Commands of the QMP client, against a peer that answers only as it is told.
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  type Logger,
  QmpClient,
  QmpCommandError,
  QmpConnectError,
  QmpInterruptedError,
  QmpTimeoutError,
} from "../../src/qmp/mod.ts";
import { FakePeer } from "../../src/testing/mod.ts";
import { CountedController } from "../unit/qmp/_counted_signal.ts";
import { connected } from "./_peer.ts";
import { recordTimers } from "../unit/qmp/_record_timers.ts";

/** A logger that keeps its warnings. */
function recordedLogger(): { logger: Logger; warnings: [string, Record<string, unknown>?][] } {
  const warnings: [string, Record<string, unknown>?][] = [];
  const nothing = () => {};
  const warn = (...warning: [string, Record<string, unknown>?]) => void warnings.push(warning);
  return { logger: { debug: nothing, info: nothing, warn, error: nothing }, warnings };
}

/** What became of promises: their values or their errors. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => result.status === "fulfilled" ? result.value : result.reason);
}

Deno.test("QmpClient.connect() takes the greeting in both of its historical forms", async () => {
  const numbers = { major: 0, minor: 13, micro: 50 };
  for (
    const [version, read] of [["0.12.50", { major: 0, minor: 12, micro: 50 }], [numbers, numbers]] as const
  ) {
    await using peer = await FakePeer.listen();
    const connecting = QmpClient.connect(peer.address);
    const monitor = await peer.accept();
    await monitor.greet({ version, capabilities: [] });
    await monitor.reply(await monitor.command());
    await using client = await connecting;
    assertEquals(client.greeting.version.qemu, read);
  }
});

Deno.test("QmpClient.connect() enables oob where the greeting offers it, and asks for nothing elsewhere", async () => {
  const cases: [offered: string[], args: Record<string, unknown> | undefined][] = [
    [["oob"], { enable: ["oob"] }],
    [["news", "oob"], { enable: ["oob"] }],
    [["news"], undefined],
    [[], undefined],
  ];
  for (const [offered, args] of cases) {
    await using peer = await FakePeer.listen();
    const connecting = QmpClient.connect(peer.address);
    const command = await (await peer.accept()).negotiate({ capabilities: offered });
    await using client = await connecting;
    assertEquals([command.name, command.arguments], ["qmp_capabilities", args]);
    assertEquals(client.greeting.capabilities, offered);
  }
});

Deno.test("QmpClient.connect() reads a greeting and a reply that come byte by byte", async () => {
  await using peer = await FakePeer.listen({ chunkBytes: 1 });
  const connecting = QmpClient.connect(peer.address);
  const monitor = await peer.accept();
  // As it is, so that its é is two bytes.
  const version = { qemu: { major: 7, minor: 2, micro: 0 }, package: "é" };
  await monitor.send(`${JSON.stringify({ QMP: { version, capabilities: [] } })}\r\n`);
  await monitor.reply(await monitor.command());
  await using client = await connecting;
  assertEquals(client.greeting.version.package, "é");
});

Deno.test("QmpClient.connect() does not take the late reply of an earlier client's command for its own", async () => {
  const { logger, warnings } = recordedLogger();
  await using peer = await FakePeer.listen();
  // QEMU sends it to whoever is connected when the command is done; even before the greeting.
  const late = Array.from({ length: 20 }, (_, id) => ({ return: "late", id }));
  const ids = new Set<unknown>();
  for (const when of ["before the greeting", "after it", "after qmp_capabilities"]) {
    const connecting = QmpClient.connect(peer.address, { logger });
    const monitor = await peer.accept();
    if (when === "before the greeting") { for (const reply of late) await monitor.send(reply); }
    await monitor.greet();
    if (when === "after it") { for (const reply of late) await monitor.send(reply); }
    const command = await monitor.command();
    ids.add(command.id);
    if (when === "after qmp_capabilities") { for (const reply of late) await monitor.send(reply); }
    await monitor.fail(command, "GenericError", "no");
    await assertRejects(() => connecting, QmpConnectError, "no (GenericError)");
  }
  assertEquals([warnings.length, ids.size], [60, 3]);
});

Deno.test("QmpClient.connect() says why the peer refused to negotiate", async () => {
  await using peer = await FakePeer.listen();
  const connecting = QmpClient.connect(peer.address);
  const monitor = await peer.accept();
  await monitor.greet();
  await monitor.fail(
    await monitor.command(),
    "CommandNotFound",
    "Capabilities negotiation is already complete",
  );
  const error = await assertRejects(() => connecting, QmpConnectError, "already complete");
  assertEquals(error.phase, "negotiation");
  assertInstanceOf(error.cause, QmpCommandError);
  await monitor.ended();
});

Deno.test("QmpClient.connect() ends when the negotiation takes too long, and closes the connection", async () => {
  await using peer = await FakePeer.listen();
  const controller = new CountedController();
  const { signal } = controller;
  const connecting = QmpClient.connect(peer.address, { timeoutMs: 500, signal });
  const refused = assertRejects(() => connecting, QmpConnectError, "no answer within 500 ms");
  const monitor = await peer.accept();
  await monitor.greet();
  const error = await refused;
  assertEquals([error.phase, controller.listeners], ["negotiation", 0]);
  await monitor.ended();
});

Deno.test("QmpClient.connect() aborted before or within each phase rejects with the signal's reason", async () => {
  for (const phase of ["before", "greeting", "negotiation"]) {
    await using peer = await FakePeer.listen();
    const controller = new CountedController();
    const reason = new Error(`enough of ${phase}`);
    if (phase === "before") controller.abort(reason);
    const connecting = QmpClient.connect(peer.address, { signal: controller.signal });
    const rejected = assertRejects(() => connecting, Error, `enough of ${phase}`);
    if (phase !== "before") {
      const monitor = await peer.accept();
      if (phase === "negotiation") {
        await monitor.greet();
        await monitor.command();
      }
      controller.abort(reason);
      await monitor.ended();
    }
    assertEquals([await rejected, controller.listeners], [reason, 0]);
  }
});

Deno.test("QmpClient.connect() with a limit that is none is refused, and leaves the monitor free", async () => {
  await using peer = await FakePeer.listen();
  await assertRejects(() => QmpClient.connect(peer.address, { timeoutMs: NaN }), RangeError, "timeoutMs");
  await assertRejects(
    () => QmpClient.connect(peer.address, { maxMessageBytes: 0 }),
    RangeError,
    "maxMessageBytes",
  );
  await (await peer.accept()).ended();
  const connecting = QmpClient.connect(peer.address, { timeoutMs: Infinity });
  await (await peer.accept()).negotiate();
  await using _client = await connecting;
});

Deno.test("QmpClient.execute() matches replies by id, whatever their order", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const calls = ["a", "b", "c", "d"].map((name) => client.execute(`x-${name}`));
  const commands = await monitor.commands(4);
  for (const command of commands.toReversed()) await monitor.reply(command, { for: command.name });
  assertEquals(await Promise.all(calls), ["a", "b", "c", "d"].map((name) => ({ for: `x-${name}` })));
});

Deno.test("QmpClient.execute() never has more than 7 in-band commands on the wire, sends each once, and keeps their order", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const names = Array.from({ length: 40 }, (_, n) => `x-${n}`);
  const calls = names.map((name) => client.execute(name));
  const unanswered = await monitor.commands(7);
  const inBand = () => monitor.received.filter(({ band }) => band === "in");
  while (inBand().length < 1 + 40) {
    // What is written goes out in order: were there an eighth command, it would come before this one.
    const probe = client.execute("x-probe" as string, {}, { oob: true });
    const next = await monitor.command();
    assertEquals([next.name, next.band], ["x-probe", "out"]);
    await monitor.reply(next);
    await probe;
    // Any of them may be answered first.
    const [answered] = unanswered.splice(inBand().length % 7, 1);
    await monitor.reply(answered ?? unreachable());
    unanswered.push(await monitor.command());
  }
  for (const command of unanswered) await monitor.reply(command);
  await Promise.all(calls);
  assertEquals(inBand().slice(1).map((command) => command.name), names);
});

Deno.test("QmpClient.execute() sends calls that are made together in one write", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const calls = ["a", "b", "c"].map((name) => client.execute(`x-${name}`));
  await monitor.command();
  assertEquals(monitor.received.length, 1 + 3, "one read has brought all");
  for (const command of monitor.received.slice(1)) await monitor.reply(command);
  await Promise.all(calls);
});

Deno.test("QmpClient.execute() rejects with QEMU's own words, and the connection goes on", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const failing = client.execute("device_del", { id: "vd0" });
  await monitor.fail(await monitor.command(), "DeviceNotFound", "Device 'vd0' not found");
  const error = await assertRejects(() => failing, QmpCommandError);
  assertEquals([error.command, error.class, error.desc], [
    "device_del",
    "DeviceNotFound",
    "Device 'vd0' not found",
  ]);
  const next = client.execute("query-status");
  await monitor.reply(await monitor.command(), { status: "running" });
  assertEquals((await next).status, "running");
});

Deno.test("QmpClient.execute() that can't be encoded is never sent, and disturbs nobody", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  await assertRejects(() => client.execute("x-bad" as string, { text: "\uffff" }), TypeError, "no character");
  await assertRejects(
    () => client.execute("x-bad" as string, {}, { timeoutMs: -1 }),
    RangeError,
    "timeoutMs",
  );
  const next = client.execute("x-good" as string);
  await monitor.reply(await monitor.command());
  await next;
  assertEquals(monitor.received.map((command) => command.name), ["qmp_capabilities", "x-good"]);
});

Deno.test("QmpClient.execute() with a signal that is aborted already sends nothing", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  const controller = new CountedController();
  controller.abort(new Error("enough"));
  await assertRejects(
    () => client.execute("x-never" as string, {}, { signal: controller.signal }),
    Error,
    "enough",
  );
  await client.close();
  await monitor.ended();
  assertEquals([monitor.received.length, controller.listeners], [1, 0]);
});

Deno.test("QmpClient.execute() aborted while it waits for a place is never sent", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const first = Array.from({ length: 7 }, () => client.execute("x-first" as string));
  const controller = new CountedController();
  const never = client.execute("x-never" as string, {}, { signal: controller.signal });
  const last = client.execute("x-last" as string);
  await monitor.commands(7);
  controller.abort(new Error("enough"));
  await assertRejects(() => never, Error, "enough");
  assertEquals(controller.listeners, 0);
  for (const command of monitor.received.slice(1)) await monitor.reply(command);
  const next = await monitor.command();
  assertEquals(next.name, "x-last");
  await monitor.reply(next);
  await Promise.all([...first, last]);
});

Deno.test("QmpClient.execute() aborted in the turn of the call is never sent, and gives its place up", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const controller = new AbortController();
  const never = Array.from(
    { length: 7 },
    () => client.execute("x-never" as string, {}, { signal: controller.signal }),
  );
  const last = client.execute("x-last" as string);
  controller.abort(new Error("enough"));
  for (const error of await outcomes(never)) assertEquals((error as Error).message, "enough");
  const command = await monitor.command();
  assertEquals(command.name, "x-last");
  await monitor.reply(command);
  await last;
});

Deno.test("QmpClient.execute() abandoned in flight keeps its id until its late reply, which is dropped quietly", async () => {
  const { logger, warnings } = recordedLogger();
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer, { logger });
  await using _ = client;
  for (const how of ["abort", "timeout"]) {
    const controller = new CountedController();
    const options = how === "abort" ? { signal: controller.signal } : { timeoutMs: 5 };
    const abandoned = client.execute("x-slow" as string, {}, options);
    const refused = how === "abort"
      ? assertRejects(() => abandoned, Error, "enough")
      : assertRejects(() => abandoned, QmpTimeoutError, `Command "x-slow" got no answer within 5 ms`);
    const slow = await monitor.command();
    controller.abort(new Error("enough"));
    await refused;
    assertEquals(controller.listeners, 0);

    const others = Array.from({ length: 20 }, (_, n) => client.execute("x-other" as string, { n }));
    for (let n = 0; n < 20; n++) {
      const command = await monitor.command();
      assert(command.id !== slow.id, "the id is not used again");
      await monitor.reply(command, command.arguments);
    }
    assertEquals(await Promise.all(others), Array.from({ length: 20 }, (_, n) => ({ n })));

    // The late reply, and then others that show that it was taken for nobody's.
    if (how === "abort") await monitor.fail(slow, "GenericError", "too late");
    else await monitor.reply(slow, "late");
    const again = Array.from({ length: 7 }, () => client.execute("x-again" as string));
    const ids = (await monitor.commands(7)).map((command) => command.id);
    assert(ids.includes(slow.id), "now the id is free");
    for (const command of monitor.received.slice(-7)) await monitor.reply(command, "in time");
    assertEquals(await Promise.all(again), new Array(7).fill("in time"));
  }
  assertEquals(warnings, []);
});

Deno.test("QmpClient.execute() takes an answer that came in time, though this process stood still until after its time limit", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const call = client.execute("x-quick" as string, {}, { timeoutMs: 300 });
  const command = await monitor.command();
  const reply = monitor.reply(command, "in time");
  const until = performance.now() + 400;
  while (performance.now() < until);
  await reply;
  assertEquals(await call, "in time");
});

Deno.test("QmpClient.execute() waits for a place while all are held by abandoned calls", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const controller = new AbortController();
  const abandoned = Array.from(
    { length: 7 },
    () => client.execute("x-slow" as string, {}, { signal: controller.signal }),
  );
  const slow = await monitor.commands(7);
  controller.abort(new Error("enough"));
  await outcomes(abandoned);
  const next = client.execute("x-next" as string);
  const overtaking = client.execute("x-oob" as string, {}, { oob: true });
  const oob = await monitor.command();
  assertEquals([oob.name, oob.band], ["x-oob", "out"]);
  await monitor.reply(oob);
  await overtaking;
  await monitor.reply(slow[3] ?? unreachable());
  const command = await monitor.command();
  assertEquals([command.name, command.id], ["x-next", slow[3]?.id]);
  await monitor.reply(command);
  await next;
});

Deno.test("QmpClient.execute() leaves no listener on the signal, however it ends", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  const controller = new CountedController();
  const { signal } = controller;
  const answered = client.execute("x-answered" as string, {}, { signal });
  const failing = client.execute("x-failing" as string, {}, { signal, timeoutMs: 60_000 });
  const slow = client.execute("x-slow" as string, {}, { signal, timeoutMs: 1 });
  const ended = outcomes([answered, failing, slow]);
  const pending = client.execute("x-pending" as string, {}, { signal });
  assertEquals(controller.listeners, 4);
  const [first, second] = await monitor.commands(4);
  await monitor.reply(first ?? unreachable());
  await monitor.fail(second ?? unreachable(), "GenericError", "no");
  await ended;
  assertEquals(controller.listeners, 1);
  await Promise.all([client.close(), assertRejects(() => pending, QmpInterruptedError)]);
  assertEquals(controller.listeners, 0);
});

Deno.test("QmpClient.execute() with a time limit that is not reached leaves nothing that keeps the process alive", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  // The sanitizers look at what is left once the client is closed.
  await using _ = client;
  using made = recordTimers();
  for (const timeoutMs of [60_000, 3_600_000, Infinity]) {
    const call = client.execute("x-quick" as string, {}, { timeoutMs });
    await monitor.reply(await monitor.command());
    await call;
    assertEquals(made.timers.map((timer) => timer.hasRef()), [false]);
  }
});

Deno.test("QmpClient logs and drops a reply whose id nobody waits for", async () => {
  const { logger, warnings } = recordedLogger();
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer, { logger });
  await using _ = client;
  const call = client.execute("x-real" as string);
  const command = await monitor.command();
  for (const id of [5, 99, -1, 1.5, "0", null, { a: 1 }]) await monitor.send({ return: "stray", id });
  await monitor.send({ error: { class: "GenericError", desc: "stray" }, id: 6 });
  await monitor.reply(command, "real");
  assertEquals(await call, "real");
  assertEquals(warnings.map(([, properties]) => properties?.id), [5, 99, -1, 1.5, "0", null, { a: 1 }, 6]);
});

Deno.test("QmpClient does not take a second reply of the same id for the reply of a command that is not yet sent", async () => {
  const { logger, warnings } = recordedLogger();
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer, { logger });
  await using _ = client;
  const calls = Array.from({ length: 8 }, (_, n) => client.execute("x-call" as string, { n }));
  const commands = await monitor.commands(7);
  // In one write: the first reply gives the place to the eighth call, which can't be written before the second is read.
  const reply = `${JSON.stringify({ return: "first", id: commands[0]?.id })}\r\n`;
  await monitor.send(reply + reply.replace("first", "second"));
  assertEquals(await calls[0], "first");
  commands.push(await monitor.command());
  for (const command of commands.slice(1)) await monitor.reply(command, command.arguments?.n);
  assertEquals(await Promise.all(calls.slice(1)), [1, 2, 3, 4, 5, 6, 7]);
  assertEquals([warnings.length, warnings[0]?.[1]?.id], [1, commands[0]?.id]);
});

Deno.test("QmpClient keeps all digits of 64-bit integers, in both directions", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const args = { most: 2n ** 64n - 1n, least: -(2n ** 63n), odd: 9007199254740993n };
  const call = client.execute("x-echo" as string, args);
  const { id } = await monitor.command();
  const digits = '"most":18446744073709551615,"least":-9223372036854775808,"odd":9007199254740993';
  await monitor.send(`{"return":{${digits},"small":7},"id":${id}}\r\n`);
  assertEquals(await call, { ...args, small: 7 });
});

Deno.test("QmpClient takes a reply of nearly 64 MiB", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const call = client.execute("x-large" as string);
  const { id } = await monitor.command();
  const start = new TextEncoder().encode('{"return": "');
  const end = new TextEncoder().encode(`", "id": ${id}}`);
  const message = new Uint8Array(64 * 1024 * 1024).fill(0x78);
  message.set(start);
  message.set(end, message.length - end.length);
  const [value] = await Promise.all([call, monitor.send(message)]);
  assertEquals((value as string).length, message.length - start.length - end.length);
});

function unreachable(): never {
  throw new Error("There is such a command");
}
