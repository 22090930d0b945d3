// Events of the QMP client, against a peer that sends what it is told.
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  type AnyQmpEvent,
  type EventStream,
  QmpClient,
  QmpClosedError,
  QmpCommandError,
  QmpInterruptedError,
  QmpProtocolError,
  QmpTimeoutError,
} from "../../src/qmp/mod.ts";
import { FakePeer, type PeerConnection } from "../../src/testing/mod.ts";
import { eventMessage } from "../../src/testing/peer/wire.ts";
import { CountedController } from "../unit/qmp/_counted_signal.ts";
import { connected } from "./_peer.ts";

/** The numbers of so many events, in the order in which they come. */
async function numbers(stream: EventStream<AnyQmpEvent>, count: number): Promise<unknown[]> {
  const found: unknown[] = [];
  while (found.length < count) {
    const { value, done } = await stream.next();
    if (done) break;
    found.push(value.data?.n);
  }
  return found;
}

/** Answers the next command, after an event of this name and number. */
async function causeEvent(monitor: PeerConnection, name: string, n: number): Promise<void> {
  const command = await monitor.command();
  await monitor.event(name, { n });
  await monitor.reply(command);
}

/** Runs a command and waits for its reply: what the peer sent before has then been read. */
async function roundTrip(client: QmpClient, monitor: PeerConnection): Promise<void> {
  await Promise.all([
    client.execute("x-round-trip" as string),
    monitor.command().then((command) => monitor.reply(command)),
  ]);
}

Deno.test("QmpClient.events() begins with the events from before the greeting and from within the negotiation", async () => {
  await using peer = await FakePeer.listen();
  const connecting = QmpClient.connect(peer.address);
  const monitor = await peer.accept();
  await monitor.event("RESUME", { n: 0 });
  await monitor.greet();
  await monitor.event("STOP", { n: 1 });
  const command = await monitor.command();
  await monitor.event("RESUME", { n: 2 });
  await monitor.send(
    `{"return": {}, "id": ${command.id}}\r\n${JSON.stringify(eventMessage("STOP", { n: 3 }))}\r\n`,
  );
  await using client = await connecting;
  using stream = client.events();
  using second = client.events();
  await monitor.event("STOP", { n: 4 });
  assertEquals(await numbers(stream, 5), [0, 1, 2, 3, 4]);
  assertEquals(await numbers(second, 1), [4], "they are delivered once");
});

Deno.test("QmpClient.events() with names begins with the early events of those names", async () => {
  await using peer = await FakePeer.listen();
  const connecting = QmpClient.connect(peer.address);
  const monitor = await peer.accept();
  for (let n = 0; n < 4; n++) await monitor.event(n % 2 ? "STOP" : "RESUME", { n });
  await monitor.negotiate();
  await using client = await connecting;
  using stream = client.events("STOP");
  await monitor.event("RESUME", { n: 4 });
  await monitor.event("STOP", { n: 5 });
  assertEquals(await numbers(stream as EventStream<AnyQmpEvent>, 3), [1, 3, 5]);
});

Deno.test("QmpClient.events() subscribes at the call: nothing older than it after the first command, everything newer", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  await monitor.event("STOP", { n: 0 });
  await roundTrip(client, monitor);
  using stream = client.events();
  await monitor.event("STOP", { n: 1 });
  await roundTrip(client, monitor);
  assertEquals(await numbers(stream, 1), [1]);
});

Deno.test("QmpClient.events() gives each stream all events in order, between replies and in any chunks", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  using all = client.events();
  using some = client.events("STOP");
  const call = client.execute("x-call" as string);
  const { id } = await monitor.command();
  const events = Array.from(
    { length: 30 },
    (_, n) => eventMessage(n % 3 ? "X_NEWER_THAN_US" : "STOP", { n }),
  );
  const lines = events.map((event) => `${JSON.stringify(event)}\r\n`);
  lines.splice(10, 0, `{"return": 1, "id": ${id}}\r\n`);
  const text = lines.join("");
  for (let at = 0, size = 1; at < text.length; at += size++) await monitor.send(text.slice(at, at + size));
  assertEquals(await numbers(all, 30), Array.from({ length: 30 }, (_, n) => n));
  assertEquals(
    await numbers(some as EventStream<AnyQmpEvent>, 10),
    Array.from({ length: 10 }, (_, n) => 3 * n),
  );
  assertEquals(await call, 1);
});

Deno.test("QmpClient.events() keeps 8192 events for a slow reader, the newest, and says how many it dropped", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  using stream = client.events();
  let text = "";
  for (let n = 0; n < 10_000; n++) text += `${JSON.stringify(eventMessage("STOP", { n }))}\r\n`;
  await monitor.send(text);
  await roundTrip(client, monitor);
  assertEquals(stream.lagged, 10_000 - 8192);
  const kept = await numbers(stream, 8192);
  assertEquals([kept[0], kept.at(-1)], [10_000 - 8192, 9_999]);
});

