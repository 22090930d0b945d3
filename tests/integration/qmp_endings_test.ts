// How connections of the QMP client end: by either side, at any byte, by garbage. Nothing hangs and nothing leaks.
import { deadline } from "@std/async/deadline";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type ByteTransport,
  QmpClient,
  QmpClosedError,
  QmpCommandError,
  QmpConnectError,
  QmpInterruptedError,
  QmpProtocolError,
} from "../../src/qmp/mod.ts";
import { FakePeer, type PeerConnection } from "../../src/testing/mod.ts";
import { eventMessage, greetingMessage } from "../../src/testing/peer/wire.ts";
import { CountedController } from "../unit/qmp/_counted_signal.ts";
import { connected } from "./_peer.ts";

/** Whether the command of each interrupted call was sent; anything else is as it is. */
async function sent(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((result) => {
    if (result.status === "fulfilled") return result.value;
    return result.reason instanceof QmpInterruptedError ? result.reason.sent : result.reason;
  });
}

Deno.test("QmpClient rejects what is pending when the peer ends, and says what was sent", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  const calls = Array.from({ length: 10 }, () => client.execute("x-call" as string));
  const oob = client.execute("x-oob" as string, {}, { oob: true });
  await monitor.commands(8);
  await monitor.end();
  assertEquals(await sent([...calls, oob]), [...new Array(7).fill(true), false, false, false, true]);
  await client.closed;
  assertEquals(client.failure, null);
});

Deno.test("QmpClient takes a reset by the peer as the end of the stream, after what came before it", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await using _ = client;
  using stream = client.events();
  const call = client.execute("x-call" as string);
  await monitor.command();
  // What the peer has not read when it closes makes its close a reset.
  const unread = client.execute("x-unread" as string);
  await written(client);
  await monitor.event("SHUTDOWN");
  await monitor.end();
  assertEquals(await sent([call, unread]), [true, true]);
  assertEquals((await Array.fromAsync(stream)).map((event) => event.event), ["SHUTDOWN"]);
  assertEquals(client.failure, null);
});

Deno.test("QmpClient.close() in the turn of a call sends nothing of it, and says so", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  const calls = [client.execute("x-never" as string), client.execute("x-never" as string, {}, { oob: true })];
  const [results] = await Promise.all([sent(calls), client.close(), monitor.ended()]);
  assertEquals([results, monitor.received.length], [[false, false], 1]);
});

Deno.test("QmpClient.close() rejects the calls that are pending, and says which were sent", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  const calls = Array.from({ length: 9 }, () => client.execute("x-call" as string));
  await monitor.commands(7);
  const [results] = await Promise.all([sent(calls), client.close(), monitor.ended()]);
  assertEquals(results, [...new Array(7).fill(true), false, false]);
});

Deno.test("QmpClient.close() may be called at any time and any number of times", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  await Promise.all([client.close(), client.close(), client[Symbol.asyncDispose]()]);
  await client.close();
  await client.closed;
  await monitor.ended();
  assertEquals([client.open, client.failure], [false, null]);
  await assertRejects(
    () => client.execute("x-late" as string),
    QmpClosedError,
    `unix:${peer.address.path} after its end`,
  );
});

Deno.test("QmpClient.close() in the middle of a message is a clean end", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  using stream = client.events();
  await monitor.event("STOP");
  await monitor.send('{"event": "RES');
  await stream.next();
  await client.close();
  assertEquals([client.failure, (await stream.next()).done], [null, true]);
});

Deno.test("QmpClient.close() ends a write that the peer does not take, and the peer sees the end", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  const large = client.execute("x-large" as string, { text: "x".repeat(1024 * 1024) });
  await written(client);
  const behind = client.execute("x-behind" as string);
  const [results] = await Promise.all([sent([large, behind]), client.close()]);
  assertEquals(results, [true, false]);
  await monitor.ended();
  assertEquals(monitor.received.length, 1, "it was cut off");
});

Deno.test("QmpClient calls are abortable while a write is stuck", async () => {
  await using peer = await FakePeer.listen();
  const { client, monitor } = await connected(peer);
  const controller = new CountedController();
  const { signal } = controller;
  const large = client.execute("x-large" as string, { text: "x".repeat(1024 * 1024) }, { signal });
  await written(client);
  const behind = client.execute("x-behind" as string, {}, { signal });
  controller.abort(new Error("enough"));
  for (const call of [large, behind]) await assertRejects(() => call, Error, "enough");
  const last = client.execute("x-last" as string);
  assertEquals((await monitor.commands(2)).map((command) => command.name), ["x-large", "x-last"]);
  await Promise.all([sent([last]), client.close()]);
  assertEquals(controller.listeners, 0);
});

