import { formatAddress, type MonitorAddress } from "./address.ts";

/**
 * A two-way byte stream to a monitor. `read` fills the given buffer and answers with the number of bytes, or `null` at the
 * end of the stream; a reset by the peer counts as the end, since QEMU resets instead of closing when it exits with
 * a byte unread. `write` writes all or rejects; one write is under way at a time. `close` may be called more than once; it
 * ends a pending `read` with `null`, makes a pending `write` reject, and waits for neither the peer nor its process.
 */
export interface ByteTransport {
  /** For messages: where this leads. */
  readonly address: string;
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Is this how the end of a connection looks: a reset by the peer, or our own close during a read? */
function isEndOfStream(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted;
}

/**
 * A transport over a socket that is already connected.
 *
 * @param conn The socket; the transport owns it from here on.
 * @param address For messages.
 * @returns The transport.
 */
export function socketTransport(conn: Deno.Conn, address: string): ByteTransport {
  let open = true;
  return {
    address,
    async read(buffer) {
      try {
        return await conn.read(buffer);
      } catch (error) {
        if (isEndOfStream(error)) return null;
        throw error;
      }
    },
    async write(bytes) {
      let written = await conn.write(bytes);
      while (written < bytes.length) written += await conn.write(bytes.subarray(written));
    },
    close() {
      if (open) {
        open = false;
        conn.close();
      }
      return Promise.resolve();
    },
  };
}

/** The two pipes of a child process that speaks QMP on its stdin and stdout, as `Deno.ChildProcess` has them. */
export interface ChildStdio {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
}

/**
 * A transport over a child's stdin and stdout, for a QEMU that was started with `-chardev stdio` or `-qmp stdio`.
 *
 * @param child A spawned child whose stdin and stdout are piped; the transport owns both pipes from here on.
 * @returns The transport.
 *
 * @example
 * ```ts
 * import { stdioTransport } from "@qeeper/qeeper/qmp";
 * import { assertEquals } from "@std/assert";
 *
 * const child = new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
 * const transport = stdioTransport(child);
 * await transport.write(new TextEncoder().encode("hello"));
 * const buffer = new Uint8Array(16);
 * assertEquals(await transport.read(buffer), 5);
 * await transport.close();
 * await child.status;
 * ```
 */
export function stdioTransport(child: ChildStdio): ByteTransport {
  const writer = child.stdin.getWriter();
  const reader = child.stdout.getReader();
  let rest: Uint8Array = new Uint8Array(0);
  let closing: Promise<void> | null = null;
  /** Ends the write that is under way, since a pipe that the child does not read holds it for ever. */
  let interrupt: ((reason: Error) => void) | null = null;
  return {
    address: "stdio",
    async read(buffer) {
      while (rest.length === 0) {
        try {
          const { value, done } = await reader.read();
          if (done) return null;
          rest = value;
        } catch (error) {
          if (closing || isEndOfStream(error)) return null;
          throw error;
        }
      }
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    async write(bytes) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      interrupt = reject;
      writer.write(bytes).then(resolve, reject);
      try {
        await promise;
      } finally {
        interrupt = null;
      }
    },
    close() {
      closing ??= (async () => {
        const stuck = interrupt !== null;
        interrupt?.(new Deno.errors.Interrupted("The transport was closed during a write"));
        // Either pipe may have failed already with the child's death: that is no news for a close.
        const ended = Promise.allSettled([reader.cancel(), stuck ? writer.abort() : writer.close()]);
        // The pipe of a write that is stuck only ends with the child.
        if (!stuck) await ended;
      })();
      return closing;
    },
  };
}

/**
 * Opens the socket that an address names.
 *
 * @param address A unix or TCP address.
 * @param signal Gives up the attempt.
 * @returns The connected transport.
 * @throws {TypeError} When the address is `stdio`: only the process that spawned QEMU has those pipes.
 * @throws {Deno.errors.NotFound | Deno.errors.ConnectionRefused} When nobody listens there.
 * @throws {Deno.errors.WouldBlock} When a unix socket's queue is full: three clients wait already.
 */
export async function openTransport(address: MonitorAddress, signal?: AbortSignal): Promise<ByteTransport> {
  signal?.throwIfAborted();
  switch (address.transport) {
    case "unix":
      return own(await Deno.connect({ transport: "unix", path: address.path }), address, signal);
    case "tcp": {
      const { host, port } = address;
      const conn = await Deno.connect({ hostname: host, port, ...(signal ? { signal } : {}) });
      conn.setNoDelay(true);
      return own(conn, address, signal);
    }
    case "stdio":
      throw new TypeError(
        "Cannot connect to a monitor on stdio by its address: wrap the child that you spawned with stdioTransport() and " +
          "use QmpClient.over()",
      );
  }
}

/** A connection that was made too late is closed again: the caller has given up. */
function own(conn: Deno.Conn, address: MonitorAddress, signal: AbortSignal | undefined): ByteTransport {
  if (signal?.aborted) {
    conn.close();
    throw signal.reason;
  }
  return socketTransport(conn, formatAddress(address));
}
