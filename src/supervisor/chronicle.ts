import type { GuestMemory, GuestSnapshot, ReportToWrite } from "./guest_memory.ts";
import type { Report, ReportBody } from "./report.ts";
import type { RunRecord } from "./store/mod.ts";

/** What a chronicle needs from its supervisor. */
export interface ChronicleHost {
  /** What outlives this process; null where nothing does. */
  memory: GuestMemory | null;
  report(report: Report): void;
}

/** What is to be written down, and what follows then. */
interface Entry extends ReportToWrite {
  then: () => void;
}

/** How many reports a record may hold: few enough to be written in one go, and not to make numbers stand far out of order in the journal. */
const MOST_IN_A_RECORD = 32;
/** How many reports that change nothing are written in one go. */
const MOST_NOTES = 1_000;

/**
 * Tells what happens to a guest, and writes it down before anything follows from it: so the next supervisor knows of everything that this one
 * may have begun. Without a memory what follows is done at once.
 */
export class Chronicle {
  readonly #name: string;
  readonly #host: ChronicleHost;
  readonly #snapshot: () => GuestSnapshot;
  readonly #waiting: Entry[] = [];
  #written: Promise<void> = Promise.resolve();

  /**
   * @param name The guest's name.
   * @param host Where to.
   * @param snapshot What is known now.
   */
  constructor(name: string, host: ChronicleHost, snapshot: () => GuestSnapshot) {
    this.#name = name;
    this.#host = host;
    this.#snapshot = snapshot;
  }

  /** Resolves when everything so far is written down and what follows from it has begun. Never rejects. */
  get written(): Promise<void> {
    return this.#written;
  }

  /** Reports; what is known now is written down, and then comes what follows. */
  tell(body: ReportBody, then: () => void): void {
    const report = this.#report(body);
    const { memory } = this.#host;
    if (memory === null) return then();
    const snapshot = this.#snapshot();
    const { run } = snapshot;
    // One that is only named has not said anything yet.
    this.#write(memory, { report, run: run?.pid ? run : null, snapshot, then });
  }

  /** Reports what changes nothing. */
  note(body: ReportBody, run: RunRecord | null): void {
    const report = this.#report(body);
    const { memory } = this.#host;
    if (memory !== null) this.#write(memory, { report, run, snapshot: null, then: () => {} });
  }

  #report(body: ReportBody): Report {
    const report: Report = { at: new Date(), vm: this.#name, ...body };
    this.#host.report(report);
    return report;
  }

  /** A guest that resets thousands of times a second is told of faster than a disk takes it: what has come meanwhile is written at once. */
  #write(memory: GuestMemory, entry: Entry): void {
    this.#waiting.push(entry);
    // Each of these takes one entry at least, so all of them together leave none.
    this.#written = this.#written.then(async () => {
      const entries = this.#waiting.splice(0, together(this.#waiting));
      if (entries.length === 0) return;
      await memory.write(entries);
      for (const { then } of entries) then();
    });
  }
}

/**
 * How many of these are written together: reports that change nothing and come first; or the first ones up to one that changes something, and
 * no more than a record is to hold.
 */
function together(waiting: readonly Entry[]): number {
  const notes = waiting.slice(0, MOST_NOTES);
  const first = notes.findIndex(({ snapshot }) => snapshot !== null);
  if (first !== 0) return first < 0 ? notes.length : first;
  return 1 + waiting.slice(0, MOST_IN_A_RECORD).findLastIndex(({ snapshot }) => snapshot !== null);
}
