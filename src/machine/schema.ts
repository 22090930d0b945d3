import * as v from "valibot";
import type { VmConfig } from "./config.ts";
import { networkSchema } from "./schema_networks.ts";
import {
  actionsSchema,
  bootSchema,
  displaySchema,
  driveSchema,
  firmwareSchema,
  monitorSchema,
  rtcSchema,
  secretSchema,
  shareSchema,
  topologySchema,
  tpmSchema,
  vsockSchema,
} from "./schema_parts.ts";
import { alternatives, flag, integer, list, name, object, oneOf, text, word } from "./schema_words.ts";

const machineName = v.pipe(
  v.string("the name of a machine type"),
  v.check(
    (value) => !value.includes(","),
    "the name of a machine type alone; its properties belong in machineProps",
  ),
  word("the name of a machine type"),
);

const propertyName = v.pipe(
  v.string("the name of a property"),
  v.regex(/^[A-Za-z][A-Za-z0-9._-]*$/, "the name of a property: a letter, then letters, digits and ._-"),
  v.check(
    (key) => key !== "type" && key !== "accel",
    "the name of a property; for type and accel there are fields",
  ),
  v.check((key) => key !== "help", "the name of a property, not the word that makes QEMU print a list"),
);

const propertyValue = v.lazy((value) =>
  typeof value === "number"
    ? v.pipe(v.number("a number"), v.finite("a finite number"))
    : typeof value === "boolean"
    ? flag
    : text("a string, a number, true or false")
);

const cpuModel = v.pipe(
  name("a CPU model"),
  v.check((value) => !/^(help|\?)/.test(value), "a CPU model, not the word that makes QEMU print a list"),
);

const consoleSchema = v.lazy((value) =>
  typeof value === "boolean" ? flag : v.picklist(
    ["serial", "virtio", "none"],
    `true, false, ${alternatives(["serial", "virtio", "none"])}`,
  )
);

const sandboxSchema = v.lazy((value) =>
  typeof value === "boolean" ? flag : v.literal("allow-spawn", `true, false or "allow-spawn"`)
);

/** A whole config. What its parts mean to each other is in rules.ts. */
export const vmConfigSchema: v.GenericSchema<VmConfig> = object(
  {
    name: v.exactOptional(name("a name")),
    uuid: v.exactOptional(
      v.pipe(
        v.string("a UUID"),
        v.regex(
          /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
          "a UUID, as in 3b0f1c2e-5b1a-4c7e-9a43-0d2f6c8e7a11",
        ),
      ),
    ),
    arch: v.exactOptional(
      v.pipe(
        v.string("an architecture"),
        v.regex(/^[a-z0-9_]+$/, "an architecture, as in x86_64 or aarch64"),
      ),
    ),
    binary: v.exactOptional(name("the path or name of a QEMU binary")),
    machine: v.exactOptional(machineName),
    machineProps: v.exactOptional(v.record(propertyName, propertyValue, "an object of properties")),
    accel: v.exactOptional(oneOf(["auto", "kvm", "hvf", "tcg"])),
    cpu: v.exactOptional(cpuModel),
    cpus: v.exactOptional(integer(1, 4096, "a number of CPUs: an integer from 1")),
    topology: v.exactOptional(topologySchema),
    memoryMiB: v.exactOptional(integer(1, 2 ** 32, "an amount of memory in MiB: an integer from 1")),
    firmware: v.exactOptional(firmwareSchema),
    kernel: v.exactOptional(name("the file name of a kernel")),
    initrd: v.exactOptional(name("the file name of an initial RAM disk")),
    append: v.exactOptional(text("a kernel command line")),
    drives: v.exactOptional(list(driveSchema, "drives")),
    cdrom: v.exactOptional(name("the file name of an ISO image")),
    networks: v.exactOptional(list(networkSchema, "networks")),
    console: v.exactOptional(consoleSchema),
    rng: v.exactOptional(flag),
    balloon: v.exactOptional(flag),
    watchdog: v.exactOptional(word("the name of a watchdog device")),
    pvpanic: v.exactOptional(flag),
    vsock: v.exactOptional(vsockSchema),
    shares: v.exactOptional(list(shareSchema, "shares")),
    tpm: v.exactOptional(tpmSchema),
    display: v.exactOptional(displaySchema),
    vga: v.exactOptional(word("the name of a graphics card")),
    agent: v.exactOptional(flag),
    monitors: v.exactOptional(list(monitorSchema, "monitors")),
    secrets: v.exactOptional(list(secretSchema, "secrets")),
    rtc: v.exactOptional(rtcSchema),
    boot: v.exactOptional(bootSchema),
    sandbox: v.exactOptional(sandboxSchema),
    actions: v.exactOptional(actionsSchema),
    logResets: v.exactOptional(flag),
    incoming: v.exactOptional(name("where the state comes from")),
    extraArgs: v.exactOptional(list(text("an argument, a string"), "arguments")),
  } satisfies Record<keyof VmConfig, v.GenericSchema>,
);
