import { assert, assertEquals } from "@std/assert";
import type { VmConfig } from "../../mod.ts";
import type { EventCause, Place, Scene } from "./_event_cause.ts";

const text = new TextEncoder();

/** A connection that gives and takes so many bytes at a time. */
class Line implements Disposable {
  readonly #conn: Deno.UnixConn;

  constructor(conn: Deno.UnixConn) {
    this.#conn = conn;
  }

  static async open(path: string): Promise<Line> {
    return new Line(await Deno.connect({ transport: "unix", path }));
  }

  async take(count: number): Promise<DataView> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const more = await this.#conn.read(bytes.subarray(at));
      assert(more !== null, `the peer has closed after ${at} of ${count} bytes`);
      at += more;
    }
    return new DataView(bytes.buffer);
  }

  async give(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** As far as a viewer that needs no password has to come, by RFB 3.8 (RFC 6143). */
async function viewByVnc({ dir, witness }: Scene): Promise<void> {
  using line = await Line.open(`${dir}/vnc`);
  await line.take(12); // the version, which is sent back
  await line.give(text.encode("RFB 003.008\n"));
  const count = (await line.take(1)).getUint8(0);
  await line.take(count);
  await line.give(Uint8Array.of(1)); // no security
  assertEquals((await line.take(4)).getUint32(0), 0);
  await line.give(Uint8Array.of(1)); // shared
  await witness.saw("VNC_INITIALIZED");
}

/** A number of SPICE's, which has the lowest byte first. */
function little(...numbers: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, n) => view.setUint32(4 * n, number, true));
  return new Uint8Array(view.buffer);
}

/** Links to the main channel of a SPICE server that asks for no password. */
async function viewBySpice({ dir, witness }: Scene): Promise<void> {
  using line = await Line.open(`${dir}/spice`);
  await line.give(text.encode("REDQ"));
  // Version 2.2; then 18 bytes: no session yet, the main channel (1, 0), no capabilities.
  await line.give(little(2, 2, 18, 0));
  await line.give(Uint8Array.of(1, 0));
  await line.give(little(0, 0, 18));
  const size = (await line.take(16)).getUint32(12, true);
  const link = await line.take(size);
  // The password has to be encrypted with the key that the server sends, although any will do.
  const cipher = { name: "RSA-OAEP", hash: "SHA-1" };
  const spki = link.buffer.slice(4, 4 + 162) as ArrayBuffer;
  const key = await crypto.subtle.importKey("spki", spki, cipher, false, ["encrypt"]);
  await line.give(new Uint8Array(await crypto.subtle.encrypt(cipher, key, Uint8Array.of(0))));
  assertEquals((await line.take(4)).getUint32(0), 0);
  await witness.saw("SPICE_INITIALIZED");
}

/** A network whose other end is a socket that connects and goes. */
async function plugIn({ dir, witness }: Scene): Promise<void> {
  {
    using _ = await Line.open(`${dir}/net`);
    await witness.saw("NETDEV_STREAM_CONNECTED");
  }
  await witness.saw("NETDEV_STREAM_DISCONNECTED");
}

/** As little of a vhost-user back end as QEMU believes in: it offers nothing. */
async function serveVhostUser({ vm, dir, witness }: Scene): Promise<void> {
  const GET_FEATURES = 1;
  const path = `${dir}/vhost`;
  using listener = Deno.listen({ transport: "unix", path });
  const addr = { type: "unix", data: { path } } as const;
  const backend = { type: "socket", data: { addr, server: false } } as const;
  await vm.qmp.execute("chardev-add", { id: "vhost0", backend });
  const line = new Line(await listener.accept());
  const serving = (async () => {
    for (;;) {
      const header = await line.take(12);
      const request = header.getUint32(0, true);
      await line.take(header.getUint32(8, true));
      if (request === GET_FEATURES) await line.give(little(request, 5, 8, 0, 0));
    }
  })().catch(() => "gone" as const); // its own end closes the line
  // QEMU's main loop waits in this command until the back end has answered.
  await vm.qmp.execute("netdev_add", { type: "vhost-user", id: "net0", chardev: "vhost0" });
  await witness.saw("NETDEV_VHOST_USER_CONNECTED");
  line[Symbol.dispose]();
  assertEquals(await serving, "gone");
  await witness.saw("NETDEV_VHOST_USER_DISCONNECTED");
}

/** A migration to a host to which the viewers are to follow. There are none, so all have. */
async function migrateWithViewers({ vm }: Scene): Promise<void> {
  await vm.qmp.execute("client_migrate_info", { protocol: "spice", hostname: "localhost", port: 1 });
  await vm.qmp.execute("migrate", { uri: "exec:cat >/dev/null" });
}

/** The guest that obeys, with what listens. */
const listening = (args: (dir: string) => readonly string[]) => ({ host, dir }: Place): VmConfig =>
  host.config({ extraArgs: args(dir) });

const spice = (dir: string) => ["-spice", `unix=on,addr=${dir}/spice,disable-ticketing=on`];
const NO_SPICE =
  /-spice: invalid option|no option group 'spice'|spice.*not (?:compiled|available|supported)/i;

/** What connects from outside: viewers, networks. */
export const PEER_CAUSES: readonly EventCause[] = [
  {
    name: "a viewer comes and goes by VNC",
    events: ["VNC_CONNECTED", "VNC_INITIALIZED", "VNC_DISCONNECTED"],
    config: ({ host, dir }) => host.config({ display: { vnc: `${dir}/vnc` } }),
    act: viewByVnc,
  },
  {
    name: "a viewer comes and goes by SPICE",
    events: ["SPICE_CONNECTED", "SPICE_INITIALIZED", "SPICE_DISCONNECTED"],
    config: listening(spice),
    act: viewBySpice,
    notBuilt: NO_SPICE,
  },
  {
    name: "a guest is migrated with its viewers by SPICE",
    events: ["SPICE_MIGRATE_COMPLETED"],
    config: (place) => ({ ...listening(spice)(place), sandbox: "allow-spawn" }),
    act: migrateWithViewers,
    notBuilt: NO_SPICE,
  },
  {
    name: "a network's other end comes and goes",
    events: ["NETDEV_STREAM_CONNECTED", "NETDEV_STREAM_DISCONNECTED"],
    config: listening((dir) => [
      "-netdev",
      `stream,id=net0,server=on,addr.type=unix,addr.path=${dir}/net`,
    ]),
    act: plugIn,
  },
  {
    name: "a vhost-user back end comes and goes",
    events: ["NETDEV_VHOST_USER_CONNECTED", "NETDEV_VHOST_USER_DISCONNECTED"],
    act: serveVhostUser,
  },
];
