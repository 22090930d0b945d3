import { configArch, configBinary, type HostFacts, type VmConfig } from "../../machine/mod.ts";
import { chooseAccel } from "../../vm/mod.ts";
import type { ContentDigests } from "./content_digests.ts";
import { digestOf } from "./digest.ts";
import { imageChain } from "./image_chain.ts";
import type { QemuBinary } from "./qemu_binary.ts";
import { driveFormat, isWritable } from "./suitability.ts";
import { type FileContent, ingredientsText, machineArgv, TEMPLATE_FORMAT } from "./template_key.ts";

/** Images that take no more than this on their disk are copied into the template, which then needs them no more. */
const COPY_BYTES = 64 * 1024 * 1024;

/** How a template gets one of its disks. */
export interface DiskPlan {
  /** Its place in the config's `drives`. */
  readonly index: number;
  readonly file: string;
  readonly format: string;
  /** Its content is copied, or stays where it is, under a layer. */
  readonly kind: "copy" | "layer";
}

/** The key of a config's template, and how its disks come about. */
export interface TemplateKey {
  readonly key: string;
  readonly disks: readonly DiskPlan[];
}

/** What is asked for a key. */
export interface KeyRequest {
  /** A checked config with absolute file names. */
  readonly config: VmConfig;
  readonly facts: HostFacts;
  readonly prepare: string;
  readonly version: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * What is to be known of the host for a config's command line.
 *
 * @param config The config.
 * @param dir A directory for the probe's files.
 * @param signal Gives up.
 * @returns The facts.
 */
export async function hostFacts(config: VmConfig, dir: string, signal?: AbortSignal): Promise<HostFacts> {
  const binary = configBinary(config);
  const arch = configArch(config);
  const request = { binary, arch, dir, ...(signal ? { signal } : {}) };
  const { accel } = await chooseAccel(config.accel ?? "auto", request);
  return { binary, arch, accel, sandbox: false };
}

/**
 * Finds the key of a config's template by looking at everything that it depends on, as it is now.
 *
 * @param request The config and the preparation.
 * @param binary Its QEMU.
 * @param digests The files' digests that are known already.
 * @returns The key; or, in words, why there can be no template.
 */
export async function templateKey(
  request: KeyRequest,
  binary: QemuBinary,
  digests: ContentDigests,
): Promise<TemplateKey | { why: string }> {
  const { config, facts, prepare, version, signal } = request;
  const files: FileContent[] = [];
  const disks: DiskPlan[] = [];
  for (const [place, path] of plainFiles(config)) {
    files.push({ place, digest: await digests.of(path, signal), path: null });
  }
  for (const [index, drive] of (config.drives ?? []).entries()) {
    const { file } = drive;
    const format = driveFormat(drive);
    const chain = await imageChain(file, format);
    if ("why" in chain) return chain;
    const each: string[] = [];
    for (const path of chain.files) each.push(await digests.of(path, signal));
    const kind = chain.bytes <= COPY_BYTES ? "copy" : "layer";
    const writable = isWritable(drive);
    if (writable) disks.push({ index, file, format, kind });
    const path = writable && kind === "layer" ? await Deno.realPath(file) : null;
    files.push({ place: `drives[${index}].file`, digest: `${format} ${each.join(" ")}`, path });
  }
  const text = ingredientsText({
    format: TEMPLATE_FORMAT,
    argv: machineArgv(config, facts),
    files,
    binary: await binary.identify(signal),
    prepare,
    version,
  });
  return { key: (await digestOf(text)).slice(0, 32), disks };
}

/** The files that are images of no disk. */
function plainFiles({ kernel, initrd, firmware, cdrom }: VmConfig): [place: string, path: string][] {
  const places: [string, string | undefined][] = [
    ["kernel", kernel],
    ["initrd", initrd],
    ["firmware.bios", firmware?.bios],
    ["firmware.code", firmware?.code],
    ["firmware.vars", firmware?.vars],
    ["cdrom", cdrom],
  ];
  return places.flatMap(([place, path]) => path === undefined ? [] : [[place, path]]);
}
