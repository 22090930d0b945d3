/**
 * A script could not be played to its end, since the client did something else.
 *
 * @example
 * ```ts
 * import { memoryPeer, PeerScriptError } from "@qeeper/qeeper/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using peer = memoryPeer();
 * await peer.transport.write(new TextEncoder().encode('{"execute":"stop"}'));
 * const playing = peer.connection.play([{ kind: "await", command: "cont" }]);
 * const error = await assertRejects(() => playing, PeerScriptError);
 * assertEquals(error.message, 'Cannot play step 1 of 1 (await "cont"): the client sent "stop"');
 * ```
 */
export class PeerScriptError extends Error {
  override readonly name = "PeerScriptError";
  /** Which step, from 1 on. */
  readonly step: number;
  /** What the client did instead. */
  readonly found: string;

  /**
   * @param step Which step, from 1 on.
   * @param of How many there are.
   * @param wanted The step, in words.
   * @param found What was found.
   * @param options The cause.
   */
  constructor(step: number, of: number, wanted: string, found: string, options?: ErrorOptions) {
    super(`Cannot play step ${step} of ${of} (${wanted}): ${found}`, options);
    this.step = step;
    this.found = found;
  }
}

/**
 * The connection of a peer is over, so it can neither read nor say anything more.
 *
 * @example
 * ```ts
 * import { memoryPeer, PeerEndedError } from "@qeeper/qeeper/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using peer = memoryPeer({ endAfterBytes: 10 });
 * const error = await assertRejects(() => peer.connection.greet(), PeerEndedError);
 * assertEquals([error.by, peer.connection.sentBytes], ["script", 10]);
 * ```
 */
export class PeerEndedError extends Error {
  override readonly name = "PeerEndedError";
  /** Who ended it: the client by leaving, or the peer itself, as its script or its test said. */
  readonly by: "client" | "script";

  /**
   * @param attempted What can't be done any more.
   * @param by Who ended the connection.
   * @param options The cause.
   */
  constructor(attempted: string, by: "client" | "script", options?: ErrorOptions) {
    super(
      `Cannot ${attempted}: ${by === "client" ? "the client has left" : "the peer has ended the connection"}`,
      options,
    );
    this.by = by;
  }
}