Deno.test("QmpClient.events() returns when the peer ends the connection, after the last event", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  using stream = client.events();
  await monitor.event("SHUTDOWN", { n: 0 });
  await monitor.end();
  const events = await Array.fromAsync(stream);
  assertEquals(events.map((event) => event.event), ["SHUTDOWN"]);
  await client.closed;
  assertEquals([client.failure, client.open], [null, false]);
  assertEquals(await Array.fromAsync(client.events()), [], "a stream opened later has ended as well");
});

Deno.test("QmpClient.events() ends cleanly with close(), also while a reader waits", async () => {
  await using peer = await FakePeer.listen();
  const { client } = await connected(peer);
  using stream = client.events();
  const reading = Array.fromAsync(stream);
  await client.close();
  assertEquals(await reading, []);
});

Deno.test("QmpClient.events() throws the error that ended the connection, after the last event", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  using stream = client.events();
  await monitor.event("STOP", { n: 0 });
  await monitor.send('{"event": oops}\r\n');
  assertEquals(await numbers(stream, 1), [0]);
  const error = await assertRejects(() => stream.next(), QmpProtocolError);
  await client.closed;
  assertStrictEquals(client.failure, error);
  await assertRejects(() => Array.fromAsync(client.events()), QmpProtocolError);
});

Deno.test("QmpClient.events() disposed of ends for its reader, and for nobody else", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  using kept = client.events();
  const left = client.events();
  const waiting = left.next();
  left[Symbol.dispose]();
  await monitor.event("STOP", { n: 1 });
  assertEquals([(await waiting).done, await numbers(kept, 1)], [true, [1]]);
});

Deno.test("QmpClient.expect() is armed before its action runs, and resolves with the event that the action causes", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  // As on a real QEMU the event comes before the command's reply.
  const [event] = await Promise.all([
    client.expect("STOP", () => client.execute("stop")),
    causeEvent(monitor, "STOP", 1),
  ]);
  assertEquals([event.event, (event as AnyQmpEvent).data], ["STOP", { n: 1 }]);
});

Deno.test("QmpClient.expect() takes an event that comes after its action, and waits for an action that ends after the event", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const done = Promise.withResolvers<void>();
  const eventLater = client.expect("STOP", () => roundTrip(client, monitor).finally(done.resolve));
  await done.promise;
  await monitor.event("STOP", { n: 1 });
  assertEquals((await eventLater as AnyQmpEvent).data?.n, 1);

  const order: string[] = [];
  const actionLater = client.expect("STOP", async () => {
    using stream = client.events("STOP");
    await monitor.event("STOP", { n: 2 });
    await stream.next();
    await roundTrip(client, monitor);
    order.push("action");
  }).then(() => order.push("expect"));
  await actionLater;
  assertEquals(order, ["action", "expect"]);
});

Deno.test("QmpClient.expect() is not satisfied by an older event, read or not, nor by one of another name", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  for (let round = 0; round < 20; round++) {
    // One that is long read; and many that have arrived but are not read when expect() is called.
    await monitor.event("STOP", { n: -1 });
    await roundTrip(client, monitor);
    let text = "";
    for (let n = 0; n < 1 + 100 * round; n++) {
      text += `${JSON.stringify(eventMessage("STOP", { n: -2 }))}\r\n`;
    }
    await monitor.send(text);
    const expecting = client.expect("STOP", () => client.execute("stop"));
    const command = await monitor.command();
    await monitor.event("RESUME", { n: -3 });
    await monitor.event("STOP", { n: round });
    await monitor.event("STOP", { n: -4 });
    await monitor.reply(command);
    assertEquals((await expecting as AnyQmpEvent).data?.n, round);
  }
});

Deno.test("QmpClient.expect() with where passes over the events that don't count", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const expecting = client.expect("DEVICE_DELETED", () => client.execute("device_del", { id: "vd0" }), {
    where: (event) => event.data?.device === "vd0",
  });
  const command = await monitor.command();
  await monitor.event("DEVICE_DELETED", { path: "/machine/peripheral/vd0/virtio-backend" });
  await monitor.reply(command);
  await monitor.event("DEVICE_DELETED", { path: "/machine/peripheral/vd0", device: "vd0" });
  assertEquals((await expecting).data?.path, "/machine/peripheral/vd0");

  // The data of an event that the types know is typed.
  const resetting = client.expect("RESET", () => client.execute("system_reset"), {
    where: ({ data }) => !data.guest,
  });
  const reset = await monitor.command();
  await monitor.event("RESET", { guest: true, reason: "guest-reset" });
  await monitor.event("RESET", { guest: false, reason: "host-qmp-system-reset" });
  await monitor.reply(reset);
  assertEquals((await resetting).data.reason, "host-qmp-system-reset");
});

