import type { VmConfig } from "../../machine/mod.ts";
import { exists } from "../../vm/run_dir.ts";
import { buildTemplate } from "./build_template.ts";
import type { TemplateKey } from "./ingredients.ts";
import { findRoom, makeRoom, type StoreBounds } from "./make_room.ts";
import type { QemuBinary } from "./qemu_binary.ts";
import { inMiB } from "./room.ts";
import type { SnapshotOptions, SnapshotProgress } from "./snapshot_types.ts";
import { makeRamFolder } from "./store_dirs.ts";
import { whyNotMapped } from "./suitability.ts";
import { memoryBytes } from "./template_config.ts";
import type { BuildClaim, TemplateStore } from "./template_store.ts";
import type { StartingVm } from "./vm_maker.ts";

/** What a template is made with. */
export interface MakeRequest<T extends AsyncDisposable> {
  readonly store: TemplateStore;
  readonly claim: BuildClaim;
  readonly config: VmConfig;
  readonly found: TemplateKey;
  readonly binary: QemuBinary;
  /** Where the store's templates have their memory, the best folder first. */
  readonly ramFolders: readonly string[];
  /** The shared folder in which the first of these is; null where it is the store's own. */
  readonly ramDir: string | null;
  readonly bounds: StoreBounds;
  readonly way: NonNullable<SnapshotOptions["way"]>;
  /** Begins with a VM to make it from. */
  begin(): StartingVm<T>;
  readonly prepare: (vm: T) => Promise<void>;
  readonly onProgress: (progress: SnapshotProgress) => void;
}

/** The file for the guest's memory; or why there is none. */
type Ram = { readonly file: string } | { readonly why: string };

/** What came of one attempt. */
type Attempt = { readonly kind: "done"; readonly bootOnly: string | null } | {
  readonly kind: "again";
  readonly ram: Ram;
};

/**
 * Makes the template of a key and commits it, with room made for it first.
 *
 * @param request What it is made with.
 * @returns Why there can be none in this process; null where there is one, or the store knows why there is none.
 */
export async function makeTemplate<T extends AsyncDisposable>(
  request: MakeRequest<T>,
): Promise<string | null> {
  const { config, store, bounds } = request;
  const bytes = memoryBytes(config);
  await makeRoom(store, bounds, bytes);
  const notMapped = request.way === "stream" ? "it was asked for" : whyNotMapped(config);
  let ram = notMapped === null ? await ramFile(request) : { why: notMapped };
  for (;;) {
    const outcome = await attempt(request, ram);
    if (outcome.kind === "again") {
      ram = outcome.ram;
      continue;
    }
    await makeRoom(store, bounds, 0);
    return outcome.bootOnly;
  }
}

async function attempt<T extends AsyncDisposable>(request: MakeRequest<T>, ram: Ram): Promise<Attempt> {
  const { claim, config, found: { key, disks }, binary, prepare, onProgress } = request;
  const vm = request.begin();
  let kept: "nothing" | "all" = "nothing";
  try {
    const built = await buildTemplate({
      ...{ claim, config, disks, ram, prepare, vm, signal: vm.launch.signal, onProgress },
      qemuImg: await binary.qemuImg(),
    });
    if (built.kind === "not mapped") return { kind: "again", ram: { why: built.why } };
    if (built.kind === "built") {
      const { bytes } = built.manifest;
      const { maxBytes } = request.bounds;
      if (bytes > maxBytes) {
        const bootOnly = `the template would take ${inMiB(bytes)}, and maxBytes allows ${inMiB(maxBytes)}`;
        return { kind: "done", bootOnly };
      }
      kept = "all";
    }
    await claim.commit(built.manifest);
    const detail = built.kind === "built"
      ? "The template is there"
      : "There can be none, which is remembered";
    onProgress({ step: "committed", key, detail });
    return { kind: "done", bootOnly: null };
  } finally {
    if (kept === "nothing") {
      if ("file" in ram) await removeIfThere(ram.file);
      await removeIfThere(claim.dir);
    }
  }
}

async function ramFile<T extends AsyncDisposable>(request: MakeRequest<T>): Promise<Ram> {
  const { store, ramFolders, ramDir, claim, config } = request;
  const [own = store.dir] = ramFolders;
  if (ramDir !== null && await exists(ramDir)) await makeRamFolder(own, store.dir);
  const room = await findRoom(store, memoryBytes(config), ramFolders);
  return "why" in room ? room : { file: `${room.dir}/${claim.name}.ram` };
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
