import type { CrashHook } from "./crash_points.ts";
import type { RecordUpgrades, VmRecord } from "./record.ts";

/** How records are kept. */
export interface RecordStoreOptions {
  /** For tests. */
  crash?: CrashHook;
  /** For tests. */
  upgrades?: RecordUpgrades;
}

/** A record's file that could not be understood, and was set aside. */
export interface BrokenRecord {
  /** Where it was. */
  path: string;
  /** Where it is now. */
  movedTo: string;
  /** What was wrong with it. */
  error: Error;
}

/** What was found on the disk. */
export interface RecordList {
  /** By name. */
  records: VmRecord[];
  /** They are not lost, but somebody has to look at them. */
  broken: BrokenRecord[];
}

/** The records of a state directory. Who opens one holds its {@linkcode StateLock}. */
export class RecordStore {
  static open(_stateDir: string, _options: RecordStoreOptions = {}): Promise<RecordStore> {
    throw new Error("Not there yet");
  }

  /** Reads every record. */
  list(): Promise<RecordList> {
    throw new Error("Not there yet");
  }

  /** Writes a record; on the disk when this resolves. */
  write(_record: VmRecord): Promise<void> {
    throw new Error("Not there yet");
  }

  /** Forgets a guest. */
  remove(_name: string): Promise<void> {
    throw new Error("Not there yet");
  }
}
