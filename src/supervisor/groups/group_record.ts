import type { Logger } from "../../qmp/mod.ts";
import { writeAtomic } from "../store/atomic_file.ts";
import type { KeptHistory } from "../kept_history.ts";
import type { HelperRecord } from "./helper_process.ts";

/** What is remembered of a group beside its guests: where its sockets are, which helpers run, and the restarts that it has decided on. */
export interface GroupRecord {
  version: 1;
  runDir: string;
  /** When it was written, in milliseconds of the wall clock. */
  savedAt: number;
  /** By the guest's name; those without restarts are left out. */
  histories: Record<string, KeptHistory>;
  /** The helpers that run, by their guest's name. */
  helpers: Record<string, HelperRecord[]>;
}

/** The file in which a group is remembered. Who has the supervisor's state directory has this as well. */
export class GroupFile {
  readonly #path: string;
  readonly #logger: Logger;
  #written: Promise<void> = Promise.resolve();

  /**
   * @param stateDir The supervisor's state directory.
   * @param name The group's name.
   * @param logger Told of trouble with the disk.
   */
  constructor(stateDir: string, name: string, logger: Logger) {
    this.#path = `${stateDir}/groups/${name}.json`;
    this.#logger = logger;
  }

  /**
   * Reads it.
   *
   * @returns What it has; null when it is not there, or can't be understood: then it is set aside.
   */
  async read(): Promise<GroupRecord | null> {
    let text: string;
    try {
      text = await Deno.readTextFile(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
    const record = decode(text);
    if (record !== null) return record;
    const movedTo = `${this.#path}.broken`;
    await Deno.rename(this.#path, movedTo);
    // A second helper beside one of these would be at the same files.
    const pids = [...text.matchAll(/"pid":\s*(\d+)/g)].map(([, pid]) => Number(pid));
    this.#logger.error(
      "A group's record can't be understood and was set aside; end those of its helpers that still run",
      { path: this.#path, movedTo, pids },
    );
    return null;
  }

  /** Writes it, after what is being written. Never rejects: what can't be written is no reason to end a guest. */
  write(record: GroupRecord): Promise<void> {
    const text = JSON.stringify(record);
    this.#written = this.#written.then(async () => {
      try {
        await Deno.mkdir(this.#path.replace(/\/[^/]*$/, ""), { recursive: true, mode: 0o700 });
        await writeAtomic(this.#path, text);
      } catch (error) {
        this.#logger.error("A group's record can't be written; its helpers won't be found again", { error });
      }
    });
    return this.#written;
  }

  /** Removes it: nothing of the group is left. */
  async remove(): Promise<void> {
    await this.#written;
    try {
      await Deno.remove(this.#path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function decode(text: string): GroupRecord | null {
  try {
    const record = JSON.parse(text) as Partial<GroupRecord>;
    const { version, runDir, helpers, savedAt, histories } = record;
    const isWhole = version === 1 && typeof runDir === "string" && typeof helpers === "object" &&
      helpers !== null && Object.values(helpers).every((list) =>
        Array.isArray(list) && list.every(isHelper)
      ) &&
      typeof savedAt === "number" && typeof histories === "object" && histories !== null &&
      Object.values(histories).every(isHistory);
    return isWhole ? record as GroupRecord : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isHelper(input: unknown): boolean {
  const { name, pid, startTime, argv, socket, log } = input as Partial<HelperRecord>;
  return typeof name === "string" && typeof pid === "number" && typeof startTime === "string" &&
    Array.isArray(argv) && argv.every((arg) => typeof arg === "string") &&
    (socket === null || typeof socket === "string") && typeof log === "string";
}

function isHistory(input: unknown): boolean {
  const { times, attempts, lastDelayMs } = input as Partial<KeptHistory>;
  return Array.isArray(times) && times.every(Number.isFinite) && Number.isInteger(attempts) &&
    Number.isFinite(lastDelayMs);
}
