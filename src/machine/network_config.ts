/**
 * A network card and what it is plugged into. `{ type: "none" }` is no card at all.
 *
 * @example
 * ```ts
 * import { parseVmConfig, type NetworkConfig } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * // Port 22 of the guest on a port of this host that QEMU chooses.
 * const network: NetworkConfig = { type: "user", forward: [{ guest: 22 }] };
 *
 * assertEquals(parseVmConfig({ networks: [network] }).networks, [network]);
 * ```
 */
export type NetworkConfig = UserNetworkConfig | TapNetworkConfig | SocketNetworkConfig | NoNetworkConfig;

/** What every network card has. */
export interface NetworkCardConfig {
  /**
   * The network's id (`-netdev id=`); the card's is the same with `-nic` behind it. Default `net0`, `net1`...
   */
  id?: string;
  /**
   * The card, by its name in QEMU: `"e1000"`, `"rtl8139"`... Default `virtio-net-pci`, `-device` or `-ccw`, as the board
   * has it, and `ne2k_isa` on an ISA board.
   */
  model?: string;
  /** The card's MAC address, `52:54:00:12:34:56`. Default: QEMU's own, the same in every guest. */
  mac?: string;
}

/** QEMU's own user-mode network: the guest gets out, nothing gets in except what is forwarded. Needs no rights. */
export interface UserNetworkConfig extends NetworkCardConfig {
  /** Which kind it is. */
  type: "user";
  /** Ports of the host that lead into the guest (`hostfwd=`). */
  forward?: readonly ForwardConfig[];
  /** The guest reaches neither the host nor the world; forwards still work (`restrict=on`). Default false. */
  restrict?: boolean;
  /** The host name that DHCP tells the guest (`hostname=`). */
  hostname?: string;
  /** A directory served by TFTP, for network boot (`tftp=`). */
  tftp?: string;
  /** The file that DHCP tells the guest to boot, in `tftp` (`bootfile=`). */
  bootfile?: string;
}

/** One forwarded port. */
export interface ForwardConfig {
  /** The host's port; 0 or absent lets QEMU choose one, which is read back after the start. */
  host?: number;
  /** The guest's port. */
  guest: number;
  /** Default `"tcp"`. */
  protocol?: "tcp" | "udp";
  /** The host's IPv4 address to listen on. Default `127.0.0.1`: only this host can connect. */
  hostAddress?: string;
  /** The guest's IPv4 address. Default: the first that DHCP gives out, `10.0.2.15`. */
  guestAddress?: string;
}

/** A tap interface that exists already. No script is ever run (`script=no,downscript=no`). */
export interface TapNetworkConfig extends NetworkCardConfig {
  /** Which kind it is. */
  type: "tap";
  /** The interface's name, at most 15 bytes (`ifname=`). */
  ifname: string;
  /** Packets go through the host's kernel (`vhost=on`). Default false. Needs `/dev/vhost-net`: without it QEMU 7.2 aborts. */
  vhost?: boolean;
}

/** A cable to another QEMU, over TCP or multicast. Exactly one of `listen`, `connect` and `mcast`. */
export interface SocketNetworkConfig extends NetworkCardConfig {
  /** Which kind it is. */
  type: "socket";
  /** Wait for the other QEMU on this address, `127.0.0.1:5555`. */
  listen?: string;
  /** Connect to the other QEMU at this address. */
  connect?: string;
  /** Share a bus with every QEMU on this multicast address, `230.0.0.1:1234`. */
  mcast?: string;
  /** The host's address that multicast packets are sent from (`localaddr=`). */
  localaddr?: string;
}

/** No card. */
export interface NoNetworkConfig {
  /** Which kind it is. */
  type: "none";
}
