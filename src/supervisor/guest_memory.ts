import { formatOption } from "../machine/options.ts";
import type { Verdict } from "../vm/mod.ts";
import { findLaunched } from "../vm/process_scan.ts";
import { persistState } from "./persist_state.ts";
import type { PolicyState } from "./policy_state.ts";
import type { Report } from "./report.ts";
import type { RunPlace } from "./run_place.ts";
import type { SupervisedVm } from "./spec.ts";
import {
  type Journal,
  type JournalEntry,
  RECORD_VERSION,
  type RecordStore,
  reportToJson,
  type RunRecord,
  StateError,
  toJson,
  type VmRecord,
} from "./store/mod.ts";

/** All that a keeper knows and that is to outlive it. */
export interface GuestSnapshot {
  name: string;
  spec: SupervisedVm;
  state: PolicyState;
  run: RunRecord | null;
  litter: readonly RunPlace[];
  lastVerdict: Verdict | null;
}

/** A report that is to be written down. */
export interface ReportToWrite {
  report: Report;
  /** The QEMU that it is about; null when there is none, or it has not said anything yet. */
  run: RunRecord | null;
  /** What is known with it; null for a report that changes nothing. */
  snapshot: GuestSnapshot | null;
}

/** What writes down all that one guest's keeper knows. */
export interface GuestMemory {
  /**
   * Writes reports, in order, and what is known with the last of them that changed anything. That is on the disk when this resolves, so that
   * what follows may be done; the reports outlive this process. A disk that does not take it is told of, and is no reason to leave a guest alone.
   */
  write(reports: readonly ReportToWrite[]): Promise<void>;
  /**
   * Makes sure that a QEMU which is started now would be found by the next supervisor, and that no other one of the guest may run.
   *
   * @param runtimeDir Where run directories are made; null for the usual place.
   * @throws {StateError} When no record of the guest could be written at all, or one that can't be understood may be about a QEMU that runs.
   */
  assertFindable(runtimeDir: string | null): Promise<void>;
  /** Removes what is known of the guest. */
  forget(): Promise<void>;
}

/** What the memories of all guests share. */
export interface MemoryParts {
  store: RecordStore;
  journal: Journal;
  /** The number of the next report. */
  nextSeq(): number;
  onTrouble(name: string, error: unknown): void;
}

/**
 * A guest's memory in a state directory. The record comes before the journal's lines and contains them: whoever finds that the journal
 * lacks reports of the record writes them then. So no report is lost, and none is there twice.
 *
 * @param name The guest's name.
 * @param parts What all guests share.
 * @param from The record that there is already; null for a new guest.
 * @returns The memory.
 */
export function guestMemory(name: string, parts: MemoryParts, from: VmRecord | null): GuestMemory {
  const { store, journal, nextSeq, onTrouble } = parts;
  let generation = from?.generation ?? 0;
  let unwritten: unknown = null;
  const attempt = async (task: () => Promise<unknown>): Promise<void> => {
    try {
      await task();
    } catch (error) {
      onTrouble(name, error);
    }
  };
  const entryOf = ({ report, run }: ReportToWrite): JournalEntry => ({
    seq: nextSeq(),
    at: report.at.toISOString(),
    vm: name,
    run: run?.id ?? null,
    report: reportToJson(report),
  });
  const record = async (snapshot: GuestSnapshot, earlier: JournalEntry[], last: JournalEntry) => {
    const { name, spec, state, run, litter, lastVerdict } = snapshot;
    try {
      await store.write({
        version: RECORD_VERSION,
        generation: ++generation,
        name,
        spec,
        state: persistState(state, performance.now(), Date.now()),
        seq: last.seq,
        lastReport: last.report,
        earlier,
        lastVerdict: lastVerdict && toJson(lastVerdict),
        run,
        litter: [...litter],
      });
    } catch (error) {
      unwritten = error;
      throw error;
    }
  };
  return {
    async write(reports) {
      await attempt(async () => {
        const entries = reports.map(entryOf);
        const newest = reports.findLastIndex(({ snapshot }) => snapshot !== null);
        const [snapshot, last] = [reports[newest]?.snapshot, entries[newest]];
        if (snapshot && last) await attempt(() => record(snapshot, entries.slice(0, newest), last));
        await journal.append(...entries);
      });
    },
    async assertFindable(runtimeDir) {
      if (store.has(name)) return await assertNoNamesake(name, await store.setAsideOf(name), runtimeDir);
      const reason = unwritten instanceof Error ? unwritten.message : String(unwritten);
      throw new StateError(
        `Cannot start VM "${name}", as nobody would find it again: ${reason}`,
        store.folder,
        { cause: unwritten },
      );
    },
    async forget() {
      await attempt(() => store.remove(name));
    },
  };
}

/**
 * Makes sure, as far as this script may look, that no QEMU of a guest still runs of which only a record tells that can't be understood: there
 * may never be two of one guest.
 */
async function assertNoNamesake(
  name: string,
  brokenRecords: readonly string[],
  runtimeDir: string | null,
): Promise<void> {
  const path = brokenRecords.at(-1);
  if (path === undefined) return;
  const guest = formatOption(undefined, { guest: name });
  const found = (await findLaunched())?.find((qemu) =>
    qemu.name === guest && (runtimeDir === null || qemu.pidFile.startsWith(`${runtimeDir}/`))
  );
  if (found === undefined) return;
  throw new StateError(
    `Cannot start VM "${name}": its record could not be understood and was set aside as ${path}, and a QEMU of that name still runs as process ${found.pid}; end that one and start the guest, or repair the record and open the supervisor again`,
    path,
  );
}
