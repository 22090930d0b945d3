// Scripts, played on a connection in memory: what is written in one go is read in one go.
import fc from "fast-check";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  QmpClient,
  QmpClosedError,
  QmpCommandError,
  QmpConnectError,
  QmpInterruptedError,
  QmpProtocolError,
  QmpTimeoutError,
} from "../../../../src/qmp/mod.ts";
import {
  memoryPeer,
  type PeerDelivery,
  PeerEndedError,
  type PeerScript,
  PeerScriptError,
  qemuScript,
} from "../../../../src/testing/mod.ts";
import { CountedController } from "../../qmp/_counted_signal.ts";

/** A client of a script, and what becomes of the script. */
async function play(script: PeerScript, delivery: PeerDelivery = {}) {
  const peer = memoryPeer(delivery);
  const playing = peer.connection.play(script);
  playing.catch(() => {}); // whoever looks at it is told
  const client = await QmpClient.over(peer.transport);
  return {
    client,
    playing,
    connection: peer.connection,
    async [Symbol.asyncDispose]() {
      await client.close();
      await peer[Symbol.asyncDispose]();
    },
  };
}

Deno.test("PeerConnection.play() plays greeting, events, replies and refusals in the script's order", async () => {
  await using peer = await play([
    { kind: "event", event: "RESUME" },
    { kind: "negotiate", greeting: { version: { major: 7, minor: 2, micro: 22 }, package: "Mine" } },
    { kind: "await", command: "query-name" },
    { kind: "event", event: "STOP" },
    { kind: "reply", value: { name: "web" } },
    { kind: "await" },
    { kind: "fail", class: "DeviceNotFound", desc: "Device 'd' not found" },
    { kind: "silence" },
  ]);
  const { client } = peer;
  using events = client.events();
  assertEquals(client.greeting.version, { qemu: { major: 7, minor: 2, micro: 22 }, package: "Mine" });
  assertEquals(await client.execute("query-name"), { name: "web" });
  const error = await assertRejects(() => client.execute("device_del", { id: "d" }), QmpCommandError);
  assertEquals([error.class, error.desc], ["DeviceNotFound", "Device 'd' not found"]);
  assertEquals([(await events.next()).value?.event, (await events.next()).value?.event], ["RESUME", "STOP"]);
  await client.close();
  await peer.playing;
  assertEquals(peer.connection.endedBy, "client");
});

Deno.test("PeerConnection.play() answers in any order, by label or name", async () => {
  await using peer = await play([
    { kind: "negotiate" },
    { kind: "await", as: "first" },
    { kind: "await", as: "second" },
    { kind: "await", command: "query-name" },
    { kind: "reply", to: "query-name", value: { name: "3" } },
    { kind: "reply", to: "second", value: "2" },
    { kind: "reply", to: "first", value: "1" },
  ]);
  const order: unknown[] = [];
  const call = async (name: string) => order.push(await peer.client.execute(name as string));
  await Promise.all([call("x-a"), call("x-b"), call("query-name")]);
  assertEquals(order, [{ name: "3" }, "2", "1"]);
  await peer.playing;
});

Deno.test("PeerConnection.play() holds a command back until another one, which overtakes it out of band", async () => {
  await using peer = await play(qemuScript({
    answers: {
      "query-name": [{ kind: "hold" }],
      "query-yank": [{ kind: "reply", value: [] }, {
        kind: "reply",
        to: "query-name",
        value: { name: "late" },
      }],
    },
  }));
  const order: string[] = [];
  await Promise.all([
    peer.client.execute("query-name").then(({ name }) => order.push(`${name}`)),
    peer.client.execute("query-yank", {}, { oob: true }).then(() => order.push("yank")),
  ]);
  assertEquals(order, ["yank", "late"]);
});

Deno.test("PeerConnection.play() lets commands in band wait behind a delay, and those out of band pass", async () => {
  await using peer = await play(qemuScript({
    answers: { "x-slow": [{ kind: "delay", ms: 20 }, { kind: "reply" }] },
  }));
  const order: string[] = [];
  await Promise.all([
    peer.client.execute("x-slow" as string).then(() => order.push("slow")),
    peer.client.execute("query-status").then(() => order.push("behind")),
    peer.client.execute("query-yank", {}, { oob: true }).then(() => order.push("oob")),
  ]);
  assertEquals(order, ["oob", "slow", "behind"]);
});

