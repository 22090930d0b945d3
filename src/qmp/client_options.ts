import type { DialOptions } from "./dial.ts";
import type { Logger } from "./logger.ts";
import type { WireTap } from "./wire.ts";

/** What a client is made with. */
export interface ClientOptions {
  /** Gives up the attempt; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long greeting and negotiation may take together, in milliseconds. Default 5000. */
  timeoutMs?: number;
  /** The largest message that is accepted, in bytes. Default 64 MiB; a larger one ends the connection. */
  maxMessageBytes?: number;
  /** Told what is neither a result nor an error, such as a reply that nobody waits for. Default: silent. */
  logger?: Logger;
  /** Told every byte that is sent and received, negotiation included. Default: nobody, at no cost. */
  wire?: WireTap;
}

/** What `connect` takes beside the address. */
export interface ConnectOptions extends ClientOptions, DialOptions {}

/** What each command takes beside its arguments. */
export interface ExecuteOptions {
  /** Stops waiting: what is not yet written never is, a late reply is dropped. Rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Stops waiting after this many milliseconds, with a `QmpTimeoutError`. Default: no limit. */
  timeoutMs?: number;
  /** Sends the command out of band: it overtakes the others, where QEMU allows it for this command. */
  oob?: boolean;
}

/** What `expect` takes beside name and action. */
export interface ExpectOptions<E> {
  /** Stops waiting; rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Stops waiting after this many milliseconds, with a `QmpTimeoutError`. Default: no limit. */
  timeoutMs?: number;
  /** Which of the events of that name is meant. Default: the first one. */
  where?: (event: E) => boolean;
}
