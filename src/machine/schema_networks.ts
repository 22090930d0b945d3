import * as v from "valibot";
import type { ForwardConfig, NetworkConfig } from "./network_config.ts";
import {
  flag,
  id,
  integer,
  ipv4,
  list,
  name,
  object,
  oneOf,
  shortText,
  variant,
  word,
} from "./schema_words.ts";

const forwardSchema: v.GenericSchema<ForwardConfig> = object(
  {
    host: v.exactOptional(integer(0, 65535, "a port of the host: an integer from 0 (QEMU chooses) to 65535")),
    guest: integer(1, 65535, "a port of the guest: an integer from 1 to 65535"),
    protocol: v.exactOptional(oneOf(["tcp", "udp"])),
    hostAddress: v.exactOptional(ipv4),
    guestAddress: v.exactOptional(ipv4),
  } satisfies Record<keyof ForwardConfig, v.GenericSchema>,
);

const card = {
  id: v.exactOptional(id),
  model: v.exactOptional(word("the name of a network card")),
  mac: v.exactOptional(
    v.pipe(
      v.string("a MAC address"),
      v.regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i, "a MAC address, as in 52:54:00:12:34:56"),
    ),
  ),
};

const endpoint = v.pipe(
  name("an address and port"),
  v.regex(/^\S*:\d{1,5}$/, "an address and port, as in 127.0.0.1:5555"),
);

/** A network. */
export const networkSchema: v.GenericSchema<NetworkConfig> = variant<NetworkConfig>("type", {
  user: object({
    type: v.literal("user"),
    ...card,
    forward: v.exactOptional(list(forwardSchema, "forwarded ports")),
    restrict: v.exactOptional(flag),
    hostname: v.exactOptional(name("a host name")),
    tftp: v.exactOptional(name("the name of a directory")),
    bootfile: v.exactOptional(name("the name of a file in tftp")),
  }),
  tap: object({
    type: v.literal("tap"),
    ...card,
    ifname: shortText("the name of a network interface", 15),
    vhost: v.exactOptional(flag),
  }),
  socket: object({
    type: v.literal("socket"),
    ...card,
    listen: v.exactOptional(endpoint),
    connect: v.exactOptional(endpoint),
    mcast: v.exactOptional(endpoint),
    localaddr: v.exactOptional(ipv4),
  }),
  none: object({ type: v.literal("none") }),
});
