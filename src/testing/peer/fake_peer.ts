import { abortable } from "@std/async/abortable";
import {
  type ByteTransport,
  formatAddress,
  socketTransport,
  type TcpAddress,
  type UnixAddress,
} from "../../qmp/mod.ts";
import { checkDelivery, type PeerDelivery } from "./delivery.ts";
import { PeerEndedError } from "./errors.ts";
import { memoryPipe } from "./memory_pipe.ts";
import { PeerConnection, type PeerWaitOptions } from "./peer_connection.ts";
import type { PeerScript } from "./script.ts";

/**
 * Where a fake peer listens, and how it writes.
 *
 * @example
 * ```ts
 * import { FakePeer, type FakePeerOptions, qemuScript } from "@qeeper/qeeper/testing";
 * import { QmpClient } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const options: FakePeerOptions = { transport: "tcp", format: "pretty" };
 * await using peer = await FakePeer.listen(options);
 * peer.serve(qemuScript());
 * await using qmp = await QmpClient.connect(peer.address);
 * assertEquals((await qmp.execute("query-status")).running, true);
 * ```
 */
export interface FakePeerOptions extends PeerDelivery {
  /** What it listens on: a unix socket in a directory of its own, or a port of this host that is free. Default `unix`. */
  readonly transport?: "unix" | "tcp";
}

/**
 * A QMP monitor without a QEMU, for tests of what talks to one. It says what it is told to: step by step with `accept`, or by a script
 * with `serve`. Like QEMU's it serves one client at a time; the next one is greeted when that one has left.
 *
 * What it does not do: anything with a guest. Its replies are what its script says, right or wrong.
 *
 * @example A QEMU that dies at every byte of a conversation
 * ```ts
 * import { FakePeer, qemuScript } from "@qeeper/qeeper/testing";
 * import { QmpClient, QmpError } from "@qeeper/qeeper/qmp";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const converse = async (endAfterBytes: number) => {
 *   await using peer = await FakePeer.listen({ endAfterBytes });
 *   peer.serve(qemuScript());
 *   try {
 *     await using qmp = await QmpClient.connect(peer.address);
 *     return (await qmp.execute("query-status")).status;
 *   } catch (error) {
 *     return error;
 *   }
 * };
 * for (let bytes = 0; bytes < 130; bytes += 7) assert(await converse(bytes) instanceof QmpError);
 * assertEquals(await converse(Infinity), "running");
 * ```
 */
