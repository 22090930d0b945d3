// The protocol as QEMU speaks it: what holds for real QEMUs holds for the test kit's fake peer as well.
import fc from "fast-check";
import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import {
  MonitorBusyError,
  openTransport,
  QmpClient,
  QmpClosedError,
  QmpCommandError,
  QmpDecoder,
  QmpInterruptedError,
  QmpTimeoutError,
} from "../../src/qmp/mod.ts";
import { QMP_SERVERS, type QmpServer } from "./_qmp_servers.ts";

function onEach(promise: string, fn: (server: QmpServer) => Promise<void>, format?: "pretty"): void {
  for (const { name, ignore, start } of QMP_SERVERS) {
    Deno.test(`${promise}, with ${name}`, { ignore }, async () => {
      await using server = await start(format);
      await fn(server);
    });
  }
}

onEach(
  "QmpClient negotiates oob and an out-of-band command is answered before 43 of 50 in-band ones",
  async (server) => {
    await using client = await server.connect();
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
  },
);

onEach("QmpClient keeps the words in which a command is refused", async (server) => {
  await using client = await server.connect();
  const unknown = await assertRejects(() => client.execute("x-no-such-command" as string), QmpCommandError);
  assertEquals([unknown.command, unknown.class], ["x-no-such-command", "CommandNotFound"]);
  assertEquals(unknown.desc, "The command x-no-such-command has not been found");
  const oob = await assertRejects(() => client.execute("query-name", {}, { oob: true }), QmpCommandError);
  assertEquals(oob.class, "GenericError");
  assertEquals((await client.execute("query-status")).running, true);
});

onEach("QmpClient reads what a monitor with pretty=on writes, events included", async (server) => {
  await using client = await server.connect();
  using stream = client.events();
  const commands = await client.execute("query-commands");
  assert(commands.some(({ name }) => name === "query-status"));
  await client.execute("stop");
  await client.execute("cont");
  assertEquals((await stream.next()).value?.event, "STOP");
  assertEquals((await stream.next()).value?.event, "RESUME");
}, "pretty");

onEach("QmpClient rejects a command that was sent when the process is killed", async (server) => {
  await using client = await server.connect();
  await server.freeze();
  const calls = Array.from({ length: 8 }, () => client.execute("query-status"));
  const settled = Promise.allSettled(calls);
  // Stopped, it answers nothing; the event loop has written by then.
  await assertRejects(() => client.execute("query-yank", {}, { oob: true, timeoutMs: 20 }), QmpTimeoutError);
  await server.kill();
  const sent = (await settled).map((result) => result.status === "rejected" && result.reason.sent);
  assertEquals(sent, [...new Array(7).fill(true), false]);
});

onEach(
  "QmpClient.execute() gives up on a stopped process at its time limit, and drops its late reply",
  async (server) => {
    await using client = await server.connect();
    await server.freeze();
    await assertRejects(() => client.execute("query-name", {}, { timeoutMs: 20 }), QmpTimeoutError);
    await server.thaw();
    assertEquals((await client.execute("query-status")).status, "running");
  },
);

onEach(
  "QmpClient.expect() sees the events that its action causes, round by round, though each comes before the reply",
  async (server) => {
    await using client = await server.connect();
    for (let round = 0; round < 10; round++) {
      assertEquals((await client.expect("STOP", () => client.execute("stop"))).event, "STOP");
      assertEquals((await client.expect("RESUME", () => client.execute("cont"))).event, "RESUME");
    }
    // Nothing changes, so QEMU sends no event, and the last one of that name does not count.
    const nothing = client.expect("RESUME", () => client.execute("cont"), { timeoutMs: 30 });
    const { message } = await assertRejects(() => nothing, QmpTimeoutError, "within 30 ms");
    assertMatch(message, /no RESUME event/i);
  },
);

onEach(
  "QmpClient.close() frees the monitor: the next client is greeted, 20 times, whatever was pending",
  async (server) => {
    for (let round = 0; round < 20; round++) {
      const client = await server.connect();
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
  },
);

onEach(
  "QmpClient is not misled by the reply of a command that an earlier client left under way",
  async (server) => {
    for (let round = 0; round < 20; round++) {
      const client = await server.connect();
      assertEquals((await client.execute("query-status")).status, "running", `Round ${round}`);
      // A slow one, so that QEMU mostly has its reply only when the next client is there.
      const left = client.execute("query-qmp-schema");
      await client.execute("query-yank", {}, { oob: true });
      await Promise.all([left.catch(() => {}), client.close()]);
    }
  },
);

onEach(
  "QmpClient.connect() to a monitor that has a client says that it is busy, and the monitor is free again afterwards",
  async (server) => {
    const first = await server.connect();
    const busy = await assertRejects(
      () => QmpClient.connect(server.address, { timeoutMs: 500 }),
      MonitorBusyError,
      "another client",
    );
    assertEquals(busy.phase, "greeting");
    assertEquals((await first.execute("query-status")).status, "running");

    // The one who waits is greeted when the first one leaves.
    const waiting = QmpClient.connect(server.address, { timeoutMs: 30_000 });
    await first.close();
    await using second = await waiting;
    assertEquals((await second.execute("query-status")).status, "running");
  },
);

onEach("QmpClient keeps all digits of a 64-bit integer that goes there and back", async (server) => {
  await using client = await server.connect();
  for (const value of [9007199254740993n, 2n ** 63n - 1n, 9007199254740991]) {
    await client.execute("object-add", { "qom-type": "iothread", id: "io0", "poll-max-ns": value });
    const path = "/objects/io0";
    assertEquals(await client.execute("qom-get", { path, property: "poll-max-ns" }), value);
    await client.execute("object-del", { id: "io0" });
  }
});

onEach(
  "QmpClient never sends what is answered without an id: any arguments are refused by the one or the other",
  async (server) => {
    await using client = await server.connect();
    const values = fc.jsonValue({ stringUnit: "binary", depthSize: "medium" });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), values, async (key, value) => {
        const error = await client.execute("query-name", { [`x${key}`]: value }).catch((error) => error);
        if (error instanceof TypeError) return;
        assertInstanceOf(error, QmpCommandError, `${error}; the connection: ${client.failure}`);
        assert(error.desc.includes("unexpected"), error.desc);
      }),
      // A smaller value would only find the connection closed.
      { numRuns: 300, endOnFailure: true },
    );
    assertEquals((await client.execute("query-status")).status, "running");
  },
);

