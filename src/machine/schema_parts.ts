import * as v from "valibot";
import type { MonitorAddress } from "../qmp/address.ts";
import type { FirmwareConfig, MonitorConfig, SecretConfig, TopologyConfig } from "./config.ts";
import type {
  ActionsConfig,
  BootConfig,
  DisplayConfig,
  RtcConfig,
  ShareConfig,
  TpmConfig,
  VsockConfig,
} from "./device_config.ts";
import { DRIVE_INTERFACES, type DriveConfig } from "./drive_config.ts";
import {
  flag,
  id,
  integer,
  name,
  object,
  oneOf,
  shortText,
  socketPath,
  text,
  variant,
  word,
} from "./schema_words.ts";

/** Every key of an interface, each with a schema: a key that is forgotten does not compile. */
type Entries<T> = Record<keyof T, v.GenericSchema>;

/** A drive. */
export const driveSchema: v.GenericSchema<DriveConfig> = object(
  {
    file: name("a file name"),
    driver: v.exactOptional(oneOf(["file", "host_device"])),
    format: v.exactOptional(word("the name of an image format")),
    interface: v.exactOptional(oneOf(DRIVE_INTERFACES)),
    media: v.exactOptional(oneOf(["disk", "cdrom"])),
    id: v.exactOptional(id),
    readonly: v.exactOptional(flag),
    snapshot: v.exactOptional(flag),
    cache: v.exactOptional(oneOf(["writeback", "writethrough", "none", "directsync", "unsafe"])),
    aio: v.exactOptional(oneOf(["threads", "native", "io_uring"])),
    discard: v.exactOptional(oneOf(["ignore", "unmap"])),
    bootIndex: v.exactOptional(integer(0, 0x7fffffff, "a place in the boot order: an integer from 0")),
    rerror: v.exactOptional(oneOf(["ignore", "report", "stop"])),
    werror: v.exactOptional(oneOf(["ignore", "report", "stop", "enospc"])),
    serial: v.exactOptional(shortText("a serial number", 20)),
    keySecret: v.exactOptional(id),
  } satisfies Entries<DriveConfig>,
);

/** CPU topology. */
export const topologySchema: v.GenericSchema<TopologyConfig> = object(
  {
    sockets: v.exactOptional(integer(1, 4096, "a number of sockets: an integer from 1")),
    dies: v.exactOptional(integer(1, 4096, "a number of dies: an integer from 1")),
    cores: v.exactOptional(integer(1, 4096, "a number of cores: an integer from 1")),
    threads: v.exactOptional(integer(1, 4096, "a number of threads: an integer from 1")),
  } satisfies Entries<TopologyConfig>,
);

/** Firmware. */
export const firmwareSchema: v.GenericSchema<FirmwareConfig> = object(
  {
    bios: v.exactOptional(name("the file name of a BIOS image")),
    code: v.exactOptional(name("the file name of a UEFI code image")),
    vars: v.exactOptional(name("the file name of UEFI variables")),
  } satisfies Entries<FirmwareConfig>,
);

const monitorPath = v.lazy((path) =>
  // A leading NUL is how an abstract socket is written; nothing of it gets into an argument.
  typeof path === "string" && path.startsWith("\0")
    ? v.pipe(
      v.string("the path of a unix socket"),
      v.check(
        (value) => !value.slice(1).includes("\0") && value.isWellFormed(),
        "the name of an abstract socket",
      ),
      v.check((value) => value.length > 1, "the name of an abstract socket, not empty"),
    )
    : socketPath
);

const monitorAddressSchema: v.GenericSchema<MonitorAddress> = variant<MonitorAddress>("transport", {
  unix: object({ transport: v.literal("unix"), path: monitorPath }),
  tcp: object({
    transport: v.literal("tcp"),
    host: name("a host name or address"),
    port: integer(0, 65535, "a port: an integer from 0 to 65535"),
  }),
  stdio: object({ transport: v.literal("stdio") }),
});

/** A monitor. */
export const monitorSchema: v.GenericSchema<MonitorConfig> = object(
  {
    id,
    mode: v.exactOptional(oneOf(["control", "readline"])),
    pretty: v.exactOptional(flag),
    address: v.exactOptional(monitorAddressSchema),
    server: v.exactOptional(flag),
  } satisfies Entries<MonitorConfig>,
);

const secretValueSchema = object({ id, value: text("the secret's value, a string") });
const secretFileSchema = object({ id, file: name("the name of the file that holds the secret") });

/** A secret. */
export const secretSchema: v.GenericSchema<SecretConfig> = v.lazy((secret) =>
  typeof secret === "object" && secret !== null && "file" in secret && !("value" in secret)
    ? secretFileSchema
    : secretValueSchema
);

/** A virtio socket. */
export const vsockSchema: v.GenericSchema<VsockConfig> = object(
  { cid: integer(3, 0xfffffffe, "a context id: an integer from 3 to 4294967294") } satisfies Entries<
    VsockConfig
  >,
);

/** A shared directory. */
export const shareSchema: v.GenericSchema<ShareConfig> = variant<ShareConfig>("type", {
  "9p": object({
    type: v.literal("9p"),
    path: name("the name of a directory"),
    tag: shortText("a mount tag", 31),
    readonly: v.exactOptional(flag),
    security: v.exactOptional(oneOf(["mapped-xattr", "mapped-file", "passthrough", "none"])),
  }),
  virtiofs: object({ type: v.literal("virtiofs"), socket: socketPath, tag: shortText("a mount tag", 36) }),
});

/** A TPM. */
export const tpmSchema: v.GenericSchema<TpmConfig> = object(
  {
    socket: socketPath,
    model: v.exactOptional(word("the name of a TPM device")),
  } satisfies Entries<TpmConfig>,
);

/** Where the screen is. */
export const displaySchema: v.GenericSchema<DisplayConfig> = v.lazy((display) =>
  typeof display === "object" && display !== null
    ? object({ vnc: socketPath })
    : v.literal("none", `"none" or { vnc: the path of a unix socket }`)
);

/** The clock. */
export const rtcSchema: v.GenericSchema<RtcConfig> = object(
  {
    base: v.exactOptional(
      v.pipe(
        v.string("a date"),
        v.regex(
          /^(utc|localtime|\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?)$/,
          `"utc", "localtime" or a date as in 2026-11-21T10:00:00`,
        ),
      ),
    ),
    clock: v.exactOptional(oneOf(["host", "rt", "vm"])),
    driftfix: v.exactOptional(oneOf(["none", "slew"])),
  } satisfies Entries<RtcConfig>,
);

const bootOrder = v.pipe(
  v.string("a boot order"),
  v.regex(/^[a-p]+$/, 'a boot order: letters a to p, as in "cd"'),
);

/** What is booted. */
export const bootSchema: v.GenericSchema<BootConfig> = object(
  {
    order: v.exactOptional(bootOrder),
    once: v.exactOptional(bootOrder),
    menu: v.exactOptional(flag),
    strict: v.exactOptional(flag),
  } satisfies Entries<BootConfig>,
);

/** What becomes of an end inside the guest. */
export const actionsSchema: v.GenericSchema<ActionsConfig> = object(
  {
    shutdown: v.exactOptional(oneOf(["poweroff", "pause"])),
    reboot: v.exactOptional(oneOf(["reset", "shutdown"])),
    panic: v.exactOptional(oneOf(["none", "pause", "shutdown", "exit-failure"])),
    watchdog: v.exactOptional(
      oneOf(["reset", "shutdown", "poweroff", "inject-nmi", "pause", "debug", "none"]),
    ),
  } satisfies Entries<ActionsConfig>,
);
