import { run } from "../../tools/setup/run.ts";

/** How large the small file system is. A walk of a thousand faults writes some 30 MiB. */
const SIZE_MIB = 256;
/** The least that a file may have where that is limited: the QEMUs that are started meanwhile have the same limit. */
const LEAST_BYTES = 32 * 1024;
const CHUNK = new Uint8Array(1024 * 1024);

/**
 * A state directory whose disk can be filled: a small file system of its own, where this user may mount one; else the supervisor's limit of
 * how large a file may be, which is reached by the journal and not by the records.
 */
export class FullDisk implements AsyncDisposable {
  /** How it is filled. */
  readonly kind: "file system" | "file size limit";
  readonly #folder: string;

  private constructor(kind: FullDisk["kind"], folder: string) {
    this.kind = kind;
    this.#folder = folder;
  }

  /** @param folder An empty directory. */
  static async prepare(folder: string): Promise<FullDisk> {
    try {
      await run(["mount", "-t", "tmpfs", "-o", `size=${SIZE_MIB}m,mode=0700`, "qeeper-chaos", folder]);
      return new FullDisk("file system", folder);
    } catch {
      return new FullDisk("file size limit", folder);
    }
  }

  /**
   * Fills it.
   *
   * @param pid The supervisor, for whom it is full from now on.
   * @param write Has it write something to its journal.
   */
  async fill(pid: number, write: () => Promise<unknown>): Promise<void> {
    if (this.kind === "file size limit") {
      const journalBytes = async () => (await Deno.stat(`${this.#folder}/journal.jsonl`)).size;
      while (await journalBytes() < LEAST_BYTES) await write();
      await run(["prlimit", "--pid", `${pid}`, `--fsize=${await journalBytes()}:`]);
      return;
    }
    using ballast = await Deno.open(this.#ballast, { write: true, create: true });
    for (let bytes = CHUNK; bytes.length > 0;) {
      try {
        await ballast.write(bytes);
      } catch {
        // In ever smaller pieces, until not a byte fits.
        bytes = bytes.subarray(0, bytes.length >> 1);
      }
    }
  }

  /** @param pid The supervisor, for whom there is room again; it may be dead by now. */
  async empty(pid: number): Promise<void> {
    if (this.kind === "file system") return await Deno.remove(this.#ballast);
    await run(["prlimit", "--pid", `${pid}`, "--fsize=unlimited:"]).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.kind === "file system") await run(["umount", this.#folder]);
  }

  get #ballast(): string {
    return `${this.#folder}/ballast`;
  }
}
