import type { MonitorAddress, StdioAddress, TcpAddress, UnixAddress } from "../qmp/address.ts";
import type {
  FirmwareConfig,
  MonitorConfig,
  SecretConfig,
  SecretFileConfig,
  SecretValueConfig,
  TopologyConfig,
} from "./config.ts";
import type {
  ActionsConfig,
  BootConfig,
  DisplayConfig,
  NinePShareConfig,
  RtcConfig,
  ShareConfig,
  TpmConfig,
  VirtiofsShareConfig,
  VsockConfig,
} from "./device_config.ts";
import { DRIVE_INTERFACES, type DriveConfig } from "./drive_config.ts";
import {
  flag,
  id,
  integer,
  ipv4,
  isObject,
  lazy,
  list,
  literal,
  name,
  object,
  oneOf,
  optional,
  type Schema,
  shortText,
  socketPath,
  string,
  text,
  variant,
  word,
} from "./schema_words.ts";
import type {
  ForwardConfig,
  NetworkConfig,
  NoNetworkConfig,
  SocketNetworkConfig,
  TapNetworkConfig,
  UserNetworkConfig,
} from "./network_config.ts";

/** A drive. */
export const driveSchema: Schema<DriveConfig> = lazy(() =>
  object<DriveConfig>({
    file: name("a file name"),
    driver: optional(oneOf(["file", "host_device"])),
    format: optional(word("the name of an image format")),
    interface: optional(oneOf(DRIVE_INTERFACES)),
    media: optional(oneOf(["disk", "cdrom"])),
    id: optional(id),
    readonly: optional(flag),
    snapshot: optional(flag),
    cache: optional(oneOf(["writeback", "writethrough", "none", "directsync", "unsafe"])),
    aio: optional(oneOf(["threads", "native", "io_uring"])),
    discard: optional(oneOf(["ignore", "unmap"])),
    bootIndex: optional(integer(0, 0x7fffffff, "a place in the boot order: an integer from 0 to 2147483647")),
    rerror: optional(oneOf(["ignore", "report", "stop"])),
    werror: optional(oneOf(["ignore", "report", "stop", "enospc"])),
    serial: optional(shortText("a serial number", 20)),
    keySecret: optional(id),
  })
);

/** CPU topology. */
export const topologySchema: Schema<TopologyConfig> = lazy(() =>
  object<TopologyConfig>({
    sockets: optional(integer(1, 4096, "a number of sockets: an integer from 1 to 4096")),
    dies: optional(integer(1, 4096, "a number of dies: an integer from 1 to 4096")),
    cores: optional(integer(1, 4096, "a number of cores: an integer from 1 to 4096")),
    threads: optional(integer(1, 4096, "a number of threads: an integer from 1 to 4096")),
  })
);

/** Firmware. */
export const firmwareSchema: Schema<FirmwareConfig> = lazy(() =>
  object<FirmwareConfig>({
    bios: optional(name("the file name of a BIOS image")),
    code: optional(name("the file name of a UEFI code image")),
    vars: optional(name("the file name of UEFI variables")),
  })
);

/** A leading NUL is how an abstract socket is written; nothing of it gets into an argument. */
const abstractName = string(
  "the path of a unix socket",
  [(value) => !value.slice(1).includes("\0") && value.isWellFormed(), "the name of an abstract socket"],
  [(value) => value.length > 1, "the name of an abstract socket, not empty"],
);
const monitorPath: Schema<string> = (value, place) =>
  (typeof value === "string" && value.startsWith("\0") ? abstractName : socketPath)(value, place);

const monitorAddressSchema: Schema<MonitorAddress> = lazy(() =>
  variant<MonitorAddress>("transport", {
    unix: object<UnixAddress>({ transport: literal("unix"), path: monitorPath }),
    tcp: object<TcpAddress>({
      transport: literal("tcp"),
      host: name("a host name or address"),
      port: integer(0, 65535, "a port: an integer from 0 to 65535"),
    }),
    stdio: object<StdioAddress>({ transport: literal("stdio") }),
  })
);

/** A monitor. */
export const monitorSchema: Schema<MonitorConfig> = lazy(() =>
  object<MonitorConfig>({
    id,
    mode: optional(oneOf(["control", "readline"])),
    pretty: optional(flag),
    address: optional(monitorAddressSchema),
    server: optional(flag),
  })
);

const secretValueSchema = lazy(() =>
  object<SecretValueConfig>({
    id,
    value: text("the secret's value, a string"),
  })
);
const secretFileSchema = lazy(() =>
  object<SecretFileConfig>({
    id,
    file: name("the name of the file that holds the secret"),
  })
);

