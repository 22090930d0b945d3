// How the QMP client reaches a monitor: unix sockets, TCP, a child's stdio; and what it says when there is none.
import { deadline } from "@std/async/deadline";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  dial,
  MonitorBusyError,
  openTransport,
  QmpClient,
  QmpConnectError,
  socketTransport,
  stdioTransport,
  type TcpAddress,
} from "../../src/qmp/mod.ts";
import { FakePeer, PeerConnection } from "../../src/testing/mod.ts";
import { CountedController } from "../unit/qmp/_counted_signal.ts";

/** A TCP server of whose queue every place is taken, so that a connection attempt is not answered. */
class FullTcpServer implements Disposable {
  readonly address: TcpAddress;
  readonly #listener: Deno.TcpListener;
  readonly #clients: Deno.Conn[];

  private constructor(listener: Deno.TcpListener, clients: Deno.Conn[]) {
    this.#listener = listener;
    this.#clients = clients;
    this.address = { transport: "tcp", host: "127.0.0.1", port: listener.addr.port };
  }

  static async start(): Promise<FullTcpServer> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
    const { port } = listener.addr;
    // Linux gives a queue of one two places.
    const clients = await Promise.all([1, 2].map(() => Deno.connect({ hostname: "127.0.0.1", port })));
    return new FullTcpServer(listener, clients);
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
    this.#listener.close();
  }
}

/** What a QEMU that was killed leaves behind: a socket's file that nobody listens on. */
async function leaveDeadSocket(path: string): Promise<void> {
  {
    using _ = Deno.listen({ transport: "unix", path: `${path}.made` });
    // Closing removes the file, where it still has its name.
    await Deno.rename(`${path}.made`, `${path}.left`);
  }
  await Deno.rename(`${path}.left`, path);
}

