import { delay } from "@std/async/delay";
import { formatAddress, type MonitorAddress } from "./address.ts";
import { MonitorBusyError, QmpConnectError } from "./errors.ts";
import { type ByteTransport, openTransport } from "./transport.ts";

/** Between two attempts to connect. QEMU needs 20 to 30 ms until it listens, so the wait is a small part of it. */
const RETRY_MS = 2;

/** What to do about a socket that is not there. */
export interface DialOptions {
  /** Gives up the attempt. */
  signal?: AbortSignal;
  /**
   * When nobody listens at the address: `fail` at once (default), or `retry` until the deadline, for a QEMU that is only just
   * starting.
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
 */
export async function dial(
  address: MonitorAddress,
  until: number,
  options: DialOptions,
): Promise<ByteTransport> {
  const { signal, whileMissing = "fail" } = options;
  for (;;) {
    try {
      return await openTransport(address, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const busy = error instanceof Deno.errors.WouldBlock;
      const missing = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused;
      const again = busy || (missing && whileMissing === "retry");
      if (again && performance.now() < until) {
        await delay(RETRY_MS, signal ? { signal } : {});
        continue;
      }
      if (busy) throw new MonitorBusyError(formatAddress(address), "open", { cause: error });
      if (error instanceof TypeError || error instanceof Deno.errors.NotCapable) throw error;
      throw new QmpConnectError(formatAddress(address), "open", { cause: error });
    }
  }
}
