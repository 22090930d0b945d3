import { type ConnectOptions, QmpClient } from "../../src/qmp/mod.ts";
import type { FakePeer, PeerConnection } from "../../src/testing/mod.ts";

/** A client that has negotiated with a peer, and the peer's side of it. */
export async function connected(
  peer: FakePeer,
  options: ConnectOptions = {},
): Promise<{ client: QmpClient; monitor: PeerConnection }> {
  const [client, monitor] = await Promise.all([
    QmpClient.connect(peer.address, options),
    peer.accept().then(async (monitor) => {
      await monitor.negotiate();
      return monitor;
    }),
  ]);
  return { client, monitor };
}