Deno.test("QmpClient.connect() fails at once when nothing is at the address, and says what is missing", async () => {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-peer-" });
  try {
    const path = `${dir}/qmp`;
    const missing = await assertRejects(
      () => QmpClient.connect({ transport: "unix", path }),
      QmpConnectError,
      path,
    );
    assertEquals(missing.phase, "open");
    assertInstanceOf(missing.cause, Deno.errors.NotFound);

    await leaveDeadSocket(path);
    const refused = await assertRejects(
      () => QmpClient.connect({ transport: "unix", path }),
      QmpConnectError,
    );
    assertInstanceOf(refused.cause, Deno.errors.ConnectionRefused);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("QmpClient.connect() tries a missing or dead socket again, where it is told to, until somebody listens", async () => {
  const dir = await Deno.makeTempDir({ prefix: "qeeper-peer-" });
  try {
    const path = `${dir}/qmp`;
    const connecting = QmpClient.connect({ transport: "unix", path }, { whileMissing: "retry" });
    await assertRejects(() => QmpClient.connect({ transport: "unix", path }), QmpConnectError, "os error 2");
    await leaveDeadSocket(path);
    await assertRejects(() => QmpClient.connect({ transport: "unix", path }), QmpConnectError, "refused");
    await Deno.remove(path);
    using listener = Deno.listen({ transport: "unix", path });
    const monitor = new PeerConnection(socketTransport(await listener.accept(), path));
    await monitor.negotiate();
    await using _client = await connecting;
    await monitor.end();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("QmpClient.connect() that tries again ends at its deadline with what it found, and by its signal", async () => {
  const address = { transport: "unix", path: "/nowhere/qmp" } as const;
  const controller = new CountedController();
  const options = { whileMissing: "retry", signal: controller.signal } as const;
  const error = await assertRejects(
    () => QmpClient.connect(address, { ...options, timeoutMs: 20 }),
    QmpConnectError,
  );
  assertInstanceOf(error.cause, Deno.errors.NotFound);
  const aborted = QmpClient.connect(address, options);
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  assertEquals(controller.listeners, 0);
});

Deno.test("QmpClient.connect() says that the monitor is busy when nothing greets before the deadline", async () => {
  await using peer = await FakePeer.listen();
  const controller = new CountedController();
  const { signal } = controller;
  const start = performance.now();
  const connecting = QmpClient.connect(peer.address, { timeoutMs: 500, signal });
  const error = await deadline(assertRejects(() => connecting, MonitorBusyError, "another client"), 3000);
  assert(performance.now() - start >= 499);
  assertEquals([error.phase, error.address, controller.listeners], [
    "greeting",
    `unix:${peer.address.path}`,
    0,
  ]);
  await (await peer.accept()).ended();
});

Deno.test("QmpClient.connect() to a TCP server that does not answer ends at its deadline, and by its signal", async () => {
  using server = await FullTcpServer.start();
  const error = await assertRejects(
    () => QmpClient.connect(server.address, { timeoutMs: 30 }),
    QmpConnectError,
  );
  assertEquals([error.phase, error.address], ["open", `tcp:127.0.0.1:${server.address.port}`]);
  assertInstanceOf(error.cause, Deno.errors.TimedOut);

  const controller = new CountedController();
  const aborted = QmpClient.connect(server.address, { signal: controller.signal });
  const rejected = assertRejects(() => aborted, Error, "enough");
  controller.abort(new Error("enough"));
  await rejected;
  assertEquals(controller.listeners, 0);
});

Deno.test("QmpClient speaks over TCP", async () => {
  await using peer = await FakePeer.listen({ transport: "tcp" });
  const connecting = QmpClient.connect({ ...peer.address, host: "localhost" });
  const monitor = await peer.accept();
  await monitor.negotiate();
  const client = await connecting;
  const call = client.execute("query-name");
  await monitor.reply(await monitor.command(), { name: "web" });
  assertEquals(await call, { name: "web" });
  await client.close();
  await monitor.ended();
});

Deno.test("openTransport() refuses an address on stdio, and opens nothing once its signal is aborted", async () => {
  await assertRejects(() => openTransport({ transport: "stdio" }), TypeError, "stdioTransport()");
  await assertRejects(() => dial({ transport: "stdio" }, Infinity, {}), TypeError, "stdioTransport()");
  await using peer = await FakePeer.listen();
  const aborted = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => openTransport(peer.address, aborted), Error, "enough");

  // Aborted too late to be given up, the connection is closed again.
  const controller = new AbortController();
  const opening = openTransport(peer.address, controller.signal);
  controller.abort(new Error("late"));
  await assertRejects(() => opening, Error, "late");
  await (await peer.accept()).ended();
});

Deno.test("stdioTransport() carries bytes both ways, and ends with the child", async () => {
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
  const transport = stdioTransport(child);
  await transport.write(new TextEncoder().encode("hello world"));
  const buffer = new Uint8Array(5);
  let text = "";
  while (text.length < 11) {
    const count = await transport.read(buffer);
    text += new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  }
  assertEquals(text, "hello world");
  const reading = transport.read(buffer);
  child.kill("SIGKILL");
  assertEquals(await reading, null);
  await child.status;
  await assertRejects(() => transport.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
  await transport.close();
  await transport.close();
  assertEquals(await transport.read(buffer), null);
});

Deno.test("stdioTransport() closes under a pending read and under a write that the child does not take", async () => {
  const child = new Deno.Command("sleep", { args: ["600"], stdin: "piped", stdout: "piped" }).spawn();
  const pipe = child.stdin.getWriter();
  const begun = Promise.withResolvers<void>();
  let stuck = Promise.resolve();
  try {
    // Between the transport and the pipe, so that the test sees the write that is stuck: it only ends with the child.
    const stdin = new WritableStream<Uint8Array>({
      write(bytes) {
        stuck = pipe.write(bytes);
        begun.resolve();
        return stuck;
      },
    });
    const transport = stdioTransport({ stdin, stdout: child.stdout });
    const reading = transport.read(new Uint8Array(16));
    const writing = transport.write(new Uint8Array(1024 * 1024));
    const rejected = assertRejects(() => writing, Deno.errors.Interrupted);
    await begun.promise;
    await deadline(transport.close(), 5000);
    await rejected;
    assertEquals(await reading, null);
  } finally {
    child.kill("SIGKILL");
    await Promise.all([child.status, assertRejects(() => stuck, Deno.errors.BrokenPipe)]);
  }
});

Deno.test("QmpClient.over() a child that says nothing ends at its deadline, and closes the pipes", async () => {
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
  await assertRejects(
    () => QmpClient.over(stdioTransport(child), { timeoutMs: 20 }),
    MonitorBusyError,
    "stdio",
  );
  // cat ends when its stdin does.
  assertEquals((await child.status).code, 0);
});
