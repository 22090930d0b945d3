import type { JournalLine } from "../../src/supervisor/store/mod.ts";
import { decodeLine } from "../../src/supervisor/store/journal_entry.ts";

interface OpenedFile {
  readonly file: Deno.FsFile;
  readonly inode: number;
}

/** Reads the journal of a state directory as it grows: each line once, in order. */
export class JournalFollower {
  readonly lines: JournalLine[] = [];
  /** Lines that could not be understood. */
  readonly broken: string[] = [];
  readonly #folder: string;
  /** How far each file was read, by its inode. */
  readonly #offsets = new Map<number, number>();
  /** Files that no more is written to, and that were read. */
  readonly #done = new Set<number>();
  /** One reader at a time. */
  #reading: Promise<void> = Promise.resolve();

  /** @param folder The state directory. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Reads what is new. */
  read(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  async #read(): Promise<void> {
    const files = await this.#open();
    try {
      for (const [index, { file, inode }] of files.toReversed().entries()) {
        await this.#readOn(file, inode);
        if (index < files.length - 1) this.#done.add(inode);
      }
    } finally {
      for (const { file } of files) file.close();
    }
  }

  /** The newest first, so that a rotation meanwhile gives what is yet to be opened a higher number: nothing is passed over. */
  async #open(): Promise<OpenedFile[]> {
    const files: OpenedFile[] = [];
    for (let number = 0;; number++) {
      const file = await openIfThere(`${this.#folder}/journal${number === 0 ? "" : `.${number}`}.jsonl`);
      if (file === null) {
        if (number === 0) continue;
        return files;
      }
      const inode = (await file.stat()).ino ?? -1;
      if (files.some((other) => other.inode === inode)) file.close();
      else if (this.#done.has(inode)) {
        file.close();
        return files;
      } else files.push({ file, inode });
    }
  }

  /** Whole lines only: of the last one the end may be yet to come. */
  async #readOn(file: Deno.FsFile, inode: number): Promise<void> {
    const offset = this.#offsets.get(inode) ?? 0;
    const bytes = await readFrom(file, offset);
    const end = bytes.lastIndexOf("\n".charCodeAt(0)) + 1;
    this.#offsets.set(inode, offset + end);
    for (const text of new TextDecoder().decode(bytes.subarray(0, end)).split("\n").slice(0, -1)) {
      const line = decodeLine(text);
      if (line === null) this.broken.push(text);
      else this.lines.push(line);
    }
  }
}

async function readFrom(file: Deno.FsFile, offset: number): Promise<Uint8Array> {
  const { size } = await file.stat();
  const bytes = new Uint8Array(Math.max(0, size - offset));
  await file.seek(offset, Deno.SeekMode.Start);
  let length = 0;
  while (length < bytes.length) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

async function openIfThere(path: string): Promise<Deno.FsFile | null> {
  try {
    return await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