Deno.test("PeerConnection.play() gives up a delay when the client leaves", async () => {
  await using peer = await play(qemuScript({ answers: { "x-slow": [{ kind: "delay", ms: 3_600_000 }] } }));
  const slow = peer.client.execute("x-slow" as string);
  await assertRejects(
    () => peer.client.execute("query-status", {}, { timeoutMs: 5 }),
    QmpTimeoutError,
  );
  await Promise.all([assertRejects(() => slow, QmpInterruptedError), peer.client.close()]);
  await peer.playing;
});

Deno.test("PeerConnection.play() makes a line exactly as long as it is told, which the client may refuse", async () => {
  const script: PeerScript = [
    { kind: "negotiate" },
    { kind: "await" },
    { kind: "huge", lineBytes: 300_000 },
    { kind: "await" },
    { kind: "huge", lineBytes: 300_000 },
  ];
  {
    await using peer = await play(script);
    const before = peer.connection.sentBytes;
    const value = await peer.client.execute("x-huge" as string);
    assertEquals(peer.connection.sentBytes - before, 300_000);
    assert(typeof value === "string" && value.length > 299_900);
  }
  await using peer = memoryPeer();
  const playing = peer.connection.play(script).catch((error) => error);
  await using client = await QmpClient.over(peer.transport, { maxMessageBytes: 100_000 });
  await assertRejects(() => client.execute("x-huge" as string), QmpInterruptedError);
  assertInstanceOf(client.failure, QmpProtocolError);
  const error = await playing;
  assertInstanceOf(error, PeerScriptError);
});

Deno.test("PeerConnection.play() says at which step the client did something else, or left", async () => {
  const cases: [script: PeerScript, act: (client: QmpClient) => Promise<unknown>, message: string][] = [
    [
      [{ kind: "negotiate" }, { kind: "await", command: "cont" }],
      (client) => client.execute("stop", {}, { timeoutMs: 1 }).catch(() => {}),
      'Cannot play step 2 of 2 (await "cont"): the client sent "stop"',
    ],
    [
      [{ kind: "negotiate" }, { kind: "await" }, { kind: "reply" }],
      (client) => client.close(),
      "Cannot play step 2 of 3 (await a command): the client has left",
    ],
    [
      [{ kind: "negotiate" }, { kind: "reply", to: "first" }],
      () => Promise.resolve(),
      'Cannot play step 2 of 2 (reply to "first"): no command "first" waits',
    ],
    [
      qemuScript({ answers: { "x-bad": [{ kind: "reply" }, { kind: "reply" }] } }),
      (client) => client.execute("x-bad" as string),
      "Cannot play step 2 of 2 (serve): no command waits",
    ],
  ];
  for (const [script, act, message] of cases) {
    await using peer = await play(script);
    await act(peer.client);
    const error = await assertRejects(() => peer.playing, PeerScriptError);
    assertEquals(error.message, message);
  }
});

Deno.test("PeerConnection.play() says what the client sent that is no command at all", async () => {
  await using peer = memoryPeer();
  await peer.transport.write(new TextEncoder().encode("hello"));
  const error = await assertRejects(() => peer.connection.play([{ kind: "await" }]), PeerScriptError);
  assert(error.found.includes("must be a JSON object"), error.found);
});

Deno.test("PeerConnection.play() stops at the signal, leaves no listener, and can be gone on with", async () => {
  for (const step of ["await", "silence", "delay", "serve"] as const) {
    await using peer = memoryPeer();
    const controller = new CountedController();
    const steps = { await: {}, silence: {}, delay: { ms: 3_600_000 }, serve: { answers: {} } };
    const script = [{ kind: step, ...steps[step] }] as PeerScript;
    const playing = peer.connection.play(script, { signal: controller.signal });
    const rejected = assertRejects(() => playing, Error, "enough", step);
    controller.abort(new Error("enough"));
    await rejected;
    // That of @std's delay goes by itself, as the signal has fired.
    assertEquals(controller.listeners, step === "delay" ? 1 : 0, step);
    await peer.transport.write(new TextEncoder().encode('{"execute":"stop"}'));
    assertEquals((await peer.connection.command()).name, "stop", step);
  }
});

Deno.test("PeerConnection writes in pieces of any sizes, and the client makes the same of them", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  const property = fc.asyncProperty(sizes, fc.boolean(), async (chunkBytes, pretty) => {
    await using peer = await play(qemuScript({ name: "web" }), {
      chunkBytes,
      format: pretty ? "pretty" : "compact",
    });
    using events = peer.client.events();
    const results = await Promise.all([
      peer.client.execute("query-name"),
      peer.client.execute("stop"),
      peer.client.execute("query-status"),
      peer.client.execute("x-none" as string).catch((error) => error.desc),
    ]);
    assertEquals(results, [
      { name: "web" },
      {},
      { running: false, status: "paused" },
      "The command x-none has not been found",
    ]);
    assertEquals((await events.next()).value?.event, "STOP");
  });
  await fc.assert(property, { numRuns: 50 });
});

