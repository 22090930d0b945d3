import { digestOfFile } from "./digest.ts";
import { identityOf, identityText } from "./file_identity.ts";
import { writeWhole } from "./write_whole.ts";

/** How many digests are kept on disk. */
const MAX_KEPT = 500;
/** A file that was changed so shortly before can be changed again within the same tick of its clock, unseen. */
const SETTLED_MS = 2_000;

/** Digests of files' contents, kept by the files' identities, so that a big image is read once and not in each process. */
export class ContentDigests {
  readonly #file: string;
  #kept: Promise<Map<string, string>> | null = null;

  /** @param file Where they are kept. */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * The digest of a file's content.
   *
   * @param path The file.
   * @param signal Gives up.
   * @returns Its digest.
   */
  async of(path: string, signal?: AbortSignal): Promise<string> {
    this.#kept ??= read(this.#file);
    const kept = await this.#kept;
    const identity = identityOf(await Deno.stat(path));
    const name = identityText(identity);
    const known = kept.get(name);
    if (known !== undefined) return known;
    const begunAtMs = Date.now();
    const digest = await digestOfFile(path, signal);
    const settled = begunAtMs - Math.max(identity.changedAtMs, identity.writtenAtMs) > SETTLED_MS;
    const same = identityText(identityOf(await Deno.stat(path))) === name;
    if (settled && same) {
      kept.set(name, digest);
      // Should another process write at the same time, one of the two digests is computed again some day.
      await writeWhole(this.#file, JSON.stringify([...kept].slice(-MAX_KEPT)));
    }
    return digest;
  }
}

async function read(file: string): Promise<Map<string, string>> {
  try {
    const entries: unknown = JSON.parse(await Deno.readTextFile(file));
    return new Map(Array.isArray(entries) ? entries.filter(isEntry) : []);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return new Map();
    throw error;
  }
}

function isEntry(entry: unknown): entry is [string, string] {
  return Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === "string");
}
