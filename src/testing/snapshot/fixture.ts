import { cacheFolder } from "../cache_folder.ts";
import { delay } from "@std/async/delay";
import {
  configBinary,
  type HostFacts,
  parseVmConfig,
  resolveConfigPaths,
  type VmConfig,
} from "../../machine/mod.ts";
import { type Logger, silentLogger } from "../../qmp/mod.ts";
import { ContentDigests } from "./content_digests.ts";
import { hostFacts, type TemplateKey, templateKey } from "./ingredients.ts";
import { TemplateRefusedError } from "./load_state.ts";
import type { StoreBounds } from "./make_room.ts";
import { QemuBinary } from "./qemu_binary.ts";
import { SnapshotError } from "./snapshot_error.ts";
import type { SnapshotHow, SnapshotOptions, SnapshotProgress } from "./snapshot_types.ts";
import { bootClone, restoreClone } from "./start_clone.ts";
import { ramFolder, removeOrphanedRam } from "./store_dirs.ts";
import { whyBootOnly } from "./suitability.ts";
import { makeTemplate } from "./template_maker.ts";
import { type BuildClaim, type HeldTemplate, TemplateStore } from "./template_store.ts";
import type { VmMaker } from "./vm_maker.ts";

/** How much templates may take if nobody says it. */
const DEFAULT_MAX_BYTES = 4 * 1024 ** 3;
/** How long a template is kept unused if nobody says it, in milliseconds. */
const DEFAULT_MAX_IDLE_MS = 14 * 24 * 3_600_000;
/** Where memory can be put as a file, on Linux. */
const SHARED_MEMORY = "/dev/shm";
/** How often it is looked whether another process has made the template, in milliseconds. */
const LOOK_MS = 20;
/** How often a wait for that is told of, in milliseconds. */
const TELL_MS = 1_000;

/** What has been found out once, at the first clone. */
interface Ground {
  readonly config: VmConfig;
  readonly facts: HostFacts;
  readonly store: TemplateStore;
  readonly digests: ContentDigests;
  readonly binary: QemuBinary;
  /** Where memory can be put, the best folder first. */
  readonly ramFolders: readonly string[];
  /** The memory folder's own directory, where it is not the store's. */
  readonly ramDir: string | null;
}

/** What a clone comes from. */
type Source =
  | { readonly kind: "template"; readonly held: HeldTemplate }
  | { readonly kind: "boot"; readonly why: string };

/** What a fixture is made of. */
export interface FixtureParts<T extends AsyncDisposable, O> {
  readonly config: VmConfig | (() => VmConfig | Promise<VmConfig>);
  readonly prepare: (vm: T) => Promise<void>;
  readonly options: SnapshotOptions;
  readonly maker: VmMaker<T, O>;
}

/** A fixture at work: finds or makes the template, and starts clones from it. */
export class Fixture<T extends AsyncDisposable, O> {
  readonly #parts: FixtureParts<T, O>;
  readonly #logger: Logger;
  readonly #bounds: StoreBounds;
  #ground: Promise<Ground> | null = null;
  /** Keys of which no template can be had in this process, and why. */
  readonly #bootOnly = new Map<string, string>();
  #how: SnapshotHow | null = null;

  /** @param parts What it is made of. */
  constructor(parts: FixtureParts<T, O>) {
    const { maxBytes = DEFAULT_MAX_BYTES, maxIdleMs = DEFAULT_MAX_IDLE_MS, logger } = parts.options;
    for (const [name, value] of Object.entries({ maxBytes, maxIdleMs })) {
      if (!(value >= 0)) {
        throw new RangeError(
          `Cannot bound templates as '${name}' must not be negative: current value is ${value}`,
        );
      }
    }
    this.#parts = parts;
    this.#logger = logger ?? silentLogger;
    this.#bounds = { maxBytes, maxIdleMs };
  }

  get how(): SnapshotHow | null {
    return this.#how;
  }