onEach("QmpClient gets all replies of 2000 pipelined commands, each its own", async (server) => {
  await using client = await server.connect();
  const calls = Array.from({ length: 2000 }, (_, n) => client.execute(`x-${n}`).catch((error) => error.desc));
  const descs = await Promise.all(calls);
  assertEquals(descs, Array.from({ length: 2000 }, (_, n) => `The command x-${n} has not been found`));
});

onEach("QmpClient takes quit as a clean end, after the event that says why", async (server) => {
  await using client = await server.connect();
  using stream = client.events();
  await client.execute("quit");
  const events = await Array.fromAsync(stream);
  assertEquals(events.map(({ event, data }) => [event, data]), [
    ["SHUTDOWN", { guest: false, reason: "host-qmp-quit" }],
  ]);
  await client.closed;
  assertEquals(client.failure, null);
});

onEach("QmpClient is told by no event of what changes nothing, and by one of what does", async (server) => {
  await using client = await server.connect();
  using stream = client.events();
  for (
    const command of ["cont", "stop", "stop", "cont", "cont", "system_reset", "system_powerdown"] as const
  ) {
    await client.execute(command);
  }
  await client.execute("quit");
  const names = (await Array.fromAsync(stream)).map(({ event }) => event);
  assertEquals(names, ["STOP", "RESUME", "RESET", "POWERDOWN", "SHUTDOWN"]);
});

/** What is wrong with a command, before the negotiation and after one without oob, and what is said about it. */
const REFUSED: readonly [command: string, errorClass: string, desc: string][] = [
  [
    '{"execute":"query-status","id":1}',
    "CommandNotFound",
    "Expecting capabilities negotiation with 'qmp_capabilities'",
  ],
  ['{"execute":"qmp_capabilities","id":1}', "", ""],
  [
    '{"execute":"qmp_capabilities","id":1}',
    "CommandNotFound",
    "Capabilities negotiation is already complete, command ignored",
  ],
  ['{"execute":"x-none","id":"a"}', "CommandNotFound", "The command x-none has not been found"],
  [
    '{"execute":"query-status","x":1,"id":[1]}',
    "GenericError",
    "QMP input member 'x' is unexpected",
  ],
  ['{"id":{"a":null}}', "GenericError", "QMP input lacks member 'execute'"],
  ['{"exec-oob":"query-yank","id":1}', "GenericError", "QMP input member 'exec-oob' is unexpected"],
  ['{"execute":1,"id":1}', "GenericError", "QMP input member 'execute' must be a string"],
  [
    '{"execute":"query-status","arguments":[],"id":1}',
    "GenericError",
    "QMP input member 'arguments' must be an object",
  ],
  [
    '{"execute":"query-status","arguments":{"y":1},"id":1}',
    "GenericError",
    "Parameter 'y' is unexpected",
  ],
];

onEach("a monitor says what is wrong with a command, and keeps the command's id", async (server) => {
  await using client = await server.connect(); // it waits until the server listens
  await client.close();
  const transport = await openTransport(server.address);
  try {
    const decoder = new QmpDecoder();
    const buffer = new Uint8Array(4096);
    const next = async (): Promise<unknown> => {
      for (;;) {
        const count = await transport.read(buffer);
        const [message] = decoder.push(buffer.subarray(0, count ?? 0));
        if (message !== undefined) return message;
        assert(count !== null, "the server has ended the connection");
      }
    };
    const { QMP } = await next() as { QMP: { capabilities: string[] } };
    assertEquals(QMP.capabilities, ["oob"]);
    for (const [command, errorClass, desc] of REFUSED) {
      await transport.write(new TextEncoder().encode(command));
      const { id } = JSON.parse(command);
      const error = { class: errorClass, desc };
      assertEquals(await next(), errorClass === "" ? { return: {}, id } : { id, error }, command);
    }
  } finally {
    await transport.close();
  }
});