export class FakePeer<Address extends UnixAddress | TcpAddress = UnixAddress> implements AsyncDisposable {
  /** Where it listens. */
  readonly address: Address;
  readonly #listener: Deno.Listener;
  readonly #dir: string | null;
  readonly #delivery: PeerDelivery;
  readonly #connections = new Set<PeerConnection>();
  readonly #stopped = new AbortController();
  readonly #serving: Promise<void>[] = [];
  #accepting: Promise<Deno.Conn> | null = null;
  #client: PromiseWithResolvers<PeerConnection> = Promise.withResolvers<PeerConnection>();
  #played: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  private constructor(
    listener: Deno.Listener,
    address: Address,
    dir: string | null,
    delivery: PeerDelivery,
  ) {
    this.#listener = listener;
    this.address = address;
    this.#dir = dir;
    this.#delivery = delivery;
    // Whether anybody asks is the test's business.
    this.#client.promise.catch(() => {});
    this.#played.promise.catch(() => {});
  }

  /**
   * Listens.
   *
   * @param options Where, and how it writes.
   * @returns The peer; dispose of it to close all its connections.
   * @throws {RangeError} When a size of the delivery is none.
   */
  static listen(options: FakePeerOptions & { readonly transport: "tcp" }): Promise<FakePeer<TcpAddress>>;
  /** Listens on a unix socket. */
  static listen(options?: PeerDelivery & { readonly transport?: "unix" }): Promise<FakePeer>;
  /** Listens where the options say. */
  static listen(options: FakePeerOptions): Promise<FakePeer<UnixAddress> | FakePeer<TcpAddress>>;
  static async listen(
    options: FakePeerOptions = {},
  ): Promise<FakePeer<UnixAddress> | FakePeer<TcpAddress>> {
    const { transport = "unix", ...delivery } = options;
    checkDelivery(delivery); // now, and not when the first client comes
    if (transport === "tcp") {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const address: TcpAddress = { transport: "tcp", host: "127.0.0.1", port: listener.addr.port };
      return new FakePeer(listener, address, null, delivery);
    }
    const dir = await Deno.makeTempDir({ prefix: "qeeper-peer-" });
    const address: UnixAddress = { transport: "unix", path: `${dir}/qmp` };
    return new FakePeer(Deno.listen(address), address, dir, delivery);
  }

  /**
   * Waits for the next client, which is not greeted yet.
   *
   * @param options Signal.
   * @returns The peer's side of its connection.
   */
  async accept(options: PeerWaitOptions = {}): Promise<PeerConnection> {
    const { signal } = options;
    signal?.throwIfAborted();
    this.#accepting ??= this.#listener.accept().finally(() => this.#accepting = null);
    const conn = await (signal === undefined ? this.#accepting : abortable(this.#accepting, signal));
    const connection = new PeerConnection(
      socketTransport(conn, formatAddress(this.address)),
      this.#delivery,
    );
    this.#connections.add(connection);
    return connection;
  }

  /**
   * Plays a script to each client from now on, one client after the other, until the peer is disposed of. What is wrong with the play is told by
   * `played`.
   *
   * @param script Its steps.
   */
  serve(script: PeerScript): void {
    const serving = this.#serve(script);
    serving.catch(() => {}); // dispose tells
    this.#serving.push(serving);
  }

  /**
   * Waits until the script has been played to its end to a client.
   *
   * @param options Signal.
   * @throws {PeerScriptError} When a client did something else than the script has.
   */
  async played(options: PeerWaitOptions = {}): Promise<void> {
    const { promise } = this.#played;
    await (options.signal === undefined ? promise : abortable(promise, options.signal));
  }

  /**
   * The connection of the client that is being served, to tell it of an event, or to freeze it. It waits for a client where there is none.
   *
   * @param options Signal.
   * @returns The peer's side of its connection.
   */
  async client(options: PeerWaitOptions = {}): Promise<PeerConnection> {
    const { promise } = this.#client;
    return await (options.signal === undefined ? promise : abortable(promise, options.signal));
  }

  /** Closes all connections, and listens no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    const over = new PeerEndedError("wait for a client or a script", "script");
    this.#stopped.abort(over);
    this.#client.reject(over);
    this.#played.reject(over);
    for (const connection of this.#connections) await connection.end();
    this.#listener.close();
    await Promise.all(this.#serving);
    if (this.#dir !== null) await Deno.remove(this.#dir, { recursive: true });
  }

  async #serve(script: PeerScript): Promise<void> {
    for (;;) {
      const connection = await this.accept().catch((error) => {
        if (this.#stopped.signal.aborted) return null;
        throw error;
      });
      if (connection === null) return;
      this.#client.resolve(connection);
      try {
        await connection.play(script);
        this.#played.resolve();
        await connection.ended();
      } catch (error) {
        this.#played.reject(error);
      }
      await connection.end();
      this.#connections.delete(connection);
      if (this.#stopped.signal.aborted) return;
      this.#client = Promise.withResolvers<PeerConnection>();
      this.#client.promise.catch(() => {});
    }
  }
}

/**
 * A fake peer on an address, which plays a script to each of its clients.
 *
 * @param script What it does.
 * @param options Where it listens, and how it writes.
 * @returns The peer; dispose of it to close all its connections.
 *
 * @example
 * ```ts
 * import { scriptedPeer } from "@qeeper/qeeper/testing";
 * import { QmpClient } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * await using peer = await scriptedPeer([
 *   { kind: "negotiate" },
 *   { kind: "await", command: "query-status" },
 *   { kind: "reply", value: { running: false, status: "guest-panicked" } },
 * ]);
 * await using qmp = await QmpClient.connect(peer.address);
 * assertEquals((await qmp.execute("query-status")).status, "guest-panicked");
 * await peer.played();
 * ```
 */
export function scriptedPeer(
  script: PeerScript,
  options: FakePeerOptions & { readonly transport: "tcp" },
): Promise<FakePeer<TcpAddress>>;
/** A fake peer on a unix socket, which plays a script to each of its clients. */
export function scriptedPeer(
  script: PeerScript,
  options?: PeerDelivery & { readonly transport?: "unix" },
): Promise<FakePeer>;
export async function scriptedPeer(
  script: PeerScript,
  options: FakePeerOptions = {},
): Promise<FakePeer<UnixAddress> | FakePeer<TcpAddress>> {
  const peer = await FakePeer.listen(options);
  peer.serve(script);
  return peer;
}

/**
 * Both sides of a connection within the process.
 *
 * @example
 * ```ts
 * import { type MemoryPeer, memoryPeer } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using peer: MemoryPeer = memoryPeer();
 * await peer.connection.greet();
 * const buffer = new Uint8Array(7);
 * await peer.transport.read(buffer);
 * assertEquals(new TextDecoder().decode(buffer), '{"QMP":');
 * ```
 */
export interface MemoryPeer extends AsyncDisposable {
  /** The client's side, for `QmpClient.over`. */
  readonly transport: ByteTransport;
  /** The peer's side. */
  readonly connection: PeerConnection;
}

/**
 * A peer without a socket: each piece that it writes is one read of the client's, exactly as it was cut.
 *
 * @param delivery How it writes.
 * @returns Both sides; disposing of it ends both.
 *
 * @example A conversation whose every byte comes by itself
 * ```ts
 * import { memoryPeer, qemuScript } from "@qeeper/qeeper/testing";
 * import { QmpClient } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * await using peer = memoryPeer({ chunkBytes: 1 });
 * const playing = peer.connection.play(qemuScript());
 * const qmp = await QmpClient.over(peer.transport);
 * assertEquals((await qmp.execute("query-status")).status, "running");
 * await qmp.close();
 * await playing;
 * ```
 */
export function memoryPeer(delivery: PeerDelivery = {}): MemoryPeer {
  const [transport, side] = memoryPipe();
  const connection = new PeerConnection(side, delivery);
  return {
    transport,
    connection,
    async [Symbol.asyncDispose]() {
      await connection.end();
      await transport.close();
    },
  };
}
