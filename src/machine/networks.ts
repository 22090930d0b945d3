import { type Board, virtioDevice } from "./board.ts";
import type { VmConfig } from "./config.ts";
import { cardId, networkId } from "./ids.ts";
import type { ForwardConfig, NetworkConfig, NoNetworkConfig } from "./network_config.ts";
import { formatOption } from "./options.ts";

/** A network that has a card. */
type PluggedNetwork = Exclude<NetworkConfig, NoNetworkConfig>;

/**
 * The arguments for a config's networks: a `-netdev` and a `-device` each.
 *
 * @param config The config.
 * @param board Its board.
 * @returns Arguments.
 */
export function networkArgs(config: VmConfig, board: Board): string[] {
  return (config.networks ?? []).flatMap((network, index) => {
    if (network.type === "none") return [];
    const id = networkId(network, index);
    const card = formatOption(network.model ?? defaultModel(board), {
      id: cardId(id),
      netdev: id,
      mac: network.mac,
    });
    return ["-netdev", backend(network, id), "-device", card];
  });
}

function defaultModel(board: Board): string {
  return board.virtio === null && board.isa ? "ne2k_isa" : virtioDevice(board, "virtio-net");
}

function backend(network: PluggedNetwork, id: string): string {
  switch (network.type) {
    case "user":
      return formatOption("user", {
        id,
        restrict: network.restrict,
        hostname: network.hostname,
        tftp: network.tftp,
        bootfile: network.bootfile,
        hostfwd: (network.forward ?? []).map(hostForward),
      });
    case "tap":
      return formatOption("tap", {
        id,
        ifname: network.ifname,
        script: "no",
        downscript: "no",
        vhost: network.vhost,
      });
    case "socket":
      return formatOption("socket", {
        id,
        listen: network.listen,
        connect: network.connect,
        mcast: network.mcast,
        localaddr: network.localaddr,
      });
  }
}

function hostForward(forward: ForwardConfig): string {
  const { protocol = "tcp", hostAddress = "127.0.0.1", host = 0, guestAddress = "", guest } = forward;
  return `${protocol}:${hostAddress}:${host}-${guestAddress}:${guest}`;
}
