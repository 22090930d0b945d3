import type { VmConfig } from "./config.ts";
import type { NewConfigIssue } from "./config_error.ts";
import { configIds, isReservedId } from "./ids.ts";
import type { DriveConfig } from "./drive_config.ts";

/** What is wrong between the parts of a config that are right each for itself. */
type Rule = (config: VmConfig) => readonly NewConfigIssue[];

const RULES: readonly Rule[] = [
  machineIssues,
  cpuIssues,
  bootIssues,
  driveIssues,
  networkIssues,
  monitorIssues,
  idIssues,
];

/**
 * Checks the parts of a config against each other. What QEMU itself reports in clear words is left to QEMU.
 *
 * @param config A config whose shape is right.
 * @returns What is wrong, empty if nothing is.
 */
export function ruleIssues(config: VmConfig): readonly NewConfigIssue[] {
  return RULES.flatMap((rule) => rule(config));
}

/** The parts of a config that need a bus, which the machine type `none` has not. */
function machineIssues(config: VmConfig): readonly NewConfigIssue[] {
  if (config.machine !== "none") return [];
  const { drives, networks, shares, display } = config;
  const needed: Record<string, boolean> = {
    drives: drives?.some((drive) => drive.interface !== "none") ?? false,
    cdrom: config.cdrom !== undefined,
    networks: networks?.some((network) => network.type !== "none") ?? false,
    console: config.console !== undefined && config.console !== false && config.console !== "none",
    rng: config.rng === true,
    balloon: config.balloon === true,
    watchdog: config.watchdog !== undefined,
    pvpanic: config.pvpanic === true,
    vsock: config.vsock !== undefined,
    shares: (shares?.length ?? 0) > 0,
    tpm: config.tpm !== undefined,
    display: display !== undefined && display !== "none",
    vga: config.vga !== undefined && config.vga !== "none",
    agent: config.agent === true,
  };
  return Object.keys(needed).filter((key) => needed[key]).map((key) => ({
    path: key,
    expected: `a machine type with a bus for it`,
    found: `machine "none", which has none`,
  }));
}

function cpuIssues({ cpus, topology }: VmConfig): readonly NewConfigIssue[] {
  if (cpus === undefined || topology === undefined) return [];
  const { sockets = 1, dies = 1, cores = 1, threads = 1 } = topology;
  const product = sockets * dies * cores * threads;
  if (product === cpus) return [];
  return [{
    path: "cpus",
    expected: `${product}, which topology multiplies to, or nothing`,
    found: String(cpus),
  }];
}

function bootIssues({ kernel, initrd, append, firmware }: VmConfig): readonly NewConfigIssue[] {
  const issues: NewConfigIssue[] = [];
  const nothing = { expected: "a kernel beside it", found: "none" };
  if (kernel === undefined && initrd !== undefined) issues.push({ path: "initrd", ...nothing });
  if (kernel === undefined && append !== undefined) issues.push({ path: "append", ...nothing });
  if (firmware?.vars !== undefined && firmware.code === undefined) {
    issues.push({
      path: "firmware.vars",
      expected: "UEFI code beside the variables (firmware.code)",
      found: "none",
    });
  }
  if (firmware?.bios !== undefined && firmware.code !== undefined) {
    issues.push({ path: "firmware.bios", expected: "either bios or code", found: "both" });
  }
  return issues;
}

function networkIssues({ networks = [] }: VmConfig): readonly NewConfigIssue[] {
  return networks.flatMap((network, index): readonly NewConfigIssue[] => {
    if (network.type !== "socket") return [];
    const path = `networks[${index}]`;
    const ways = (["listen", "connect", "mcast"] as const).filter((key) => network[key] !== undefined);
    if (ways.length !== 1) {
      const found = ways.length === 0 ? "none" : ways.join(" and ");
      return [{ path, expected: "exactly one of listen, connect and mcast", found }];
    }
    if (network.localaddr !== undefined && network.mcast === undefined) {
      return [{ path: `${path}.localaddr`, expected: "mcast beside it", found: String(ways[0]) }];
    }
    return [];
  });
}

