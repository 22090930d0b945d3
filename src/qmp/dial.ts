import { delay } from "@std/async/delay";
import { assertAddress, formatAddress, type MonitorAddress } from "./address.ts";
import { MonitorBusyError, QmpConnectError } from "./errors.ts";
import { Limit } from "./limit.ts";
import { type ByteTransport, openTransport } from "./transport.ts";

/** Between two attempts to connect. QEMU needs 20 to 30 ms until it listens, so the wait is a small part of it. */
const RETRY_MS = 2;

/** What to do about a socket that is not there. */
export interface DialOptions {
  /** Gives up the attempt. */
  signal?: AbortSignal;
  /**
   * When nobody listens at the address: `fail` at once (default), or `retry` until the deadline, for a QEMU that is only just
   * starting. (About one in a thousand QEMUs up to 10.2 hangs when a client comes just as it starts, on a busy host; `launch` keeps clear of
   * that.)
   */
  whileMissing?: "fail" | "retry";
}

/**
 * Connects, trying again where that makes sense. A socket whose queue is full (three clients wait in it) is always tried again.
 *
 * @param address Where to.
 * @param until The deadline, as `performance.now()` counts.
 * @param options What to do while nobody listens.
 * @returns The open transport. That proves nothing yet: only a greeting does.
 * @throws {TypeError} When that is no address, or `stdio`, which only the process that spawned QEMU has.
 * @throws {MonitorBusyError} When the socket's queue is still full at the deadline.
 * @throws {QmpConnectError} When nobody listens there, or does not answer before the deadline.
 */
export async function dial(
  address: MonitorAddress,
  until: number,
  options: DialOptions,
): Promise<ByteTransport> {
  assertAddress(address);
  const { signal, whileMissing = "fail" } = options;
  const ms = until - performance.now();
  using limit = new Limit(
    ms,
    () => new Deno.errors.TimedOut(`No answer within ${Math.round(ms)} ms`),
    signal,
  );
  let found: unknown = null;
  for (;;) {
    try {
      return await openTransport(address, limit.signal);
    } catch (error) {
      signal?.throwIfAborted();
      // When the time is over, what was found last says more than that.
      if (!limit.signal.aborted || found === null) found = error;
    }
    const busy = found instanceof Deno.errors.WouldBlock;
    // A reset: it stopped listening just as this connection waited in its queue.
    const missing = found instanceof Deno.errors.NotFound || found instanceof Deno.errors.ConnectionRefused ||
      found instanceof Deno.errors.ConnectionReset;
    if ((busy || (missing && whileMissing === "retry")) && performance.now() < until) {
      await delay(RETRY_MS, signal ? { signal } : {});
      continue;
    }
    if (found instanceof TypeError || found instanceof Deno.errors.NotCapable) throw found;
    if (busy) throw new MonitorBusyError(formatAddress(address), "open", { cause: found });
    throw new QmpConnectError(formatAddress(address), "open", { cause: found });
  }
}
