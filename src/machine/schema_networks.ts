import type {
  ForwardConfig,
  NetworkConfig,
  NoNetworkConfig,
  SocketNetworkConfig,
  TapNetworkConfig,
  UserNetworkConfig,
} from "./network_config.ts";
import {
  flag,
  id,
  integer,
  ipv4,
  list,
  literal,
  name,
  object,
  oneOf,
  optional,
  type Schema,
  shortText,
  string,
  variant,
  word,
} from "./schema_words.ts";

const forwardSchema: Schema<ForwardConfig> = object<ForwardConfig>(() => ({
  host: optional(integer(0, 65535, "a port of the host: an integer from 0 (QEMU chooses) to 65535")),
  guest: integer(1, 65535, "a port of the guest: an integer from 1 to 65535"),
  protocol: optional(oneOf(["tcp", "udp"])),
  hostAddress: optional(ipv4),
  guestAddress: optional(ipv4),
}));

const card = () => ({
  id: optional(id),
  model: optional(word("the name of a network card")),
  mac: optional(string("a MAC address", [
    /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i,
    "a MAC address, as in 52:54:00:12:34:56",
  ])),
});

const endpoint = name("an address and port", [
  /^\S*:\d{1,5}$/,
  "an address and port, as in 127.0.0.1:5555",
]);

/** A network. */
export const networkSchema: Schema<NetworkConfig> = variant<NetworkConfig>("type", {
  user: object<UserNetworkConfig>(() => ({
    type: literal("user"),
    ...card(),
    forward: optional(list(forwardSchema, "forwarded ports")),
    restrict: optional(flag),
    hostname: optional(name("a host name")),
    tftp: optional(name("the name of a directory")),
    bootfile: optional(name("the name of a file in tftp")),
  })),
  tap: object<TapNetworkConfig>(() => ({
    type: literal("tap"),
    ...card(),
    ifname: shortText("the name of a network interface", 15),
    vhost: optional(flag),
  })),
  socket: object<SocketNetworkConfig>(() => ({
    type: literal("socket"),
    ...card(),
    listen: optional(endpoint),
    connect: optional(endpoint),
    mcast: optional(endpoint),
    localaddr: optional(ipv4),
  })),
  none: object<NoNetworkConfig>({ type: literal("none") }),
});
