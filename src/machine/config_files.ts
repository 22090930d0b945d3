import type { MonitorAddress } from "../qmp/address.ts";
import type { FirmwareConfig, MonitorConfig, SecretConfig, VmConfig } from "./config.ts";
import type { ShareConfig } from "./device_config.ts";
import type { NetworkConfig } from "./network_config.ts";

/** A file that must be there before QEMU starts, and the place in the config that names it. */
export interface ConfigFile {
  /** The place in the config: `drives[0].file`. */
  path: string;
  /** The file, directory or socket. */
  file: string;
}

/** What is done with each file name: gets the name, its place, and whether the file must exist before QEMU starts. */
type Visit = (file: string, path: string, exists: boolean) => string;

/**
 * The files that a config takes for granted: images, kernels, directories, and the sockets of helpers.
 *
 * @param config The config.
 * @returns Each file with its place in the config.
 *
 * @example
 * ```ts
 * import { configFiles } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const files = configFiles({ kernel: "vmlinuz", drives: [{ file: "disk.img" }] });
 *
 * assertEquals(files, [{ path: "kernel", file: "vmlinuz" }, { path: "drives[0].file", file: "disk.img" }]);
 * ```
 */
export function configFiles(config: VmConfig): readonly ConfigFile[] {
  const files: ConfigFile[] = [];
  mapFiles(config, (file, path, exists) => {
    if (exists) files.push({ path, file });
    return file;
  });
  return files;
}

/**
 * Makes every relative file name of a config absolute: QEMU runs in its run directory, where they would mean something else.
 * A `binary` without a slash is left for PATH, raw arguments are left alone.
 *
 * @param config The config.
 * @param baseDir The directory that relative names are relative to: of the config's file, or the current one. Absolute.
 * @returns A config with absolute names. Check it again: a socket's path may have become too long.
 * @throws {TypeError} If `baseDir` is not absolute.
 *
 * @example
 * ```ts
 * import { resolveConfigPaths } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(resolveConfigPaths({ cdrom: "./a.iso" }, "/srv"), { cdrom: "/srv/a.iso" });
 * ```
 */
export function resolveConfigPaths(config: VmConfig, baseDir: string): VmConfig {
  if (!baseDir.startsWith("/")) {
    throw new TypeError(
      `Cannot resolve a config's files in ${JSON.stringify(baseDir)}: expected an absolute path`,
    );
  }
  const base = baseDir.replace(/\/+$/, "");
  return mapFiles(config, (file) => file.startsWith("/") ? file : `${base}/${file.replace(/^(\.\/+)+/, "")}`);
}

/** Rebuilds a config with each of its file names replaced. The one place that knows where they are. */
function mapFiles(config: VmConfig, visit: Visit): VmConfig {
  const {
    binary,
    firmware,
    kernel,
    initrd,
    drives,
    cdrom,
    networks,
    shares,
    tpm,
    display,
    monitors,
    secrets,
  } = config;
  const result: VmConfig = { ...config };
  if (binary?.includes("/")) result.binary = visit(binary, "binary", false);
  if (firmware !== undefined) result.firmware = mapFirmware(firmware, visit);
  if (kernel !== undefined) result.kernel = visit(kernel, "kernel", true);
  if (initrd !== undefined) result.initrd = visit(initrd, "initrd", true);
  if (drives !== undefined) {
    result.drives = drives.map((drive, i) => ({
      ...drive,
      file: visit(drive.file, `drives[${i}].file`, true),
    }));
  }
  if (cdrom !== undefined) result.cdrom = visit(cdrom, "cdrom", true);
  if (networks !== undefined) {
    result.networks = networks.map((network, i) => mapNetwork(network, `networks[${i}]`, visit));
  }
  if (shares !== undefined) result.shares = shares.map((share, i) => mapShare(share, `shares[${i}]`, visit));
  if (tpm !== undefined) result.tpm = { ...tpm, socket: visit(tpm.socket, "tpm.socket", true) };
  if (typeof display === "object") {
    result.display = { ...display, vnc: visit(display.vnc, "display.vnc", false) };
  }
  if (monitors !== undefined) result.monitors = monitors.map((monitor, i) => mapMonitor(monitor, i, visit));
  if (secrets !== undefined) result.secrets = secrets.map((secret, i) => mapSecret(secret, i, visit));
  return result;
}

function mapFirmware(firmware: FirmwareConfig, visit: Visit): FirmwareConfig {
  const result: FirmwareConfig = {};
  for (const key of ["bios", "code", "vars"] as const) {
    const file = firmware[key];
    if (file !== undefined) result[key] = visit(file, `firmware.${key}`, true);
  }
  return result;
}

function mapNetwork(network: NetworkConfig, path: string, visit: Visit): NetworkConfig {
  if (network.type !== "user" || network.tftp === undefined) return network;
  return { ...network, tftp: visit(network.tftp, `${path}.tftp`, true) };
}

function mapShare(share: ShareConfig, path: string, visit: Visit): ShareConfig {
  return share.type === "9p"
    ? { ...share, path: visit(share.path, `${path}.path`, true) }
    : { ...share, socket: visit(share.socket, `${path}.socket`, true) };
}

function mapMonitor(monitor: MonitorConfig, index: number, visit: Visit): MonitorConfig {
  const { address, server = true } = monitor;
  // An abstract socket is no file.
  if (address?.transport !== "unix" || address.path.startsWith("\0")) return monitor;
  const path = visit(address.path, `monitors[${index}].address.path`, !server);
  return { ...monitor, address: { ...address, path } satisfies MonitorAddress };
}

function mapSecret(secret: SecretConfig, index: number, visit: Visit): SecretConfig {
  return "value" in secret ? secret : { ...secret, file: visit(secret.file, `secrets[${index}].file`, true) };
}
