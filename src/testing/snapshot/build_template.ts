import { abortable } from "@std/async/abortable";
import type { VmConfig } from "../../machine/mod.ts";
import { launch, LaunchError, type Vm } from "../../vm/mod.ts";
import { TemplateFiles } from "./clone_files.ts";
import { digestOfFile } from "./digest.ts";
import { DiskLayers } from "./disk_layers.ts";
import type { DiskPlan } from "./ingredients.ts";
import type { KeptFile, KeptMemory, RefusalManifest, TemplateManifest } from "./manifest.ts";
import { canKeepMemory, saveState, whatBlocks } from "./save_state.ts";
import type { SnapshotProgress, SnapshotStep } from "./snapshot_types.ts";
import { builderConfig, type Memory } from "./template_config.ts";
import { type BuildClaim, keep } from "./template_store.ts";
import type { StartingVm } from "./vm_maker.ts";
import { syncFile } from "./write_whole.ts";

/** What a template is made of. */
export interface BuildRequest<T extends AsyncDisposable> {
  readonly claim: BuildClaim;
  readonly config: VmConfig;
  readonly disks: readonly DiskPlan[];
  /** The file for the guest's memory; or why it is in none. */
  readonly ram: { readonly file: string } | { readonly why: string };
  readonly qemuImg: string;
  readonly vm: StartingVm<T>;
  readonly prepare: (vm: T) => Promise<void>;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: SnapshotProgress) => void;
}

/** What came of it. */
export type Built =
  | { readonly kind: "built"; readonly manifest: TemplateManifest }
  /** QEMU can't save this machine. */
  | { readonly kind: "refused"; readonly manifest: RefusalManifest }
  /** QEMU can't have this machine's memory in a file. */
  | { readonly kind: "not mapped"; readonly why: string };

/**
 * Boots a guest, has it prepared, and saves it with its disks. Nothing of that is a template before its manifest is committed.
 *
 * @param request What it is made of.
 * @returns The manifest, to be committed.
 */
export async function buildTemplate<T extends AsyncDisposable>(request: BuildRequest<T>): Promise<Built> {
  const { claim, config, ram } = request;
  const files = new TemplateFiles(claim.dir);
  await Deno.mkdir(claim.dir, { mode: 0o700 });
  tell(request, "copying disks", "Giving the template its own disks");
  const layers = new DiskLayers(request.qemuImg, request.signal);
  await makeDisks(request, files, layers);
  const saved = await bootAndSave(request, files);
  if (saved.kind !== "saved") return saved.built;
  tell(request, "committing", "Writing the template to disk");
  for (const { index } of request.disks) await layers.over(files.disk(index), "qcow2", files.blank(index));
  const kept = await keepAll([files.state, ...files.all(config)]);
  const memory = "file" in ram ? await keepAll([ram.file]) : { files: [], bytes: 0 };
  const [state, ...others] = kept.files;
  const [ramFile] = memory.files;
  if (state === undefined) throw new TypeError("A template has a state");
  const keptMemory: KeptMemory = ramFile === undefined
    ? { way: "stream", why: "why" in ram ? ram.why : "", read: saved.read }
    : { way: "memory", ram: ramFile };
  return {
    kind: "built",
    manifest: {
      kind: "template",
      key: claim.key,
      dir: claim.name,
      madeAt: new Date().toISOString(),
      qemu: saved.qemu,
      memory: keptMemory,
      state,
      stateDigest: await digestOfFile(files.state),
      files: others,
      bytes: kept.bytes + memory.bytes,
    },
  };
}

/**
 * The version of a running QEMU.
 *
 * @param vm The VM.
 * @returns Its version and its package's.
 */
export function qemuVersion({ qmp }: Vm): string {
  const { qemu, package: distribution } = qmp.greeting.version;
  return `${qemu.major}.${qemu.minor}.${qemu.micro} ${distribution}`.trim();
}

async function makeDisks<T extends AsyncDisposable>(
  { config, disks }: BuildRequest<T>,
  files: TemplateFiles,
  layers: DiskLayers,
): Promise<void> {
  for (const { index, file, format, kind } of disks) {
    if (kind === "copy") await layers.copy(file, format, files.disk(index));
    else await layers.over(file, format, files.disk(index));
  }
  const vars = config.firmware?.vars;
  if (vars !== undefined) {
    await Deno.copyFile(vars, files.vars);
    await Deno.chmod(files.vars, 0o600);
  }
}

/** What came of the boot: a state in its file, or the end of the attempt. */
type BootOutcome =
  | { readonly kind: "saved"; readonly read: "file" | "unix"; readonly qemu: string }
  | { readonly kind: "over"; readonly built: Exclude<Built, { kind: "built" }> };

async function bootAndSave<T extends AsyncDisposable>(
  request: BuildRequest<T>,
  files: TemplateFiles,
): Promise<BootOutcome> {
  const { claim, config, ram, vm: starting, prepare, signal } = request;
  const memory: Memory = "file" in ram ? { kind: "written", file: ram.file } : { kind: "own" };
  tell(request, "booting", "Starting QEMU");
  const vm = await start(builderConfig(config, files, memory), starting);
  if ("why" in vm) return { kind: "over", built: { kind: "not mapped", why: vm.why } };
  await using test = starting.wrap(vm);
  const why = await whatBlocks(vm, signal);
  if (why !== null) return refusal(claim.key, why);
  if ("file" in ram && !await canKeepMemory(vm, signal)) {
    const why = "this QEMU can't leave memory out of a migration (x-ignore-shared)";
    return { kind: "over", built: { kind: "not mapped", why } };
  }
  tell(request, "preparing", "Booting the guest and preparing it");
  const until = signal ? { signal } : {};
  await vm.resume(until);
  await (signal ? abortable(prepare(test), signal) : prepare(test));
  tell(request, "saving", "Saving the guest");
  await vm.pause(until);
  const qemu = qemuVersion(vm);
  const what = { file: files.state, memory: "file" in ram ? "kept" : "included", signal } as const;
  const saved = await saveState(vm, what);
  return saved.kind === "refused" ? refusal(claim.key, saved.why) : { ...saved, qemu };
}

async function start<T extends AsyncDisposable>(
  config: VmConfig,
  starting: StartingVm<T>,
): Promise<Vm | { why: string }> {
  try {
    return await launch(config, { ...starting.launch, paused: true });
  } catch (error) {
    const said = error instanceof LaunchError
      ? /^.*memory.?backend.*$/mi.exec(error.stderrTail)?.[0]
      : undefined;
    if (said === undefined) throw error;
    return { why: said };
  }
}

function refusal(key: string, why: string): BootOutcome {
  const manifest: RefusalManifest = { kind: "refusal", key, madeAt: new Date().toISOString(), why };
  return { kind: "over", built: { kind: "refused", manifest } };
}

/** Nobody writes to these any more. */
async function keepAll(paths: readonly string[]): Promise<{ files: KeptFile[]; bytes: number }> {
  const files: KeptFile[] = [];
  let bytes = 0;
  for (const path of paths) {
    await syncFile(path);
    const kept = await keep(path);
    files.push(kept.file);
    bytes += kept.bytes;
  }
  return { files, bytes };
}

function tell<T extends AsyncDisposable>(
  { claim, onProgress }: BuildRequest<T>,
  step: SnapshotStep,
  detail: string,
): void {
  onProgress({ step, key: claim.key, detail });
}