  /** Starts a clone. */
  async clone(options: O): Promise<T> {
    const { signal } = this.#parts.maker.begin(options, "clone").launch;
    signal?.throwIfAborted();
    const ground = await this.#prepareGround();
    for (let refusals = 0;; refusals++) {
      const source = await this.#source(ground, options, signal);
      const starting = this.#parts.maker.begin(options, "clone");
      if (source.kind === "boot") {
        this.#report({ way: "boot", why: source.why });
        return await bootClone(ground.config, ground.store.dir, starting, this.#parts.prepare);
      }
      const { held } = source;
      const { key, memory } = held.manifest;
      try {
        const { clock = "host" } = this.#parts.options;
        const { config } = ground;
        const clone = await restoreClone({ held, config, starting, clock, signal, logger: this.#logger });
        this.#report(
          memory.way === "memory" ? { way: "memory", key } : { way: "stream", key, why: memory.why },
        );
        return clone;
      } catch (error) {
        if (!(error instanceof TemplateRefusedError)) throw error;
        this.#logger.warn("QEMU does not take a template, which is forgotten", { key, why: error.message });
        await ground.store.forget(held);
        if (refusals > 0) this.#bootOnly.set(key, `QEMU does not take its own template: ${error.message}`);
      }
    }
  }

  #prepareGround(): Promise<Ground> {
    if (this.#ground === null) {
      const ground = this.#findGround();
      this.#ground = ground;
      // What failed once need not fail again.
      ground.catch(() => this.#ground = null);
    }
    return this.#ground;
  }

  async #findGround(): Promise<Ground> {
    const { config: given, options, maker } = this.#parts;
    const config = resolveConfigPaths(
      parseVmConfig(maker.config(typeof given === "function" ? await given() : given)),
      Deno.cwd(),
    );
    if (config.incoming !== undefined) {
      throw new SnapshotError(
        "Cannot make a snapshot fixture of a config with `incoming`: clones are started that way themselves; leave it out",
      );
    }
    const dir = absolute(options.dir ?? await cacheFolder("templates"));
    const store = await TemplateStore.open(dir);
    const ramDir = absolute(options.ramDir ?? SHARED_MEMORY);
    const shared = ramDir === dir ? null : ramDir;
    const ramFolders = shared === null ? [dir] : [await ramFolder(shared, dir), dir];
    try {
      await store.sweep(ramFolders);
      if (shared !== null) await removeOrphanedRam(shared);
    } catch (error) {
      this.#logger.warn("Cannot look for what killed processes have left of templates", { dir, error });
    }
    const binary = new QemuBinary(configBinary(config));
    const digests = new ContentDigests(`${dir}/digests.json`);
    const facts = await hostFacts(config, dir);
    return { config, facts, store, digests, binary, ramFolders, ramDir: shared };
  }

  async #source(ground: Ground, options: O, signal: AbortSignal | undefined): Promise<Source> {
    const why = this.#parts.options.way === "boot" ? "it was asked for" : whyBootOnly(ground.config);
    if (why !== null) return { kind: "boot", why };
    const found = await this.#key(ground, signal);
    if ("why" in found) return { kind: "boot", why: found.why };
    const { key } = found;
    const begunAtMs = Date.now();
    for (let tells = 0;;) {
      const only = this.#bootOnly.get(key);
      if (only !== undefined) return { kind: "boot", why: only };
      const source = await this.#find(ground.store, key);
      if (source !== null) return source;
      {
        using claim = await ground.store.claim(key);
        if (claim !== null) {
          // Somebody may have made it between the look and the claim.
          const made = await this.#find(ground.store, key);
          if (made !== null) return made;
          const why = await this.#make(ground, claim, found, options);
          if (why !== null) this.#bootOnly.set(key, why);
          // While it is still claimed nobody can remove it.
          const fresh = await this.#find(ground.store, key);
          if (fresh !== null) return fresh;
          continue;
        }
      }
      const forMs = Date.now() - begunAtMs;
      if (forMs >= tells * TELL_MS) {
        tells = Math.floor(forMs / TELL_MS) + 1;
        const pid = await ground.store.claimant(key);
        const who = pid === null || pid === Deno.pid ? "It is being made" : `Process ${pid} makes it`;
        this.#progress({ step: "waiting", key, detail: `${who}, waiting for ${Math.round(forMs / 1000)} s` });
      }
      await delay(LOOK_MS, signal ? { signal } : {});
    }
  }

  async #find(store: TemplateStore, key: string): Promise<Source | null> {
    const found = await store.find(key);
    if (found === null) return null;
    if ("manifest" in found) return { kind: "template", held: found };
    return { kind: "boot", why: `QEMU can't save this guest: ${found.why}` };
  }

  async #key(ground: Ground, signal: AbortSignal | undefined): Promise<TemplateKey | { why: string }> {
    const { options: { version = "", way = "memory" }, prepare } = this.#parts;
    const { config, facts, binary, digests } = ground;
    const text = { prepare: prepare.toString(), version: `${way} ${version}` };
    return await templateKey({ config, facts, ...text, signal }, binary, digests);
  }

  #make(
    { config, store, binary, ramFolders, ramDir }: Ground,
    claim: BuildClaim,
    found: TemplateKey,
    options: O,
  ): Promise<string | null> {
    const { prepare, maker, options: { way = "memory" } } = this.#parts;
    return makeTemplate<T>({
      ...{ config, store, binary, ramFolders, ramDir, claim, found, prepare, way, bounds: this.#bounds },
      begin: () => maker.begin(options, "template"),
      onProgress: (progress) => this.#progress(progress),
    });
  }

  #progress(progress: SnapshotProgress): void {
    this.#logger.debug("Making a template", { ...progress });
    this.#parts.options.onProgress?.(progress);
  }

  #report(how: SnapshotHow): void {
    if (how.way !== this.#how?.way && "why" in how) {
      const { logger, way } = this.#parts.options;
      // Whoever has no logger would only wonder why the tests are slow.
      if (how.way === "boot" && way !== "boot" && logger === undefined) {
        Deno.stderr.writeSync(
          new TextEncoder().encode(`Each clone of a snapshot fixture is booted: ${how.why}\n`),
        );
      }
      this.#logger.warn(
        how.way === "boot" ? "Each clone is booted" : "Each clone reads all of its memory from a file",
        { why: how.why },
      );
    }
    this.#how = how;
  }
}

function absolute(dir: string): string {
  return resolveConfigPaths({ kernel: dir.replace(/(?<=.)\/+$/, "") }, Deno.cwd()).kernel ?? dir;
}
