import type { VmConfig } from "./config.ts";
import { networkId } from "./ids.ts";
import type { ForwardConfig } from "./network_config.ts";

/** A port of the host that leads into the guest, as QEMU reports it. */
export interface UsernetForward {
  /** The network's id. */
  network: string;
  /** The protocol. */
  protocol: "tcp" | "udp";
  /** The host's address; `0.0.0.0` for all of them. */
  hostAddress: string;
  /** The host's port. */
  hostPort: number;
  /** The guest's address. */
  guestAddress: string;
  /** The guest's port. */
  guestPort: number;
}

/** A forward whose host port was left to QEMU. */
export interface OpenForward {
  /** Its place in the config: `networks[0].forward[1]`. */
  path: string;
  /** The network's id. */
  network: string;
  /** What the config says of it. */
  forward: ForwardConfig;
}

/**
 * Reads the answer to the monitor command `info usernet` (HMP; no QMP command tells).
 *
 * @param text What QEMU said. Lines that are no forwards, such as open connections, are passed over.
 * @returns The forwards, in QEMU's order.
 *
 * @example
 * ```ts
 * import { parseUsernet } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const text = "Hub -1 (net0):\r\n" +
 *   "  TCP[HOST_FORWARD]   9       127.0.0.1 43737       10.0.2.15    22     0     0\r\n";
 *
 * assertEquals(parseUsernet(text).map(({ hostPort, guestPort }) => [hostPort, guestPort]), [[43737, 22]]);
 * ```
 */
export function parseUsernet(text: string): readonly UsernetForward[] {
  const forwards: UsernetForward[] = [];
  let network = "";
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\S.*\((.*)\):$/.exec(line);
    if (heading !== null) network = heading[1] ?? "";
    const [, protocol, hostAddress, hostPort, guestAddress, guestPort] =
      /^\s+(TCP|UDP)\[HOST_FORWARD\]\s+-?\d+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)/.exec(line) ?? [];
    if (protocol === undefined || hostAddress === undefined || guestAddress === undefined) continue;
    forwards.push({
      network,
      protocol: protocol === "TCP" ? "tcp" : "udp",
      hostAddress: anyAddress(hostAddress),
      hostPort: Number(hostPort),
      guestAddress: anyAddress(guestAddress),
      guestPort: Number(guestPort),
    });
  }
  return forwards;
}

/** QEMU prints the address that means all of them as a star. */
function anyAddress(address: string): string {
  return address === "*" ? "0.0.0.0" : address;
}

/**
 * The forwards of a config whose host port QEMU chooses; `info usernet` tells which it took.
 *
 * @param config The config.
 * @returns The forwards in the config's order; empty if there is nothing to ask.
 *
 * @example
 * ```ts
 * import { forwardsToRead } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const forward = [{ guest: 22 }, { host: 8080, guest: 80 }];
 *
 * assertEquals(
 *   forwardsToRead({ networks: [{ type: "user", forward }] }).map(({ path }) => path),
 *   ["networks[0].forward[0]"],
 * );
 * ```
 */
export function forwardsToRead(config: VmConfig): readonly OpenForward[] {
  return (config.networks ?? []).flatMap((network, index) => {
    if (network.type !== "user") return [];
    return (network.forward ?? []).flatMap((forward, place): OpenForward[] => {
      if ((forward.host ?? 0) !== 0) return [];
      return [{ path: `networks[${index}].forward[${place}]`, network: networkId(network, index), forward }];
    });
  });
}

/**
 * Finds, for each forward that a config left open, the one that QEMU reports for it. No report is used twice, so that two
 * forwards to the same port of the guest get two ports of the host.
 *
 * @param open Forwards of the config ({@linkcode forwardsToRead}).
 * @param reported What QEMU reports ({@linkcode parseUsernet}).
 * @returns One for each of `open`, in its order; undefined where QEMU reports none.
 *
 * @example
 * ```ts
 * import { forwardsToRead, matchForwards, parseUsernet } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const open = forwardsToRead({ networks: [{ type: "user", forward: [{ guest: 22 }] }] });
 * const text = "Hub -1 (net0):\n  TCP[HOST_FORWARD]  9  127.0.0.1 43737  10.0.2.15  22  0  0\n";
 *
 * assertEquals(matchForwards(open, parseUsernet(text))[0]?.hostPort, 43737);
 * ```
 */
export function matchForwards(
  open: readonly OpenForward[],
  reported: readonly UsernetForward[],
): readonly (UsernetForward | undefined)[] {
  const left = [...reported];
  return open.map(({ network, forward }) => {
    const { protocol = "tcp", hostAddress = "127.0.0.1", guestAddress, guest } = forward;
    const place = left.findIndex((one) =>
      one.network === network && one.protocol === protocol && one.guestPort === guest &&
      one.hostAddress === hostAddress && (guestAddress === undefined || one.guestAddress === guestAddress)
    );
    return place < 0 ? undefined : left.splice(place, 1)[0];
  });
}
