import type { VmConfig } from "./config.ts";
import { ConfigError, type NewConfigIssue } from "./config_error.ts";
import { Place } from "./place.ts";
import { ruleIssues } from "./rules.ts";
import {
  actionsSchema,
  bootSchema,
  displaySchema,
  driveSchema,
  firmwareSchema,
  monitorSchema,
  networkSchema,
  rtcSchema,
  secretSchema,
  shareSchema,
  topologySchema,
  tpmSchema,
  vsockSchema,
} from "./schema_parts.ts";
import {
  alternatives,
  flag,
  flagOr,
  integer,
  list,
  literal,
  name,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  string,
  text,
  word,
} from "./schema_words.ts";

/**
 * Checks a config that comes from outside, JSON or a script: every key and type, and what its parts mean to each other. Whether
 * its files exist is another question ({@linkcode configFiles}).
 *
 * @param input Anything. Keys whose value is undefined count as absent.
 * @returns A copy of it, typed. No defaults are filled in.
 * @throws {ConfigError} If anything is wrong, with everything that is.
 *
 * @example
 * ```ts
 * import { ConfigError, parseVmConfig } from "@qeeper/qeeper";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(() => parseVmConfig({ drive: [] }), ConfigError);
 *
 * assertEquals(error.message, 'Invalid VM config: drive: unknown key, did you mean "drives"?');
 * ```
 */
export function parseVmConfig(input: unknown): VmConfig {
  const issues: NewConfigIssue[] = [];
  const config = vmConfigSchema(input, new Place(issues));
  if (issues.length > 0 || config === undefined) throw new ConfigError(issues);
  const broken = ruleIssues(config);
  if (broken.length > 0) throw new ConfigError(broken);
  return config;
}

const machineName = word("the name of a machine type", [
  (value) => !value.includes(","),
  "the name of a machine type alone; its properties belong in machineProps",
]);

const propertyName = string(
  "the name of a property",
  [/^[A-Za-z][A-Za-z0-9._-]*$/, "the name of a property: a letter, then letters, digits and ._-"],
  [(key) => key !== "type" && key !== "accel", "the name of a property; for type and accel there are fields"],
  [(key) => key !== "help", "the name of a property, not the word that makes QEMU print a list"],
);

const propertyText = text("a string, a number, true or false");
const propertyValue: Schema<string | number | boolean> = (value, place) => {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") {
    return Number.isFinite(value) ? value : place.wrong(value, "a finite number");
  }
  return propertyText(value, place);
};

const cpuModel = name("a CPU model", [
  (value) => !/^(help|\?)/.test(value),
  "a CPU model, not the word that makes QEMU print a list",
]);

const CONSOLES = ["serial", "virtio", "none"] as const;
const consoleSchema = flagOr(oneOf(CONSOLES, `true, false, ${alternatives(CONSOLES)}`));
const sandboxSchema = flagOr(literal("allow-spawn", `true, false or "allow-spawn"`));

/** A whole config. What its parts mean to each other is in rules.ts. */
export const vmConfigSchema: Schema<VmConfig> = object<VmConfig>({
  name: optional(name("a name")),
  uuid: optional(string("a UUID", [
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    "a UUID, as in 3b0f1c2e-5b1a-4c7e-9a43-0d2f6c8e7a11",
  ])),
  arch: optional(string("an architecture", [/^[a-z0-9_]+$/, "an architecture, as in x86_64 or aarch64"])),
  binary: optional(name("the path or name of a QEMU binary")),
  machine: optional(machineName),
  machineProps: optional(record(propertyName, propertyValue, "an object of properties")),
  accel: optional(oneOf(["auto", "kvm", "hvf", "tcg"])),
  cpu: optional(cpuModel),
  cpus: optional(integer(1, 4096, "a number of CPUs: an integer from 1 to 4096")),
  topology: optional(topologySchema),
  memoryMiB: optional(integer(1, 2 ** 32, "an amount of memory in MiB: an integer from 1 to 4294967296")),
  firmware: optional(firmwareSchema),
  kernel: optional(name("the file name of a kernel")),
  initrd: optional(name("the file name of an initial RAM disk")),
  append: optional(text("a kernel command line")),
  drives: optional(list(driveSchema, "drives")),
  cdrom: optional(name("the file name of an ISO image")),
  networks: optional(list(networkSchema, "networks")),
  console: optional(consoleSchema),
  rng: optional(flag),
  balloon: optional(flag),
  watchdog: optional(word("the name of a watchdog device")),
  pvpanic: optional(flag),
  vsock: optional(vsockSchema),
  shares: optional(list(shareSchema, "shares")),
  tpm: optional(tpmSchema),
  display: optional(displaySchema),
  vga: optional(word("the name of a graphics card")),
  agent: optional(flag),
  monitors: optional(list(monitorSchema, "monitors")),
  secrets: optional(list(secretSchema, "secrets")),
  rtc: optional(rtcSchema),
  boot: optional(bootSchema),
  sandbox: optional(sandboxSchema),
  actions: optional(actionsSchema),
  logResets: optional(flag),
  incoming: optional(name("where the state comes from")),
  extraArgs: optional(list(text("an argument, a string"), "arguments")),
});
