import { syncFolder, writeAll } from "./atomic_file.ts";
import { type CrashHook, noCrash } from "./crash_points.ts";
import { StateError } from "./errors.ts";
import { type JournalEnd, readEnd, readJournalEnd } from "./journal_end.ts";
import { encodeLine, type JournalEntry, type JournalGap } from "./journal_entry.ts";
import { type JournalFiles, journalFiles, rotateFiles } from "./journal_files.ts";
import { reasonOf } from "./reasons.ts";

/** How a journal is kept. */
export interface JournalOptions {
  /** How large a file grows before the next one is begun. Default 16 MiB. */
  maxBytes?: number;
  /** How many full files are kept beside the current one. Default 4. */
  keep?: number;
  /**
   * Is told of trouble with the disk: when entries begin to be lost, and when that is over (null); when no new file can be begun, or the current
   * one can't be synchronised. It must not throw.
   */
  onTrouble?: (error: StateError | null) => void;
  /** For tests: is called at each crash point. */
  crash?: CrashHook;
}

/** What an open journal ends with. */
export interface JournalTail {
  /** The highest number of an entry that is in it, or is counted as lost in it; 0 in an empty one. */
  seq: number;
  /** The last entry; null in an empty one. */
  entry: JournalEntry | null;
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const DEFAULT_KEEP = 4;

/** How soon after it was written an entry is on the disk, in milliseconds. It survives this process at once, and the machine only then. */
const SYNC_MS = 1_000;

/** A file that writing goes on in, after its last whole line. */
interface CurrentFile {
  readonly file: Deno.FsFile;
  size: number;
  /** A write failed: what it may have left behind `size` has to go. */
  torn: boolean;
}

/** An entry, and its text. */
interface Line {
  readonly entry: JournalEntry;
  readonly text: string;
}

/** Entries that could not be written, and what that failed with at last. */
interface Lost {
  count: number;
  firstSeq: number;
  lastSeq: number;
  error: string;
}

/**
 * The reports of a state directory, one line of JSON each, in `STATE/journal.jsonl`; full files are `journal.1.jsonl` (the newest) and on. Who
 * opens it holds the directory's `StateLock`.
 *
 * An entry is in it whole or not at all, whenever this process dies. A disk that takes no more keeps nobody from anything: what could not be written
 * is counted, and a gap stands in its place once writing works again.
 */
export class Journal implements AsyncDisposable {
  readonly #files: JournalFiles;
  readonly #maxBytes: number;
  readonly #keep: number;
  readonly #onTrouble: (error: StateError | null) => void;
  readonly #crash: CrashHook;
  readonly #end: JournalEnd;
  /** Null after it was given a number, until there is a new one. */
  #current: CurrentFile | null;
  /** At what size the file is full. */
  #fullAt: number;
  /** What is being written, one after another; it never rejects. */
  #work: Promise<void> = Promise.resolve();
  #missing: Lost | null = null;
  #lost: number = 0;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  #closed: Promise<void> | null = null;

  private constructor(files: JournalFiles, current: CurrentFile, end: JournalEnd, options: JournalOptions) {
    this.#files = files;
    this.#current = current;
    this.#end = end;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#keep = options.keep ?? DEFAULT_KEEP;
    this.#onTrouble = options.onTrouble ?? (() => {});
    this.#crash = options.crash ?? noCrash;
    this.#fullAt = this.#maxBytes;
  }

  /**
   * Opens the journal, which is made if it is missing, with mode 0600. A line that was torn, as its writer died, is cut off.
   *
   * @param stateDir The state directory, which is made if it is missing.
   * @param options How it is kept.
   * @returns The journal.
   * @throws {StateError} When it can't be opened.
   */
  static async open(stateDir: string, options: JournalOptions = {}): Promise<Journal> {
    const files = journalFiles(stateDir);
    let file: Deno.FsFile | null = null;
    try {
      await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
      file = await Deno.open(files.current, { read: true, write: true, create: true, mode: 0o600 });
      const found = await readEnd(file);
      await file.truncate(found.length);
      await file.seek(found.length, Deno.SeekMode.Start);
      await syncFolder(stateDir);
      const current = { file, size: found.length, torn: false };
      return new Journal(files, current, await readJournalEnd(files, found), options);
    } catch (error) {
      file?.close();
      throw new StateError(`Cannot open the journal ${files.current}: ${reasonOf(error)}`, files.current, {
        cause: error,
      });
    }
  }

  /** How many entries could not be written since it was opened. */
  get lost(): number {
    return this.#lost;
  }

  /** What it ends with. */
  tail(): JournalTail {
    return { seq: this.#end.seq, entry: this.#end.last };
  }

  /**
   * Whether the report of that number is accounted for: it is in the journal, is counted as lost in it, or stood in what was rotated away.
   *
   * @param seq The number.
   */
  has(seq: number): boolean {
    return this.#end.has(seq);
  }

  /**
   * Writes entries at once, after all those before.
   *
   * @param entries The entries, as they are at the call.
   * @returns `written` when they outlive this process; `lost` when the disk did not take them all. It rejects only after the journal was
   * closed.
   * @throws {TypeError} When the journal is closed.
   */
  append(...entries: readonly JournalEntry[]): Promise<"written" | "lost"> {
    if (this.#closed) {
      const reports = entries.map(({ seq }) => seq).join(", ");
      return Promise.reject(
        new TypeError(`Cannot write report ${reports} to the journal ${this.#files.current}: it is closed`),
      );
    }
    const lines = entries.map((entry) => ({ entry, text: encodeLine(entry) }));
    return this.#next(() => this.#write(lines));
  }

  /**
   * Owns up to the reports that are missing before the last one: whoever was to write them died, while those of other guests were quicker. So
   * each number is there, or is counted as lost. To be called before anything is appended whose number is already given.
   */
  ownUp(): Promise<void> {
    return this.#next(async () => {
      const missing = this.#end.missing();
      if (missing === null) return;
      const gap = { ...missing, error: "their supervisor died before it had written them" };
      try {
        await this.#put(encodeLine({ at: new Date().toISOString(), gap }));
        this.#end.addGap(gap);
      } catch (error) {
        this.#tell("Cannot write to", error);
      }
    });
  }

