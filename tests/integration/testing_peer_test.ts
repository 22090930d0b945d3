// The fake peer on sockets; what it says is tested in memory, in tests/unit/testing/peer.
import { deadline } from "@std/async/deadline";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { attach } from "../../mod.ts";
import { MonitorBusyError, QmpClient, QmpError, QmpInterruptedError } from "../../src/qmp/mod.ts";
import {
  FakePeer,
  PeerEndedError,
  PeerScriptError,
  qemuScript,
  scriptedPeer,
} from "../../src/testing/mod.ts";
import { CountedController } from "../unit/qmp/_counted_signal.ts";

Deno.test("FakePeer.serve() serves one client at a time, as QEMU does, and any number one after the other", async () => {
  for (const transport of ["unix", "tcp"] as const) {
    await using peer = await FakePeer.listen({ transport });
    peer.serve(qemuScript());
    const first = await QmpClient.connect(peer.address);
    await assertRejects(() => QmpClient.connect(peer.address, { timeoutMs: 30 }), MonitorBusyError);
    const second = QmpClient.connect(peer.address, { timeoutMs: 10_000 });
    await first.close();
    await (await second).close();
    for (let round = 0; round < 20; round++) {
      await using client = await QmpClient.connect(peer.address);
      assertEquals((await client.execute("query-status")).status, "running");
    }
  }
});

Deno.test("FakePeer.client() is the connection of the hour, to be told of events, frozen, and ended", async () => {
  await using peer = await scriptedPeer(qemuScript());
  for (let round = 0; round < 3; round++) {
    await using client = await QmpClient.connect(peer.address);
    using events = client.events();
    await (await peer.client()).event("X_MINE", { round });
    assertEquals((await events.next()).value?.data, { round });
    await (await peer.client()).end();
    await client.closed;
    assertEquals(client.failure, null);
  }
});

Deno.test("FakePeer ends in the middle of a conversation after any byte, on a socket too", async () => {
  const converse = async (endAfterBytes: number): Promise<unknown> => {
    await using peer = await scriptedPeer(qemuScript(), { endAfterBytes });
    try {
      await using client = await QmpClient.connect(peer.address);
      return (await client.execute("query-status")).status;
    } catch (error) {
      return error;
    }
  };
  assertEquals(await converse(Infinity), "running");
  let bytes = 0;
  let outcome: unknown = null;
  while (outcome !== "running") {
    outcome = await deadline(converse(bytes), 5000);
    assert(
      outcome === "running" || outcome instanceof QmpError,
      `after ${bytes} bytes: ${Deno.inspect(outcome)}`,
    );
    bytes++;
  }
  assert(bytes > 150, `${bytes} bytes held a whole conversation`);
});

Deno.test("FakePeer.played() tells that a client did something else, and the next one is served all the same", async () => {
  await using peer = await scriptedPeer([
    { kind: "negotiate" },
    { kind: "await", command: "query-name" },
    { kind: "reply" },
  ]);
  {
    await using client = await QmpClient.connect(peer.address);
    await assertRejects(() => client.execute("query-status"), QmpInterruptedError);
    const error = await assertRejects(() => peer.played(), PeerScriptError);
    assertEquals([error.step, error.found], [2, 'the client sent "query-status"']);
  }
  await using client = await QmpClient.connect(peer.address);
  assertEquals(await client.execute("query-name"), {});
});

Deno.test("FakePeer.accept() stops waiting at the signal, and the client that comes later is not lost", async () => {
  await using peer = await FakePeer.listen();
  const controller = new CountedController();
  const waiting = peer.accept({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  assertEquals(controller.listeners, 0);
  const connecting = QmpClient.connect(peer.address);
  await (await peer.accept()).negotiate();
  await (await connecting).close();
});

Deno.test("FakePeer disposed of ends its connections and its waits, leaves no socket, and may be disposed of again", async () => {
  const peer = await FakePeer.listen();
  peer.serve(qemuScript());
  await using client = await QmpClient.connect(peer.address);
  const played = assertRejects(() => peer.played(), PeerEndedError);
  await peer[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
  await Promise.all([played, client.closed]);
  await assertRejects(() => Deno.stat(peer.address.path), Deno.errors.NotFound);

  const idle = await FakePeer.listen({ transport: "tcp" });
  const accepting = assertRejects(() => idle.accept());
  await idle[Symbol.asyncDispose]();
  await accepting;
});

Deno.test("FakePeer does not listen with a size that is none", async () => {
  await assertRejects(() => FakePeer.listen({ chunkBytes: 0 }), RangeError, "'chunkBytes'");
  await assertRejects(() => FakePeer.listen({ endAfterBytes: -1 }), RangeError, "'endAfterBytes'");
});

Deno.test("attach() takes a fake peer for a QEMU, up to its end", async () => {
  await using peer = await scriptedPeer(qemuScript({ name: "web" }));
  await using vm = await attach(peer.address);
  using ends = vm.ends();
  assertEquals([vm.name, (await vm.status()).status], ["web", "running"]);
  const connection = await peer.client();
  await connection.event("GUEST_PANICKED", { action: "pause" });
  await connection.event("STOP");
  assertEquals((await ends.next()).value?.cause, "guest-panic");
  assertEquals((await vm.shutdown({ powerdownMs: 0 })).process, "ended");
});
