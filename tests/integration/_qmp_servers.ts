import { type MonitorAddress, QmpClient } from "../../src/qmp/mod.ts";
import { FakePeer, type FakePeerOptions, type PeerAnswers, qemuScript } from "../../src/testing/mod.ts";
import { MonitorQemu } from "./_monitor_qemu.ts";
import { QEMUS } from "./_qemus.ts";

/** Something with a QMP monitor and no guest, real or not. */
export interface QmpServer extends AsyncDisposable {
  readonly address: MonitorAddress;
  /** A client. */
  connect(): Promise<QmpClient>;
  /** From now on it answers nothing, as a process that is stopped. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** It is gone from one moment to the next. */
  kill(): Promise<void>;
}

/** What each of them has to be able to be. */
export interface QmpServerKind {
  readonly name: string;
  readonly ignore: boolean;
  start(format?: "compact" | "pretty"): Promise<QmpServer>;
}

function qemuServer(qemu: MonitorQemu): QmpServer {
  return {
    address: qemu.address(),
    connect: () => qemu.connect(),
    freeze: () => qemu.stop(),
    thaw: () => Promise.resolve(qemu.signal("SIGCONT")),
    kill: () => Promise.resolve(qemu.signal("SIGKILL")),
    [Symbol.asyncDispose]: () => qemu[Symbol.asyncDispose](),
  };
}

/** Objects with properties that can be read back. */
function objectAnswers(): PeerAnswers {
  const objects = new Map<unknown, Readonly<Record<string, unknown>>>();
  return {
    "object-add": ({ arguments: args }) => {
      objects.set(`/objects/${args?.id}`, args ?? {});
      return [{ kind: "reply" }];
    },
    "object-del": ({ arguments: args }) => {
      objects.delete(`/objects/${args?.id}`);
      return [{ kind: "reply" }];
    },
    "qom-get": ({ arguments: args }) => [
      { kind: "reply", value: objects.get(args?.path)?.[`${args?.property}`] },
    ],
  };
}

async function fakeServer(options: FakePeerOptions): Promise<QmpServer> {
  const peer = await FakePeer.listen(options);
  peer.serve(qemuScript({ answers: objectAnswers() }));
  return {
    address: peer.address,
    connect: () => QmpClient.connect(peer.address),
    freeze: async () => (await peer.client()).freeze(),
    thaw: async () => (await peer.client()).thaw(),
    kill: async () => await (await peer.client()).end(),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

function fakeKind(name: string, options: FakePeerOptions): QmpServerKind {
  return { name, ignore: false, start: (format = "compact") => fakeServer({ ...options, format }) };
}

/** Real QEMUs, and the test kit's fake peer in several shapes. */
export const QMP_SERVERS: readonly QmpServerKind[] = [
  ...QEMUS.map(({ name, binary, ignore }): QmpServerKind => ({
    name,
    ignore,
    start: async (format) =>
      qemuServer(await MonitorQemu.start([format === "pretty" ? "pretty=on" : ""], [], binary)),
  })),
  fakeKind("the fake peer", {}),
  fakeKind("the fake peer over TCP", { transport: "tcp" }),
  fakeKind("the fake peer in small pieces", { chunkBytes: [1, 2, 3, 5, 8, 13, 21] }),
];