  /** Waits until all that was appended is written, and has it on the disk. */
  sync(): Promise<void> {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    return this.#next(() => this.#sync());
  }

  /** Writes all that was appended, and closes the file. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#syncTimer);
    await this.#next(() => this.#endGap());
    await this.sync();
    this.#current?.file.close();
  }

  #next<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#work.then(act);
    this.#work = done.then(() => {}, () => {});
    return done;
  }

  async #write(lines: readonly Line[]): Promise<"written" | "lost"> {
    this.#crash("journal:before-append");
    try {
      await this.#put(lines.map(({ text }) => text).join(""));
    } catch (error) {
      // There may be room for some of them.
      if (lines.length > 1) return await this.#writeEach(lines);
      for (const { entry } of lines) this.#lose(entry.seq, error);
      return "lost";
    }
    for (const { entry } of lines) this.#end.add(entry);
    this.#crash("journal:after-append");
    this.#syncSoon();
    return "written";
  }

  async #writeEach(lines: readonly Line[]): Promise<"written" | "lost"> {
    let result: "written" | "lost" = "written";
    for (const line of lines) if (await this.#write([line]) === "lost") result = "lost";
    return result;
  }

  /** Writes whole lines, and before them the gap that there is. */
  async #put(lines: string): Promise<void> {
    const gap = this.#gap();
    const bytes = new TextEncoder().encode(gap === null ? lines : encodeLine(gap) + lines);
    await this.#rotateIfFull(bytes.length);
    const current = this.#current ?? await this.#begin();
    if (current.torn) await this.#cutOff(current);
    try {
      await writeAll(current.file, bytes);
    } catch (error) {
      current.torn = true;
      // What is there of it is for nobody to read.
      await this.#cutOff(current).catch(() => {});
      throw error;
    }
    current.size += bytes.length;
    if (gap === null) return;
    this.#end.addGap(gap.gap);
    this.#missing = null;
    this.#onTrouble(null);
  }

  #gap(): JournalGap | null {
    if (this.#missing === null) return null;
    const { count, firstSeq, lastSeq, error } = this.#missing;
    return { at: new Date().toISOString(), gap: { lost: count, firstSeq, lastSeq, error } };
  }

  /** At the end, says at least what is missing. */
  async #endGap(): Promise<void> {
    if (this.#missing === null) return;
    try {
      await this.#put("");
    } catch {
      // It was said when it began, and is in `lost`.
    }
  }

  #lose(seq: number, error: unknown): void {
    const reason = reasonOf(error);
    const before = this.#missing;
    this.#lost++;
    this.#missing = {
      count: (before?.count ?? 0) + 1,
      firstSeq: Math.min(before?.firstSeq ?? seq, seq),
      lastSeq: Math.max(before?.lastSeq ?? seq, seq),
      error: reason,
    };
    if (before === null) this.#tell("Cannot write to", error);
  }

  #tell(attempt: string, error: unknown): void {
    const path = this.#files.current;
    this.#onTrouble(
      new StateError(`${attempt} the journal ${path}: ${reasonOf(error)}`, path, { cause: error }),
    );
  }

  async #cutOff(current: CurrentFile): Promise<void> {
    await current.file.truncate(current.size);
    await current.file.seek(current.size, Deno.SeekMode.Start);
    current.torn = false;
  }

  async #rotateIfFull(bytes: number): Promise<void> {
    const current = this.#current;
    if (current === null || current.size === 0 || current.size + bytes <= this.#fullAt) return;
    if (current.torn) await this.#cutOff(current);
    try {
      this.#crash("journal:before-rotate");
      await current.file.syncData();
      await rotateFiles(this.#files, this.#keep);
    } catch (error) {
      // A file that is too large is better than none.
      this.#fullAt = current.size + this.#maxBytes;
      return this.#tell("Cannot begin a new file of", error);
    }
    current.file.close();
    this.#current = null;
    this.#fullAt = this.#maxBytes;
    this.#crash("journal:after-rotate");
  }

  async #begin(): Promise<CurrentFile> {
    const file = await Deno.open(this.#files.current, { write: true, createNew: true, mode: 0o600 });
    this.#current = { file, size: 0, torn: false };
    await syncFolder(this.#files.folder);
    return this.#current;
  }

  #syncSoon(): void {
    if (this.#syncTimer !== undefined || this.#closed !== null) return;
    this.#syncTimer = setTimeout(() => void this.sync(), SYNC_MS);
    // Whoever just ends loses nothing: only a machine that dies would.
    Deno.unrefTimer(this.#syncTimer);
  }

  async #sync(): Promise<void> {
    try {
      await this.#current?.file.syncData();
    } catch (error) {
      this.#tell("Cannot synchronise", error);
    }
  }
}