Deno.test("QmpClient.expect() rejects with what its action, or its where, throws", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  let asked = 0;
  const failing = client.expect("STOP", () => client.execute("stop"), { where: () => ++asked > 0 });
  await monitor.fail(await monitor.command(), "GenericError", "no");
  await assertRejects(() => failing, QmpCommandError, "no");
  // What comes later is none of its business any more.
  await monitor.event("STOP");
  await roundTrip(client, monitor);
  assertEquals(asked, 0);

  const throwing = () => {
    throw new Error("at once");
  };
  await assertRejects(() => client.expect("STOP", throwing), Error, "at once");

  const where = () => {
    throw new Error("in where");
  };
  const expecting = client.expect("STOP", () => client.execute("stop"), { where });
  await Promise.all([assertRejects(() => expecting, Error, "in where"), causeEvent(monitor, "STOP", 0)]);
});

Deno.test("QmpClient.expect() rejects at its time limit, and what its action does later disturbs nobody", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const late = Promise.withResolvers<void>();
  const expecting = client.expect("STOP", () => late.promise, { timeoutMs: 10 });
  const error = await assertRejects(() => expecting, QmpTimeoutError, "within 10 ms");
  assertEquals(error.command, "expect STOP");
  assertStringIncludes(
    error.message,
    "What was to cause a STOP event was not done within 10 ms, and no STOP event came",
  );
  const inVain = client.expect("STOP", () => Promise.resolve(), { timeoutMs: 10 });
  await assertRejects(
    () => inVain,
    QmpTimeoutError,
    "No STOP event that counts came within 10 ms, though what was to cause it was done",
  );
  // Were this rejection nobody's, the test would fail.
  late.reject(new Error("late"));
  await roundTrip(client, monitor);
});

Deno.test("QmpClient.expect() rejects with the signal's reason before, while it arms, and while it waits", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  for (const when of ["before", "arming", "waiting"]) {
    const controller = new CountedController();
    let ran = false;
    if (when === "before") controller.abort(new Error(when));
    const expecting = client.expect("STOP", () => {
      ran = true;
      return client.execute("stop");
    }, { signal: controller.signal });
    const rejected = assertRejects(() => expecting, Error, when);
    if (when === "arming") controller.abort(new Error(when));
    if (when === "waiting") {
      await monitor.reply(await monitor.command());
      controller.abort(new Error(when));
    }
    await rejected;
    assertEquals([ran, controller.listeners], [when === "waiting", 0]);
  }
});

Deno.test("QmpClient.expect() leaves no listener and no timer when it is satisfied", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const controller = new CountedController();
  const options = { signal: controller.signal, timeoutMs: 60_000 };
  await Promise.all([
    client.expect("STOP", () => client.execute("stop"), options),
    causeEvent(monitor, "STOP", 0),
  ]);
  assertEquals(controller.listeners, 0);
});

Deno.test("QmpClient.expect() rejects when the connection ends first, whatever its action does", async () => {
  const endings: [name: string, end: (client: QmpClient, monitor: PeerConnection) => unknown][] = [
    ["the peer closes", (_, monitor) => monitor.end()],
    ["the peer sends garbage", (_, monitor) => monitor.send("garbage")],
    ["the client closes", (client) => client.close()],
  ];
  for (const [name, end] of endings) {
    await using peer = await FakePeer.listen();
    const { client, monitor } = await connected(peer);
    await using _ = client;
    const acting = Promise.withResolvers<void>();
    const never = Promise.withResolvers<void>();
    const expecting = client.expect("STOP", () => {
      acting.resolve();
      return never.promise;
    });
    await acting.promise;
    await Promise.all([
      assertRejects(() => expecting, QmpInterruptedError, "expect STOP", name),
      end(client, monitor),
    ]);
    const error = await assertRejects(() => client.expect("STOP", () => Promise.resolve()), QmpClosedError);
    if (name === "the peer sends garbage") assertInstanceOf(error.cause, QmpProtocolError);
  }
});

Deno.test("QmpClient.expect() does not run its action when the connection ends while it arms", async () => {
  await using peer = await FakePeer.listen();
  const { client } = await connected(peer);
  let ran = false;
  const expecting = client.expect("STOP", () => {
    ran = true;
    return Promise.resolve();
  });
  await Promise.all([assertRejects(() => expecting, QmpClosedError), client.close()]);
  assertEquals(ran, false);
});