/** A secret. */
export const secretSchema: Schema<SecretConfig> = (secret, place) =>
  (isObject(secret) && secret["file"] !== undefined && secret["value"] === undefined
    ? secretFileSchema
    : secretValueSchema)(secret, place);

/** A virtio socket. */
export const vsockSchema: Schema<VsockConfig> = lazy(() =>
  object<VsockConfig>({
    cid: integer(3, 0xfffffffe, "a context id: an integer from 3 to 4294967294"),
  })
);

/** A shared directory. */
export const shareSchema: Schema<ShareConfig> = lazy(() =>
  variant<ShareConfig>("type", {
    "9p": object<NinePShareConfig>({
      type: literal("9p"),
      path: name("the name of a directory"),
      tag: shortText("a mount tag", 31),
      readonly: optional(flag),
      security: optional(oneOf(["mapped-xattr", "mapped-file", "passthrough", "none"])),
    }),
    virtiofs: object<VirtiofsShareConfig>({
      type: literal("virtiofs"),
      socket: socketPath,
      tag: shortText("a mount tag", 36),
    }),
  })
);

/** A TPM. */
export const tpmSchema: Schema<TpmConfig> = lazy(() =>
  object<TpmConfig>({
    socket: socketPath,
    model: optional(word("the name of a TPM device")),
  })
);

const screenSchema = object<Exclude<DisplayConfig, string>>({ vnc: socketPath });
const noScreenSchema = literal("none", `"none" or { vnc: the path of a unix socket }`);

/** Where the screen is. */
export const displaySchema: Schema<DisplayConfig> = (display, place) =>
  (typeof display === "object" && display !== null ? screenSchema : noScreenSchema)(display, place);

/** The clock. */
export const rtcSchema: Schema<RtcConfig> = lazy(() =>
  object<RtcConfig>({
    base: optional(string("a date", [
      /^(utc|localtime|\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?)$/,
      `"utc", "localtime" or a date as in 2026-11-21T10:00:00`,
    ])),
    clock: optional(oneOf(["host", "rt", "vm"])),
    driftfix: optional(oneOf(["none", "slew"])),
  })
);

const bootOrder = string("a boot order", [/^[a-p]+$/, 'a boot order: letters a to p, as in "cd"']);

/** What is booted. */
export const bootSchema: Schema<BootConfig> = lazy(() =>
  object<BootConfig>({
    order: optional(bootOrder),
    once: optional(bootOrder),
    menu: optional(flag),
    strict: optional(flag),
  })
);

/** What becomes of an end inside the guest. */
export const actionsSchema: Schema<ActionsConfig> = lazy(() =>
  object<ActionsConfig>({
    shutdown: optional(oneOf(["poweroff", "pause"])),
    reboot: optional(oneOf(["reset", "shutdown"])),
    panic: optional(oneOf(["none", "pause", "shutdown", "exit-failure"])),
    watchdog: optional(oneOf(["reset", "shutdown", "poweroff", "inject-nmi", "pause", "debug", "none"])),
  })
);

const forwardSchema: Schema<ForwardConfig> = lazy(() =>
  object<ForwardConfig>({
    host: optional(integer(0, 65535, "a port of the host: an integer from 0 (QEMU chooses) to 65535")),
    guest: integer(1, 65535, "a port of the guest: an integer from 1 to 65535"),
    protocol: optional(oneOf(["tcp", "udp"])),
    hostAddress: optional(ipv4),
    guestAddress: optional(ipv4),
  })
);

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
export const networkSchema: Schema<NetworkConfig> = lazy(() =>
  variant<NetworkConfig>("type", {
    user: object<UserNetworkConfig>({
      type: literal("user"),
      ...card(),
      forward: optional(list(forwardSchema, "forwarded ports")),
      restrict: optional(flag),
      hostname: optional(name("a host name")),
      tftp: optional(name("the name of a directory")),
      bootfile: optional(name("the name of a file in tftp")),
    }),
    tap: object<TapNetworkConfig>({
      type: literal("tap"),
      ...card(),
      ifname: shortText("the name of a network interface", 15),
      vhost: optional(flag),
    }),
    socket: object<SocketNetworkConfig>({
      type: literal("socket"),
      ...card(),
      listen: optional(endpoint),
      connect: optional(endpoint),
      mcast: optional(endpoint),
      localaddr: optional(ipv4),
    }),
    none: object<NoNetworkConfig>({ type: literal("none") }),
  })
);
