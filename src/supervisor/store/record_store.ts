import { exists } from "../../vm/run_dir.ts";
import { syncFolder, TEMPORARY, writeAtomic } from "./atomic_file.ts";
import { type CrashHook, noCrash } from "./crash_points.ts";
import { NewerRecordError, StaleRecordError, StateError } from "./errors.ts";
import { reasonOf } from "./reasons.ts";
import type { VmRecord } from "./record.ts";
import { decodeRecord, encodeRecord, RECORD_UPGRADES, type RecordUpgrades } from "./record_codec.ts";
import { BROKEN, nameOfRecordFile, RECORD_SUFFIX, recordFileName } from "./record_file.ts";

/** How records are kept; both are for tests. */
export interface RecordStoreOptions {
  /** Is called at each crash point. */
  crash?: CrashHook;
  /** The steps from older versions. */
  upgrades?: RecordUpgrades;
}

/** A record's file that could not be understood, and was set aside. */
export interface BrokenRecord {
  /** The guest's name, by the file's. */
  name: string;
  /** Where it was. */
  path: string;
  /** Where it is now. */
  movedTo: string;
  /** What was wrong with it. */
  error: StateError;
}

/** What was found on the disk. */
export interface RecordList {
  /** By name. */
  records: VmRecord[];
  /** What was set aside now. Its guests may still run: somebody has to look at it. */
  broken: BrokenRecord[];
}

/**
 * The records of a state directory, one file each. Those of one guest are written in the order of the calls, every one of them; those of
 * different guests at the same time. Who opens it holds the directory's {@linkcode StateLock}.
 */
export class RecordStore {
  /** Where they are. */
  readonly folder: string;
  readonly #crash: CrashHook;
  readonly #upgrades: RecordUpgrades;
  /** The generation of what is on the disk, by name. */
  readonly #generations: Map<string, number> = new Map();
  /** What is being done to the record of a guest, by name; it never rejects. */
  readonly #work: Map<string, Promise<void>> = new Map();
  /** The files of records that were set aside, as they were found: only whoever lists the records sets one aside. */
  #setAside: readonly string[] = [];
  /** The last record of each guest that is not on the disk because it could not be written, by name. */
  readonly #unwritten: Map<string, VmRecord> = new Map();

  private constructor(folder: string, options: RecordStoreOptions) {
    this.folder = folder;
    this.#crash = options.crash ?? noCrash;
    this.#upgrades = options.upgrades ?? RECORD_UPGRADES;
  }

  /**
   * Opens the records, and makes their folder if it is missing. Read them with {@linkcode RecordStore.list} before any is written: an older
   * generation is only known where the newer one was seen.
   *
   * @param stateDir The state directory.
   * @param options For tests.
   * @returns The store.
   * @throws {StateError} When there can be no folder.
   */
  static async open(stateDir: string, options: RecordStoreOptions = {}): Promise<RecordStore> {
    const folder = `${stateDir}/vms`;
    try {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      await syncFolder(stateDir);
    } catch (error) {
      throw new StateError(`Cannot make the folder of the records ${folder}: ${reasonOf(error)}`, folder, {
        cause: error,
      });
    }
    return new RecordStore(folder, options);
  }

  /**
   * Reads every record. What a writer left that died is removed; what can't be understood is set aside as `NAME.json.broken`.
   *
   * @returns The records, and what was set aside.
   * @throws {NewerRecordError} When there is one of a newer program; then nothing was changed.
   * @throws {StateError} When the folder or a file in it can't be read.
   */
  async list(): Promise<RecordList> {
    const { files, leftovers, setAside: earlier } = await this.#files();
    const results = await Promise.all(files.map((file) => this.#read(file)));
    const newer = results.find(({ error }) => error instanceof NewerRecordError);
    if (newer?.error) throw newer.error;

    const records: VmRecord[] = [];
    const broken: BrokenRecord[] = [];
    for (const { name, path, record, error } of results) {
      if (error) {
        broken.push({ name, path, movedTo: await setAside(path), error });
      } else {
        records.push(record);
        this.#generations.set(record.name, record.generation);
      }
    }
    this.#setAside = [
      ...earlier.map((file) => `${this.folder}/${file}`),
      ...broken.map(({ movedTo }) => movedTo),
    ];
    for (const file of leftovers) await Deno.remove(`${this.folder}/${file}`);
    return { records: records.toSorted((a, b) => a.name < b.name ? -1 : 1), broken };
  }

  /**
   * Writes a record, after all that was asked for this guest before.
   *
   * @param record The record, as it is at the call. Its generation is larger than that of the last one.
   * @returns When it is on the disk.
   * @throws {StaleRecordError} When there is one of the same or a newer generation, which stays.
   * @throws {StateError} When it can't be written; the last one stays.
   */
  write(record: VmRecord): Promise<void> {
    const { name, generation } = record;
    const path = `${this.folder}/${recordFileName(name)}`;
    // Now: the caller may go on to change it.
    const text = encodeRecord(record);
    return this.#inOrder(name, async () => {
      const there = this.#generations.get(name);
      if (there !== undefined && generation <= there) {
        throw new StaleRecordError(
          `Cannot write generation ${generation} of the record ${path}: generation ${there} is there, and an older one never takes its place`,
          path,
        );
      }
      try {
        await writeAtomic(path, text, this.#crash);
      } catch (error) {
        this.#unwritten.set(name, record);
        throw error;
      }
      this.#unwritten.delete(name);
      this.#generations.set(name, generation);
    });
  }

