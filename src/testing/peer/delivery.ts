/**
 * How a peer writes.
 *
 * @example Every message comes in pieces of one and of three bytes, and the whole ends after 200
 * ```ts
 * import { memoryPeer, type PeerDelivery, qemuScript } from "@qeeper/qeeper/testing";
 * import { QmpClient, QmpInterruptedError } from "@qeeper/qeeper/qmp";
 * import { assertRejects } from "@std/assert";
 *
 * const delivery: PeerDelivery = { chunkBytes: [1, 3], endAfterBytes: 200 };
 * await using peer = memoryPeer(delivery);
 * const playing = peer.connection.play(qemuScript());
 * await using qmp = await QmpClient.over(peer.transport);
 * await assertRejects(() => qmp.execute("query-commands"), QmpInterruptedError);
 * await playing;
 * ```
 */
export interface PeerDelivery {
  /** One line a message, or many, as a monitor with `pretty=on` has them. Default `compact`. */
  readonly format?: "compact" | "pretty";
  /**
   * The sizes of the pieces in which bytes are written, taken in turn; default: each `send` in one piece. In memory each piece is one read of the
   * client's; a socket may join them again.
   */
  readonly chunkBytes?: number | readonly number[];
  /** The connection ends once so many bytes have been written, be it in the middle of a message. Default: it does not. */
  readonly endAfterBytes?: number;
}

/** A delivery whose sizes are sizes, and whose defaults are filled in. */
export interface CheckedDelivery {
  readonly format: "compact" | "pretty";
  /** None for pieces as they come. */
  readonly chunkSizes: readonly number[];
  readonly endAfterBytes: number;
}

/**
 * Checks a delivery.
 *
 * @param delivery How a peer is to write.
 * @returns The same, with what was not said.
 * @throws {RangeError} When a size is none.
 */
export function checkDelivery(delivery: PeerDelivery): CheckedDelivery {
  const { format = "compact", chunkBytes = [], endAfterBytes = Infinity } = delivery;
  const chunkSizes = typeof chunkBytes === "number" ? [chunkBytes] : chunkBytes;
  assertSizes("chunkBytes", chunkSizes, 1);
  if (endAfterBytes !== Infinity) assertSizes("endAfterBytes", [endAfterBytes], 0);
  return { format, chunkSizes, endAfterBytes };
}

function assertSizes(name: string, sizes: readonly number[], least: 0 | 1): void {
  const wrong = sizes.find((size) => !Number.isInteger(size) || size < least);
  if (wrong === undefined) return;
  const what = least === 0 ? "0 or a positive integer" : "a positive integer";
  throw new RangeError(`Cannot make a peer as '${name}' must be ${what}: current value is ${wrong}`);
}
