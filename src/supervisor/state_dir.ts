import type { Logger } from "../qmp/mod.ts";
import { type GuestMemory, guestMemory } from "./guest_memory.ts";
import {
  type BrokenRecord,
  type CrashHook,
  Journal,
  type JournalOptions,
  type JsonValue,
  RecordStore,
  reportFromJson,
  StateLock,
  type VmRecord,
} from "./store/mod.ts";

/** What an earlier supervisor left. */
export interface Remembered {
  records: readonly VmRecord[];
  /** Records that could not be understood; their guests may still run. */
  broken: readonly BrokenRecord[];
}

/** How large the journal may grow. */
export type JournalSizes = Pick<JournalOptions, "maxBytes" | "keep">;

/** How long after a record could not be written it is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/** The state directory of a running supervisor: nobody else has it. */
export class StateDir implements AsyncDisposable {
  readonly path: string;
  readonly #lock: StateLock;
  readonly #store: RecordStore;
  readonly #journal: Journal;
  readonly #logger: Logger;
  #seq: number;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #state: "open" | "closing" = "open";

  private constructor(path: string, lock: StateLock, store: RecordStore, journal: Journal, logger: Logger) {
    this.path = path;
    this.#lock = lock;
    this.#store = store;
    this.#journal = journal;
    this.#logger = logger;
    this.#seq = journal.tail().seq;
  }

  /**
   * Takes a state directory.
   *
   * @param path The directory; it is made if it is missing.
   * @param options Told of trouble with the disk; how the journal is kept; crash hook for tests.
   * @returns The directory, and what is in it.
   * @throws {StateLockedError} When another supervisor has it.
   * @throws {StateError} When it can't be read.
   */
  static async open(
    path: string,
    { logger, journal: kept, crash }: { logger: Logger; journal: JournalSizes; crash: CrashHook },
  ): Promise<{ stateDir: StateDir; remembered: Remembered }> {
    await using stack = new AsyncDisposableStack();
    const lock = stack.use(await StateLock.take(path));
    const store = await RecordStore.open(path, { crash });
    const remembered = await store.list();
    const journal = stack.use(
      await Journal.open(path, {
        ...kept,
        crash,
        onTrouble: (error) =>
          error === null
            ? logger.info("The journal can be written again", { stateDir: path })
            : logger.error("The journal can't be written; the supervision goes on", {
              stateDir: path,
              error,
            }),
      }),
    );
    const stateDir = new StateDir(path, lock, store, journal, logger);
    await stateDir.#catchUp(remembered.records);
    stack.move();
    return { stateDir, remembered };
  }

  /** What writes down what is known of one guest. */
  memoryOf(name: string, from: VmRecord | null): GuestMemory {
    return guestMemory(name, {
      store: this.#store,
      journal: this.#journal,
      nextSeq: () => ++this.#seq,
      onTrouble: (vm, error) => {
        this.#logger.error("A guest's record can't be written; its supervision goes on", { vm, error });
        this.#retrySoon();
      },
    }, from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closing";
    clearTimeout(this.#retryTimer);
    await this.#store.idle();
    await this.#store.retry();
    await this.#journal[Symbol.asyncDispose]();
    await this.#lock[Symbol.asyncDispose]();
  }

  #retrySoon(): void {
    if (this.#retryTimer !== undefined || this.#state === "closing") return;
    this.#retryTimer = setTimeout(() => void this.#retry(), RETRY_MS);
  }

  async #retry(): Promise<void> {
    const { written, unwritten } = await this.#store.retry();
    for (const vm of written) this.#logger.info("A guest's record can be written again", { vm });
    this.#retryTimer = undefined;
    if (unwritten.length > 0) this.#retrySoon();
  }

  /** Writes the reports of which only a record tells: the earlier supervisor died between the two. What not even that has is lost. */
  async #catchUp(records: readonly VmRecord[]): Promise<void> {
    for (const { name, seq, earlier, lastReport, run } of records.toSorted((a, b) => a.seq - b.seq)) {
      this.#seq = Math.max(this.#seq, seq);
      for (const entry of earlier) if (!this.#journal.has(entry.seq)) await this.#journal.append(entry);
      if (lastReport === null || this.#journal.has(seq)) continue;
      const at = timeOf(lastReport);
      // One that can't be understood is owned up to as lost.
      if (at === null) this.#logger.error("A guest's last report can't be understood", { vm: name, seq });
      else await this.#journal.append({ seq, at, vm: name, run: run?.id ?? null, report: lastReport });
    }
    await this.#journal.ownUp();
  }
}

/** When a report was made; null when it is none. */
function timeOf(report: JsonValue): string | null {
  try {
    return reportFromJson(report).at.toISOString();
  } catch {
    return null;
  }
}