  /** Whether there is a record of this guest on the disk. */
  has(name: string): boolean {
    return this.#generations.has(name);
  }

  /**
   * Writes once more what could not be written: else the next supervisor would go by what was true before, though there is room again.
   *
   * @returns The guests whose records could be written now, and those whose could not.
   */
  async retry(): Promise<{ written: string[]; unwritten: string[] }> {
    const written: string[] = [];
    await Promise.all(Array.from(this.#unwritten.values(), async (record) => {
      try {
        await this.write(record);
        written.push(record.name);
      } catch {
        // It was said when it began.
      }
    }));
    return { written, unwritten: [...this.#unwritten.keys()] };
  }

  /**
   * Removes a record, after all that was asked for this guest before. The next one of this name begins afresh, at any generation.
   *
   * @param name The guest's name. It need not have a record.
   * @returns When it is gone from the disk.
   * @throws {StateError} When it can't be removed.
   */
  remove(name: string): Promise<void> {
    const path = `${this.folder}/${recordFileName(name)}`;
    return this.#inOrder(name, async () => {
      try {
        this.#crash("record:before-remove");
        await Deno.remove(path);
        this.#crash("record:after-remove");
        await syncFolder(this.folder);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) {
          throw new StateError(`Cannot remove the record ${path}: ${reasonOf(error)}`, path, {
            cause: error,
          });
        }
      }
      this.#unwritten.delete(name);
      this.#generations.delete(name);
    });
  }

  /**
   * Which records of a guest were set aside, now or earlier, and are still there.
   *
   * @param name The guest's name.
   * @returns Their files.
   */
  async setAsideOf(name: string): Promise<string[]> {
    const prefix = `${this.folder}/${recordFileName(name)}${BROKEN}`;
    const files = this.#setAside.filter((file) =>
      file.startsWith(prefix) && /^(\.\d+)?$/.test(file.slice(prefix.length))
    );
    // Whoever has looked at one may have removed it.
    const there = await Promise.all(files.map(exists));
    return files.filter((_, index) => there[index]).sort();
  }

  /** Waits until all that was asked for is done, well or not. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work.values());
  }

  #inOrder(name: string, act: () => Promise<void>): Promise<void> {
    const done = (this.#work.get(name) ?? Promise.resolve()).then(act);
    const settled = done.catch(() => {}).finally(() => {
      if (this.#work.get(name) === settled) this.#work.delete(name);
    });
    this.#work.set(name, settled);
    return done;
  }

  async #files(): Promise<{ files: string[]; leftovers: string[]; setAside: string[] }> {
    try {
      const names = (await Array.fromAsync(Deno.readDir(this.folder))).map(({ name }) => name);
      return {
        files: names.filter((name) => name.endsWith(RECORD_SUFFIX)),
        leftovers: names.filter((name) => name.endsWith(`${RECORD_SUFFIX}${TEMPORARY}`)),
        setAside: names.filter((name) => name.includes(`${RECORD_SUFFIX}${BROKEN}`)),
      };
    } catch (error) {
      throw new StateError(
        `Cannot read the folder of the records ${this.folder}: ${reasonOf(error)}`,
        this.folder,
        {
          cause: error,
        },
      );
    }
  }

  async #read(file: string): Promise<ReadResult> {
    const path = `${this.folder}/${file}`;
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      // Not broken: perhaps it can be read next time.
      throw new StateError(`Cannot read the record ${path}: ${reasonOf(error)}`, path, { cause: error });
    }
    try {
      const record = decodeRecord(text, path, this.#upgrades);
      if (recordFileName(record.name) !== file) {
        throw new StateError(
          `Cannot read the record ${path}: it is that of VM ${
            JSON.stringify(record.name)
          }, whose record has another name`,
          path,
        );
      }
      return { name: record.name, path, record, error: null };
    } catch (error) {
      if (error instanceof StateError) return { name: nameOfRecordFile(file), path, record: null, error };
      throw error;
    }
  }
}

type ReadResult =
  & { name: string; path: string }
  & ({ record: VmRecord; error: null } | { record: null; error: StateError });

/** Renames a file to a name that no other has. */
async function setAside(path: string): Promise<string> {
  for (let number = 0;; number++) {
    const target = `${path}${BROKEN}${number === 0 ? "" : `.${number}`}`;
    try {
      await Deno.lstat(target);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await Deno.rename(path, target);
      return target;
    }
  }
}
