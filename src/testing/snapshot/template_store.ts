import { exists } from "../../vm/run_dir.ts";
import { digestOf, digestOfFile } from "./digest.ts";
import { allocatedBytes, identityOf } from "./file_identity.ts";
import { tryLockFile } from "./file_lock.ts";
import {
  decodeManifest,
  encodeManifest,
  isKept,
  type KeptFile,
  keptFiles,
  type Manifest,
  type RefusalManifest,
  type TemplateManifest,
} from "./manifest.ts";
import { makeStoreDir } from "./store_dirs.ts";
import { writeWhole } from "./write_whole.ts";

/** In a template's folder: locked, shared, by each clone as long as it lives. */
const USE_LOCK = "use.lock";
/** In a template's folder: a folder for each clone's own files. */
const CLONES = "clones";
/** How long it is remembered that there can be no template of a key, in milliseconds. */
const REFUSAL_MS = 14 * 24 * 3_600_000;

/** A template that can't go as long as this is not disposed of. */
export interface HeldTemplate extends Disposable {
  readonly manifest: TemplateManifest;
  /** Its folder. */
  readonly dir: string;
}

/** The right to make the template of one key; nobody else has it meanwhile. */
export interface BuildClaim extends Disposable {
  readonly key: string;
  /** A new folder for it. */
  readonly dir: string;
  /** The folder's name. */
  readonly name: string;
  /** Says that the template is whole: from now on it is used. */
  commit(manifest: Manifest): Promise<void>;
}

/**
 * A folder of templates, for any number of processes at once. `KEY.json` is the manifest of the template of a key: there is a template from
 * the moment at which it gets that name. `KEY.lock` is locked by who makes or removes the template. `KEY-XXXXXX` has its files.
 */
export class TemplateStore {
  readonly dir: string;
  /** Templates whose state was compared with its digest by this process. */
  readonly #checked = new Set<string>();

  private constructor(dir: string) {
    this.dir = dir;
  }

  /**
   * Opens a store; its folder is made if it is missing.
   *
   * @param dir The folder, an absolute path.
   * @returns The store.
   */
  static async open(dir: string): Promise<TemplateStore> {
    await makeStoreDir(dir);
    return new TemplateStore(dir);
  }

