import { type Logger, silentLogger } from "../qmp/logger.ts";
import type { Tie } from "./start_qemu.ts";

/** What QEMU's I/O thread answers by itself, long before the machine is built: that out of band nothing may be said yet. */
const QUESTION = '{"exec-oob":"query-yank"}';

/**
 * The line that a starting QEMU has to its launch: a monitor of its own, for which QEMU connects to the run directory's `tie` socket. It is for
 * two things.
 *
 * QEMU ends where nobody listens: setpriv's tie counts from about 1 ms after the fork, and the script of a QEMU may be killed before that. So
 * does one that is to outlive its script, as long as it has not come so far.
 *
 * And it tells when the other monitors may be connected to. QEMU listens on them at once, but hands each to its I/O thread a little later. A
 * client that is there in that moment can be taken by both threads; then one of them waits for ever, or both read what it says. (QEMU 7.2,
 * machine `none`, four launches at a time on two processors: 2 of 2,000 hung, 1 aborted. Mended in QEMU 11, by "cleanup SocketChardev listener
 * sources early to avoid fd handling race".) This monitor is handed over last: when that thread answers here, it has all of them.
 */
export class StartLine implements AsyncDisposable {
  /** Resolves when all monitors can be connected to; or when that is not to be learned here. Never rejects. */
  readonly ready: Promise<void>;
  readonly #listener: Deno.UnixListener;
  #state: "open" | "closed" = "open";
  #connection: Deno.UnixConn | null = null;

  private constructor(listener: Deno.UnixListener) {
    this.#listener = listener;
    this.ready = this.#ask();
  }

  /**
   * Listens for a QEMU that is going to be started.
   *
   * @param tie How QEMU is tied to this process.
   * @param path The socket.
   * @param logger Told what is missing.
   * @returns The line, to be disposed of, which removes its socket, when QEMU is ready; null where this script may not listen there.
   */
  static open(tie: Tie, path: string, logger: Logger = silentLogger): StartLine | null {
    // Where single sockets are allowed this may be none of them, and nobody is to be asked for it.
    const { state } = Deno.permissions.querySync({ name: "net", host: `unix:${path}` });
    if (state === "granted") return new StartLine(Deno.listen({ transport: "unix", path }));
    const outlives =
      "it outlives this process if that is killed with SIGKILL at the very moment of the launch, and ";
    logger.warn(
      `Without --allow-net for this socket QEMU can't report while it starts: ${
        tie === "none" ? "" : outlives
      }of a thousand launches on a busy host one or two may hang`,
      { socket: path },
    );
    return null;
  }

  /** Closes the line, as far as it is still open. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "open") {
      this.#state = "closed";
      this.#listener.close();
      this.#connection?.close();
    }
    // The socket's file goes with the accept() that is under way.
    await this.ready;
  }

  async #ask(): Promise<void> {
    try {
      using connection = await this.#listener.accept();
      this.#connection = connection;
      await connection.write(new TextEncoder().encode(QUESTION));
      await untilAnswered(connection);
    } catch {
      // QEMU has ended, or the launch was given up: connecting to the monitors tells how things are.
    } finally {
      this.#connection = null;
    }
  }
}

/** Reads up to the first line that is neither a greeting nor an event, or to the end. */
async function untilAnswered(connection: Deno.UnixConn): Promise<void> {
  const buffer = new Uint8Array(1024);
  const decoder = new TextDecoder();
  let said = "";
  while (!said.split("\n").slice(0, -1).some((line) => !/"(?:QMP|event)"/.test(line))) {
    const count = await connection.read(buffer);
    if (count === null) return;
    said += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}
