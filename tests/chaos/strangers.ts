import { QmpClient } from "../../mod.ts";
import { inTime } from "./bounded.ts";
import type { COMMANDS } from "./guest_code.ts";
import type { Guest } from "./guests.ts";

/** How long the guest may take to say a byte back, in milliseconds: one that was just being reset has lost it. */
const SAID_BACK_MS = 1_000;
const TRIES = 15;

/**
 * Gives a guest an order, past its supervisor. It is obeyed once.
 *
 * @param guest The guest, which runs.
 * @param order What.
 * @param operand The byte that goes with it, if one does.
 */
export async function command(
  guest: Guest,
  order: typeof COMMANDS[keyof typeof COMMANDS],
  operand?: number,
): Promise<void> {
  using socket = await Deno.connect({ transport: "unix", path: guest.commandSocket });
  const bytes = [order.charCodeAt(0), ...(operand === undefined ? [] : [operand])];
  for (const byte of bytes) await sayUntilSaidBack(socket, byte, guest.name);
}

async function sayUntilSaidBack(socket: Deno.UnixConn, byte: number, name: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    await socket.write(Uint8Array.of(byte));
    const back = new Uint8Array(1);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), SAID_BACK_MS));
    try {
      if (await Promise.race([socket.read(back), late]) === 1) return;
    } finally {
      clearTimeout(timer);
    }
  }
  throw new Error(`${name} does not obey`);
}

/**
 * Blocks a QEMU's main loop: it opens a FIFO for writing that nobody reads.
 *
 * @param guest The guest.
 * @returns Ends it; resolves when QEMU has gone on, or is gone.
 */
export async function blockMainLoop({ fifo, monitorSocket }: Guest): Promise<() => Promise<void>> {
  await new Deno.Command("mkfifo", { args: ["-m", "600", fifo] }).output();
  const client = await QmpClient.connect({ transport: "unix", path: monitorSocket });
  const blocked = client.execute("pmemsave", { val: 0, size: 4096, filename: fifo }).catch(() => {});
  return async () => {
    // Opened for both, so that it does not wait for a writer: QEMU may be gone. What QEMU writes has room in it.
    using _reader = await Deno.open(fifo, { read: true, write: true });
    await inTime("the end of QEMU's write", blocked);
    await client.close();
    await Deno.remove(fifo);
  };
}

/**
 * Connects to a guest's monitors as somebody would who knows nothing of its supervisor, and goes again.
 *
 * @param guest The guest.
 * @param runDir Its run directory.
 */
export async function visitMonitors({ monitorSocket }: Guest, runDir: string): Promise<void> {
  // One that is in use: whoever connects waits in line.
  using waiting = await Deno.connect({ transport: "unix", path: `${runDir}/control` });
  {
    using people = await Deno.connect({ transport: "unix", path: `${runDir}/hmp` });
    await people.write(new TextEncoder().encode("info status\n"));
    await inTime("an answer of the monitor for people", people.read(new Uint8Array(1024)));
  }
  await using client = await QmpClient.connect({ transport: "unix", path: monitorSocket });
  await client.execute("query-status");
  await waiting.write(new TextEncoder().encode('{"execute":"quit"}'));
}

/** Sockets that somebody took the paths of: whoever connects there is hung up on. */
export class StolenSockets implements Disposable {
  readonly #listeners: Deno.UnixListener[];

  private constructor(listeners: Deno.UnixListener[]) {
    this.#listeners = listeners;
    for (const listener of listeners) hangUp(listener);
  }

  /**
   * Takes the paths of sockets.
   *
   * @param paths The paths; the sockets stay connected to whoever is.
   */
  static async take(paths: readonly string[]): Promise<StolenSockets> {
    await Promise.all(paths.map((path) => Deno.remove(path)));
    return new StolenSockets(paths.map((path) => Deno.listen({ transport: "unix", path })));
  }

  [Symbol.dispose](): void {
    for (const listener of this.#listeners) listener.close();
  }
}

async function hangUp(listener: Deno.UnixListener): Promise<void> {
  try {
    for await (const connection of listener) connection.close();
  } catch {
    // It was closed.
  }
}
