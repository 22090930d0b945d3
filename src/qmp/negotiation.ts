import { abortable } from "@std/async/abortable";
import type { ClientOptions } from "./client_options.ts";
import {
  type ConnectPhase,
  MonitorBusyError,
  QmpConnectError,
  QmpProtocolError,
  QmpTimeoutError,
} from "./errors.ts";
import { Limit } from "./limit.ts";
import type { Greeting } from "./message.ts";

/** How long greeting and negotiation may take, unless the caller says otherwise. */
const DEFAULT_CONNECT_MS = 5000;

/** A connection whose capabilities are to be negotiated. */
export interface Negotiating {
  /** For messages: where it leads. */
  readonly address: string;
  /** What QEMU says first; rejects when the connection ends before. */
  readonly greeted: Promise<Greeting>;
  /** Runs a command under an id. */
  run(command: string, args: object, options: { signal: AbortSignal }, id: number): Promise<unknown>;
  /** Why it has ended; null while it has not, or after a clean end. */
  failure(): Error | null;
}

/**
 * By when greeting and negotiation have to be over.
 *
 * @param options What the caller gave.
 * @returns The moment, as `performance.now()` counts.
 */
export function negotiationEnd({ timeoutMs = DEFAULT_CONNECT_MS }: ClientOptions): number {
  return performance.now() + timeoutMs;
}

/**
 * Waits for the greeting and enables what it offers, out-of-band execution.
 *
 * @param connection The connection.
 * @param until The deadline.
 * @param options Signal, and the time limit for messages.
 * @returns The greeting, once `qmp_capabilities` has returned.
 * @throws {MonitorBusyError} When nothing greets in time: another client has this monitor.
 * @throws {QmpConnectError} When the peer ends too early, or does not negotiate in time.
 * @throws {QmpProtocolError} When the peer sends what is no QMP.
 */
export async function negotiate(
  connection: Negotiating,
  until: number,
  { signal, timeoutMs = DEFAULT_CONNECT_MS }: ClientOptions,
): Promise<Greeting> {
  const { address } = connection;
  const late = () => new QmpTimeoutError("qmp_capabilities", timeoutMs);
  using limit = new Limit(until - performance.now(), late, signal);
  let phase: Exclude<ConnectPhase, "open"> = "greeting";
  try {
    const greeting = await abortable(connection.greeted, limit.signal);
    phase = "negotiation";
    const enable = greeting.capabilities.includes("oob") ? { enable: ["oob"] } : {};
    await connection.run("qmp_capabilities", enable, { signal: limit.signal }, randomId());
    return greeting;
  } catch (error) {
    signal?.throwIfAborted();
    if (!limit.signal.aborted) throw endedIn(phase, connection, error);
    if (phase === "greeting") throw new MonitorBusyError(address, "greeting");
    throw new QmpConnectError(address, phase, { cause: error });
  }
}

function endedIn(phase: ConnectPhase, { address, failure }: Negotiating, error: unknown): Error {
  const why = failure();
  if (why instanceof QmpProtocolError) return why;
  // That the connection ended before the greeting needs no cause: the phase says it.
  return new QmpConnectError(address, phase, { cause: why ?? (phase === "greeting" ? null : error) });
}

/**
 * An id that no other connection has used. QEMU sends the reply of a command that was under way when its client left to the next
 * client, before that one's `qmp_capabilities` returns; by the usual small ids it would be taken for the return itself. (Seen on 7.2.)
 */
function randomId(): number {
  return 1_000_000 + Math.floor(Math.random() * 1_000_000_000);
}