Deno.test("PeerConnection ends after any byte that it is told, in the middle of a message too, and the client is told so by a typed error", async () => {
  const converse = async (endAfterBytes: number) => {
    await using peer = memoryPeer({ endAfterBytes });
    const playing = peer.connection.play(qemuScript());
    const result = await (async () => {
      await using client = await QmpClient.over(peer.transport);
      using events = client.events();
      await client.execute("stop");
      const name = (await events.next()).value?.event;
      return [name, (await client.execute("query-status")).status];
    })().catch((error) => error);
    await playing;
    return { result, sentBytes: peer.connection.sentBytes };
  };
  const whole = await converse(Infinity);
  assertEquals(whole.result, ["STOP", "paused"]);
  for (let bytes = 0; bytes < whole.sentBytes; bytes++) {
    const { result, sentBytes } = await converse(bytes);
    assertEquals(sentBytes, bytes);
    const typed = [QmpConnectError, QmpProtocolError, QmpInterruptedError, QmpClosedError].some((type) =>
      result instanceof type
    );
    // The line end of the last reply is of no account; and the id of the negotiation has 7 to 10 digits, by chance.
    const complete = Array.isArray(result) && bytes >= whole.sentBytes - 2 - 3;
    assert(typed || complete, `after ${bytes} bytes: ${Deno.inspect(result)}`);
  }
});

Deno.test("PeerConnection.freeze() reads and writes nothing until thaw()", async () => {
  await using peer = await play(qemuScript());
  peer.connection.freeze();
  await assertRejects(() => peer.client.execute("query-name", {}, { timeoutMs: 5 }), QmpTimeoutError);
  const event = peer.connection.event("STOP");
  const status = peer.client.execute("query-status");
  using events = peer.client.events();
  peer.connection.thaw();
  await event;
  assertEquals([(await events.next()).value?.event, (await status).status], ["STOP", "running"]);
});

Deno.test("PeerConnection.end() ends a frozen connection too, any number of times, and what is said then is refused", async () => {
  await using peer = await play(qemuScript());
  peer.connection.freeze();
  const event = assertRejects(() => peer.connection.event("STOP"), PeerEndedError, "the peer has ended");
  await peer.connection.end();
  await peer.connection.end();
  await event;
  await peer.client.closed;
  const error = await assertRejects(() => peer.connection.command(), PeerEndedError);
  assertEquals([error.by, peer.connection.endedBy], ["script", "script"]);
  await peer.playing;
});

Deno.test("PeerConnection tells who speaks to a client that has left", async () => {
  await using peer = await play([{ kind: "negotiate" }, { kind: "silence" }]);
  await peer.client.close();
  await peer.playing;
  const error = await assertRejects(() => peer.connection.event("STOP"), PeerEndedError, "client has left");
  assertEquals(error.by, "client");
});

Deno.test("PeerConnection is not made with a size that is none", () => {
  for (const chunkBytes of [0, -1, 1.5, [4, 0], NaN]) {
    assertThrows(() => memoryPeer({ chunkBytes }), RangeError, "'chunkBytes'");
  }
});

Deno.test("qemuScript() keeps its state from client to client, and answers of one's own come first", async () => {
  const script = qemuScript({
    status: "prelaunch",
    answers: { "query-status": [{ kind: "fail", desc: "no" }] },
  });
  {
    await using peer = await play(script);
    await assertRejects(() => peer.client.execute("query-status"), QmpCommandError, "no");
    assertEquals((await peer.client.expect("RESUME", () => peer.client.execute("cont"))).event, "RESUME");
  }
  await using peer = await play(script);
  using events = peer.client.events();
  await peer.client.execute("cont");
  await peer.client.execute("quit");
  assertEquals((await Array.fromAsync(events)).map(({ event }) => event), ["SHUTDOWN"]);
});

Deno.test("qemuScript() has a schema of the commands that it answers", async () => {
  await using peer = await play(qemuScript({ answers: { "x-mine": [{ kind: "reply" }] } }));
  const schema = await peer.client.schema();
  assertEquals(["x-mine", "stop", "blockdev-add"].map((name) => schema.hasCommand(name)), [
    true,
    true,
    false,
  ]);
});