function monitorIssues({ monitors = [] }: VmConfig): readonly NewConfigIssue[] {
  const issues: NewConfigIssue[] = [];
  const onStdio = monitors.flatMap(({ address }, index) => address?.transport === "stdio" ? [index] : []);
  for (const index of onStdio.slice(1)) {
    issues.push({
      path: `monitors[${index}].address`,
      expected: "another transport, for QEMU has one stdin",
      found: `stdio, as in monitors[${onStdio[0]}]`,
    });
  }
  for (const [index, { mode, pretty, address, server }] of monitors.entries()) {
    if (mode === "readline" && address?.transport === "stdio") {
      issues.push({
        path: `monitors[${index}].mode`,
        expected: `"control" on stdio, which has nothing that a person could connect to`,
        found: `"readline"`,
      });
    }
    if (mode === "readline" && pretty) {
      issues.push({
        path: `monitors[${index}].pretty`,
        expected: `mode "control" for it`,
        found: `"readline"`,
      });
    }
    if (server === false && (address === undefined || address.transport === "stdio")) {
      const found = address === undefined ? "no address" : "stdio";
      issues.push({
        path: `monitors[${index}].server`,
        expected: "the address of a socket to connect to",
        found,
      });
    }
  }
  return issues;
}

function idIssues(config: VmConfig): readonly NewConfigIssue[] {
  const owners = new Map<string, string>();
  return configIds(config).flatMap(({ id, owner, explicit }): readonly NewConfigIssue[] => {
    const path = explicit ? `${owner}.id` : owner;
    const quoted = JSON.stringify(id);
    if (explicit && isReservedId(id)) {
      return [{ path, expected: "another id, for Qeeper uses this one itself", found: quoted }];
    }
    const first = owners.get(id);
    if (first === undefined) {
      owners.set(id, owner);
      return [];
    }
    return [{ path, expected: "an id of its own", found: `${quoted}, which ${first} has` }];
  });
}

/** What is wrong inside each drive, between its fields: what QEMU would refuse with no word of where, or silently ignore. */
function driveIssues(config: VmConfig): readonly NewConfigIssue[] {
  const secrets = new Set((config.secrets ?? []).map(({ id }) => id));
  return (config.drives ?? []).flatMap((drive, index) =>
    [...fieldIssues(drive), ...secretIssues(drive, secrets)].map(({ path, ...issue }) => ({
      path: `drives[${index}].${path}`,
      ...issue,
    }))
  );
}

function fieldIssues(drive: DriveConfig): NewConfigIssue[] {
  const { media = "disk", cache = "writeback" } = drive;
  const on = drive.interface;
  const issues: NewConfigIssue[] = [];
  const found = JSON.stringify(on);
  const only = (key: keyof DriveConfig, interfaces: readonly string[], why: string) => {
    if (drive[key] === undefined || on === undefined || interfaces.includes(on)) return;
    issues.push({ path: key, expected: `an interface that has ${why}: ${interfaces.join(", ")}`, found });
  };
  only("serial", ["virtio-blk", "scsi", "nvme", "ide"], "serial numbers");
  only("bootIndex", ["virtio-blk", "scsi", "nvme", "ide"], "a place in the boot order");
  only("rerror", ["virtio-blk", "scsi", "ide"], "an error policy");
  only("werror", ["virtio-blk", "scsi", "ide"], "an error policy");
  if (media === "cdrom") {
    if (on !== undefined && on !== "ide" && on !== "scsi") {
      issues.push({ path: "interface", expected: `"ide" or "scsi" for a CD-ROM`, found });
    }
    if (drive.readonly === false) {
      issues.push({ path: "readonly", expected: "true for a CD-ROM", found: "false" });
    }
  } else if (on === "ide" && drive.readonly) {
    const expected = "another interface, or snapshot, for IDE disks are never read-only";
    issues.push({ path: "readonly", expected, found: `"ide"` });
  }
  if (drive.aio === "native" && cache !== "none" && cache !== "directsync") {
    const expected = `cache "none" or "directsync" for aio "native"`;
    issues.push({ path: "aio", expected, found: JSON.stringify(cache) });
  }
  return issues;
}

function secretIssues(
  { file, format, keySecret }: DriveConfig,
  secrets: ReadonlySet<string>,
): NewConfigIssue[] {
  const encrypted = format === "luks" || format === "qcow2" ||
    (format === undefined && file.endsWith(".qcow2"));
  if (keySecret === undefined) {
    if (format !== "luks") return [];
    return [{
      path: "keySecret",
      expected: "the id of the secret that opens a luks image",
      found: "nothing",
    }];
  }
  const issues: NewConfigIssue[] = [];
  if (!secrets.has(keySecret)) {
    issues.push({
      path: "keySecret",
      expected: "the id of one of secrets",
      found: JSON.stringify(keySecret),
    });
  }
  if (!encrypted) {
    const found = format === undefined ? "raw, by the file's name" : JSON.stringify(format);
    issues.push({ path: "keySecret", expected: `format "luks" or "qcow2" for it`, found });
  }
  return issues;
}