Deno.test("QmpClient.connect() names the phase when the peer ends before the greeting, or before the reply", async () => {
  await using peer = await FakePeer.listen();
  const early = QmpClient.connect(peer.address);
  await (await peer.accept()).end();
  assertEquals(
    (await assertRejects(() => early, QmpConnectError, "before QEMU's greeting")).phase,
    "greeting",
  );

  const late = QmpClient.connect(peer.address);
  const monitor = await peer.accept();
  await monitor.greet();
  await monitor.command();
  await monitor.end();
  assertEquals((await assertRejects(() => late, QmpConnectError)).phase, "negotiation");
});

const GARBAGE: [name: string, bytes: string | Uint8Array, words: string][] = [
  ["a reply without an id", '{"return": {}}\r\n', "A reply has no id"],
  [
    "an error without an id",
    '{"error": {"class": "GenericError", "desc": "JSON parse error"}}\r\n',
    "A reply has no id, found: JSON parse error",
  ],
  ["malformed JSON", '{"return": nonsense}\r\n', "not valid JSON"],
  [
    "words",
    "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ",
    "found: QEMU 7.2.22 monitor",
  ],
  ["an array", '[{"return": {}}]\r\n', "must be a JSON object"],
  ["a brace too many", "}", "must be a JSON object"],
  ["invalid UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d, 0x0a), "not valid UTF-8"],
  ["a message that is none", '{"answer": 42, "big": 12345678901234567890}\r\n', 'found: {"answer":42'],
  ["an error without a class", '{"error": {}, "id": 0}\r\n', "class and a desc"],
  ["an event without a time", '{"event": "STOP"}\r\n', "has no timestamp"],
  ["a message over the limit", `{"return": "${"x".repeat(300)}", "id": 0}`, "larger than 256 bytes"],
  ["a message over the limit that does not end", `{"return": "${"x".repeat(300)}`, "larger than 256 bytes"],
];

for (const [name, bytes, words] of GARBAGE) {
  Deno.test(`QmpClient ends at ${name}: what came before it counts, what is pending rejects`, async () => {
    await using peer = await FakePeer.listen();
    const { client, monitor } = await connected(peer, { maxMessageBytes: 256 });
    await using _ = client;
    using stream = client.events();
    const answered = client.execute("x-answered" as string);
    const pending = client.execute("x-pending" as string, {}, { timeoutMs: 60_000 });
    const [first] = await monitor.commands(2);
    const before = `${JSON.stringify({ return: 1, id: first?.id })}\r\n${
      JSON.stringify(eventMessage("STOP"))
    }\r\n`;
    await monitor.send(before);
    await monitor.send(bytes);
    const error = await assertRejects(() => pending, QmpInterruptedError);
    assertInstanceOf(error.cause, QmpProtocolError);
    assert(error.cause.message.includes(words), error.cause.message);
    assertEquals([error.sent, await answered], [true, 1]);
    assertEquals((await stream.next()).value?.event, "STOP");
    await monitor.ended();
    await client.closed;
    assertStrictEquals(client.failure, error.cause);
  });

  Deno.test(`QmpClient.connect() rejects at ${name} in place of a greeting`, async () => {
    await using peer = await FakePeer.listen();
    const connecting = QmpClient.connect(peer.address, { maxMessageBytes: 256 });
    const monitor = await peer.accept();
    await monitor.send(bytes);
    await assertRejects(() => connecting, QmpProtocolError, words);
    await monitor.ended();
  });
}

Deno.test("QmpClient ends with a typed error and leaves nothing behind when the peer closes after any byte", async () => {
  await using peer = await FakePeer.listen();
  const controller = new CountedController();
  const whole = await converse(peer, Infinity, controller.signal);
  assert(whole.text.length > 400);
  assertEquals(whole.outcome, [null, "second", "first", ["RESUME", "STOP", "RESUME"], null]);
  for (let length = 0; length < whole.text.length; length++) {
    const { text, outcome } = await converse(peer, length, controller.signal);
    const cut = text.replace(/"[^"]*("|$)/g, "").split(/[{]/).length !==
      text.replace(/"[^"]*("|$)/g, "").split(/[}]/).length;
    const [connected, ...rest] = outcome;
    const failure = rest.at(-1);
    const context = `after ${length} bytes: ${JSON.stringify(text.slice(-60))}`;
    if (connected instanceof Error) {
      assertInstanceOf(connected, cut ? QmpProtocolError : QmpConnectError, context);
    } else {
      if (cut) assertInstanceOf(failure, QmpProtocolError, context);
      else assertEquals(failure, null, context);
      for (const [call, value] of [[rest[0], "second"], [rest[1], "first"]]) {
        const gone = call instanceof QmpInterruptedError || call instanceof QmpClosedError;
        assert(gone || call === value, context);
      }
    }
    assertEquals(controller.listeners, 0, context);
  }
});

/** A whole conversation whose peer closes after so many bytes: what it wrote, and what the client made of it. */
async function converse(
  peer: FakePeer,
  length: number,
  signal: AbortSignal,
): Promise<{ text: string; outcome: unknown[] }> {
  const connecting = QmpClient.connect(peer.address, { signal });
  const serving = peer.accept().then((monitor) => serve(monitor, length));
  const outcome = (async () => {
    let client: QmpClient;
    try {
      client = await connecting;
    } catch (error) {
      return [error];
    }
    await using _ = client;
    const events: string[] = [];
    const reading = (async () => {
      for await (const event of client.events()) events.push(event.event);
    })().catch(() => {});
    const calls = [
      client.execute("x-first" as string, {}, { signal }),
      client.execute("x-second" as string, {}, { signal, timeoutMs: 9e5 }),
    ];
    const settled = await Promise.allSettled(calls);
    await reading;
    await client.closed;
    const results = settled.map((result) => result.status === "fulfilled" ? result.value : result.reason);
    const [first, second] = results;
    return [null, second, first instanceof QmpCommandError ? first.desc : first, events, client.failure];
  })();
  return { text: await serving, outcome: await deadline(outcome, 10_000) };
}

/** Plays the peer until so many bytes are written, then closes; answers with what was written. */
async function serve(monitor: PeerConnection, length: number): Promise<string> {
  let text = "";
  const put = async (message: Record<string, unknown>, pretty = false) => {
    const bytes = `${JSON.stringify(message, null, pretty ? 4 : 0)}\r\n`.slice(0, length - text.length);
    text += bytes;
    await monitor.send(bytes);
    if (text.length === length) throw new EndOfScript();
  };
  try {
    if (length === 0) throw new EndOfScript();
    await put(eventMessage("RESUME"));
    await put(greetingMessage());
    const { id } = await monitor.command();
    await put(eventMessage("STOP"));
    await put({ return: {}, id });
    const [first, second] = await monitor.commands(2);
    await put({ return: "second", id: second?.id }, true);
    await put(eventMessage("RESUME"));
    await put({ id: first?.id, error: { class: "GenericError", desc: "first" } });
  } catch (error) {
    if (!(error instanceof EndOfScript)) throw error;
  }
  await monitor.end();
  return text;
}

class EndOfScript extends Error {}

/** A transport whose far side is a function: what it answers is read. */
class ScriptedTransport implements ByteTransport {
  readonly address = "script";
  readonly #unread: Uint8Array[] = [];
  readonly #write: (text: string) => Promise<void>;
  #wake: (() => void) | null = null;
  #ended = false;

  constructor(write: (text: string) => Promise<void>) {
    this.#write = write;
  }

  say(message: Record<string, unknown>): void {
    this.#unread.push(new TextEncoder().encode(`${JSON.stringify(message)}\r\n`));
    this.#wake?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#unread.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const bytes = this.#unread.shift();
    if (bytes === undefined) return null;
    buffer.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#write(new TextDecoder().decode(bytes));
  }

  close(): Promise<void> {
    this.#ended = true;
    this.#wake?.();
    return Promise.reject(new Error("Already closed"));
  }
}

Deno.test("QmpClient over a peer that takes nothing any more reads its last words, and does not wait for more for ever", async () => {
  const broken = new Deno.errors.BrokenPipe("The peer reads no more");
  const transport = new ScriptedTransport((text) => {
    if (!text.includes("qmp_capabilities")) return Promise.reject(broken);
    transport.say({ return: {}, id: JSON.parse(text).id });
    return Promise.resolve();
  });
  transport.say(greetingMessage({ capabilities: [] }));
  const client = await QmpClient.over(transport);
  using stream = client.events();
  const call = client.execute("x-call" as string);
  await written(client);
  assertEquals(client.open, false);
  await assertRejects(() => client.execute("x-late" as string), QmpClosedError);
  // QEMU's last words have come as late as 35 ms.
  setTimeout(() => transport.say(eventMessage("SHUTDOWN")), 50);
  assertEquals((await stream.next()).value?.event, "SHUTDOWN");
  const error = await assertRejects(() => call, QmpInterruptedError);
  assertStrictEquals(error.cause, broken);
  await client.closed;
  assertStrictEquals(client.failure, broken);
  // The transport's own close() rejects, which is nobody's business.
  await client.close();
});

Deno.test("QmpClient over a transport that fails to read ends with that failure", async () => {
  const failure = new Deno.errors.NotCapable("No such right");
  const transport: ByteTransport = {
    address: "script",
    read: () => Promise.reject(failure),
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const error = await assertRejects(() => QmpClient.over(transport), QmpConnectError, "No such right");
  assertStrictEquals(error.cause, failure);
});

/** Waits until the client has begun to write what it was given. */
async function written(client: QmpClient): Promise<void> {
  assertEquals(client.open, true);
  // The write begins in a microtask, and a socket that has room takes it in the same turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 0));
}