  /**
   * Takes hold of the template of a key.
   *
   * @param key The key.
   * @returns The template; why there can be none; or null where there is none, or not a whole one.
   */
  async find(key: string): Promise<HeldTemplate | RefusalManifest | null> {
    const manifest = await this.#read(key);
    if (manifest === null || manifest.kind === "refusal") return manifest;
    const dir = `${this.dir}/${manifest.dir}`;
    const lock = await tryLockFile(`${dir}/${USE_LOCK}`, "shared", "give-up");
    if (lock === null) return null;
    try {
      // Whoever removes a template takes its manifest first, and only if he has that lock alone.
      const still = await this.#read(key);
      if (still?.kind === "template" && still.dir === manifest.dir && await this.#isWhole(still)) {
        const now = new Date();
        await Deno.utime(this.#manifestOf(key), now, now);
        return { manifest: still, dir, [Symbol.dispose]: () => lock.close() };
      }
    } catch (error) {
      lock.close();
      throw error;
    }
    lock.close();
    return null;
  }

  /**
   * Claims the making of a key's template.
   *
   * @param key The key.
   * @returns The claim; null where another process, or another part of this one, has it.
   */
  async claim(key: string): Promise<BuildClaim | null> {
    const lock = await tryLockFile(this.#lockOf(key), "exclusive", "create");
    if (lock === null) return null;
    try {
      await lock.truncate(0);
      await lock.write(new TextEncoder().encode(`${Deno.pid}\n`));
      const name = `${key}-${Math.random().toString(36).slice(2, 8).padEnd(6, "0")}`;
      const dir = `${this.dir}/${name}`;
      return {
        key,
        dir,
        name,
        commit: async (manifest) => {
          if (manifest.kind === "template") {
            await Deno.writeTextFile(`${dir}/${USE_LOCK}`, "", { mode: 0o600 });
          }
          await writeWhole(this.#manifestOf(key), await encodeManifest(manifest, digestOf));
        },
        [Symbol.dispose]: () => lock.close(),
      };
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** Who has the claim on a key, as far as he has said so. */
  async claimant(key: string): Promise<number | null> {
    const text = await Deno.readTextFile(this.#lockOf(key)).catch(() => "");
    return /^\d+\n$/.test(text) ? Number(text) : null;
  }

  /** A new folder for one clone's own files, in the folder of its template. */
  static async makeCloneDir(template: HeldTemplate): Promise<string> {
    const dir = `${template.dir}/${CLONES}/${crypto.randomUUID().slice(0, 13)}`;
    await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
    return dir;
  }

  /** Every template that there is, with when it was last used. */
  async list(): Promise<{ manifest: TemplateManifest; usedAtMs: number }[]> {
    const found: { manifest: TemplateManifest; usedAtMs: number }[] = [];
    for await (const { name } of Deno.readDir(this.dir)) {
      const key = /^([0-9a-f]{32})\.json$/.exec(name)?.[1];
      if (key === undefined) continue;
      const manifest = await this.#read(key);
      if (manifest?.kind !== "template") continue;
      const info = await statOrNull(this.#manifestOf(key));
      if (info !== null) found.push({ manifest, usedAtMs: info.mtime?.getTime() ?? 0 });
    }
    return found;
  }

  /**
   * Removes a template that nobody uses or makes.
   *
   * @param key The key.
   * @returns Whether it is gone.
   */
  async remove(key: string): Promise<boolean> {
    using claim = await tryLockFile(this.#lockOf(key), "exclusive", "create");
    if (claim === null) return false;
    const manifest = await this.#read(key);
    if (manifest?.kind === "template") {
      using use = await tryLockFile(`${this.dir}/${manifest.dir}/${USE_LOCK}`, "exclusive", "give-up");
      if (use === null && await exists(`${this.dir}/${manifest.dir}/${USE_LOCK}`)) return false;
      await unlessGone(Deno.remove(this.#manifestOf(key)));
      await this.#removeFiles(manifest);
    }
    await unlessGone(Deno.remove(this.#lockOf(key)));
    return true;
  }

  /**
   * Forgets a template that QEMU would not take, so that it is made anew. Its files go when its last clone has gone.
   *
   * @param template The template.
   */
  async forget({ manifest }: HeldTemplate): Promise<void> {
    const current = await this.#read(manifest.key);
    if (current?.kind === "template" && current.dir === manifest.dir) {
      await unlessGone(Deno.remove(this.#manifestOf(manifest.key)));
    }
  }

  /**
   * Clears away what killed processes have left: folders without a manifest, the files of clones, memory without a template.
   *
   * @param ramFolders The folders with the memory of this store's templates.
   */
  async sweep(ramFolders: readonly string[]): Promise<void> {
    for (const name of await namesIn(this.dir)) {
      const key = /^([0-9a-f]{32})-[0-9a-z]{6}$/.exec(name)?.[1];
      if (key !== undefined) await this.#sweepFolder(key, name);
      else if (name.endsWith(".new")) await this.#removeIfOlder(name, 60_000);
      else if (await this.#isRefusal(name)) await this.#removeIfOlder(name, REFUSAL_MS);
    }
    for (const folder of ramFolders) {
      for (const name of await namesIn(folder)) {
        const key = /^([0-9a-f]{32})-[0-9a-z]{6}\.ram$/.exec(name)?.[1];
        if (key === undefined) continue;
        using claim = await tryLockFile(this.#lockOf(key), "exclusive", "create");
        if (claim === null || await exists(`${this.dir}/${name.slice(0, -4)}`)) continue;
        await unlessGone(Deno.remove(`${folder}/${name}`));
      }
    }
  }

  async #sweepFolder(key: string, name: string): Promise<void> {
    using claim = await tryLockFile(this.#lockOf(key), "exclusive", "create");
    if (claim === null) return;
    const dir = `${this.dir}/${name}`;
    using use = await tryLockFile(`${dir}/${USE_LOCK}`, "exclusive", "give-up");
    if (use === null && await exists(`${dir}/${USE_LOCK}`)) return;
    const manifest = await this.#read(key);
    const current = manifest?.kind === "template" && manifest.dir === name;
    await unlessGone(Deno.remove(current ? `${dir}/${CLONES}` : dir, { recursive: true }));
  }

  async #isRefusal(name: string): Promise<boolean> {
    const key = /^([0-9a-f]{32})\.json$/.exec(name)?.[1];
    return key !== undefined && (await this.#read(key))?.kind === "refusal";
  }

  /** What is being written is young; it is old when its process was killed. */
  async #removeIfOlder(name: string, ms: number): Promise<void> {
    const path = `${this.dir}/${name}`;
    const info = await statOrNull(path);
    const old = info?.mtime && Date.now() - info.mtime.getTime() > ms;
    if (old) await unlessGone(Deno.remove(path));
  }

  async #removeFiles(manifest: TemplateManifest): Promise<void> {
    if (manifest.memory.way === "memory") await unlessGone(Deno.remove(manifest.memory.ram.path));
    await unlessGone(Deno.remove(`${this.dir}/${manifest.dir}`, { recursive: true }));
  }

  async #isWhole(manifest: TemplateManifest): Promise<boolean> {
    for (const kept of keptFiles(manifest)) {
      const info = await statOrNull(kept.path);
      if (info === null || !isKept(kept, identityOf(info))) return false;
    }
    if (this.#checked.has(manifest.dir)) return true;
    if (await digestOfFile(manifest.state.path) !== manifest.stateDigest) return false;
    this.#checked.add(manifest.dir);
    return true;
  }

  async #read(key: string): Promise<Manifest | null> {
    try {
      return await decodeManifest(await Deno.readTextFile(this.#manifestOf(key)), key, digestOf);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  #manifestOf(key: string): string {
    return `${this.dir}/${key}.json`;
  }

  #lockOf(key: string): string {
    return `${this.dir}/${key}.lock`;
  }
}

/**
 * What tells that a file is still the one that it is now.
 *
 * @param path The file, which nobody writes to any more.
 * @returns Its identity, and what it takes.
 */
export async function keep(path: string): Promise<{ file: KeptFile; bytes: number }> {
  const info = await Deno.stat(path);
  return { file: { path, ...identityOf(info) }, bytes: allocatedBytes(info) };
}

async function statOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function unlessGone(removing: Promise<void>): Promise<void> {
  try {
    await removing;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
