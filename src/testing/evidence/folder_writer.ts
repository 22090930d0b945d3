import type { FileEntry } from "./model.ts";

/** Writes files, and remembers which. One that can't be written is said to be missing. */
export class FolderWriter {
  readonly files: FileEntry[] = [];
  readonly missing: { what: string; why: string }[] = [];
  readonly #folder: string;

  /** @param folder Where, which is there already. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Writes a file.
   *
   * @param name Its name in the folder.
   * @param content What is in it.
   * @param about What it is, in a few words.
   */
  async write(name: string, content: Uint8Array | string, about: string): Promise<void> {
    const data = typeof content === "string" ? new TextEncoder().encode(content.toWellFormed()) : content;
    try {
      await Deno.writeFile(`${this.#folder}/${name}`, data, { mode: 0o600 });
      this.files.push({ name, bytes: data.length, about });
    } catch (error) {
      this.missing.push({ what: name, why: error instanceof Error ? error.message : String(error) });
      if (name === "index.html") throw error;
    }
  }

  /** A name that is not taken yet. */
  fresh(name: string): string {
    const safe = name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^\.+/, "") || "file";
    const taken = new Set(this.files.map((file) => file.name));
    const [, stem = safe, ending = ""] = /^(.*?)(\.[^.]*)?$/.exec(safe) ?? [];
    let found = safe;
    for (let count = 2; taken.has(found); count++) found = `${stem}-${count}${ending}`;
    return found;
  }
}
