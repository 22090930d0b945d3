import type { GuestMemory, GuestSnapshot } from "./guest_memory.ts";
import type { Report, ReportBody } from "./report.ts";
import type { RunRecord } from "./store/mod.ts";

/** What a chronicle needs from its supervisor. */
export interface ChronicleHost {
  /** What outlives this process; null where nothing does. */
  memory: GuestMemory | null;
  report(report: Report): void;
}

/**
 * Tells what happens to a guest, and writes it down before anything follows from it: so the next supervisor knows of everything that this one
 * may have begun. Without a memory what follows is done at once.
 */
export class Chronicle {
  readonly #name: string;
  readonly #host: ChronicleHost;
  readonly #snapshot: () => GuestSnapshot;
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
    this.#write(this.#report(body), then);
  }

  /** Reports what changes nothing. */
  note(body: ReportBody, run: RunRecord | null): void {
    const report = this.#report(body);
    const { memory } = this.#host;
    if (memory !== null) this.#written = this.#written.then(() => memory.note(report, run));
  }

  #report(body: ReportBody): Report {
    const report: Report = { at: new Date(), vm: this.#name, ...body };
    this.#host.report(report);
    return report;
  }

  #write(report: Report, then: () => void): void {
    const { memory } = this.#host;
    if (memory === null) return then();
    const snapshot = this.#snapshot();
    this.#written = this.#written.then(async () => {
      await memory.write(snapshot, report);
      then();
    });
  }
}
