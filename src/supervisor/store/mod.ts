/**
 * What a supervisor keeps on the disk, so that the next one can go on: a lock, a record for each guest, and a journal.
 *
 * Whoever changes something about a guest writes its record first, and the reports in it, then the journal's lines, and only then does what follows. So
 * the next supervisor finds either nothing of it or all that may have been begun; `Journal.has` tells it which reports only a record has yet.
 *
 * @module
 */
export { CRASH_POINTS, type CrashHook, type CrashPoint, noCrash } from "./crash_points.ts";
export { NewerRecordError, StaleRecordError, StateError, StateLockedError } from "./errors.ts";
export { Journal, type JournalOptions, type JournalTail } from "./journal.ts";
export type { JournalEntry, JournalGap, JournalLine } from "./journal_entry.ts";
export { readJournal, type ReadJournalOptions } from "./journal_reader.ts";
export type { JsonObject, JsonValue } from "./json_value.ts";
export { RECORD_VERSION, type RunRecord, type VmRecord } from "./record.ts";
export { type BrokenRecord, type RecordList, RecordStore, type RecordStoreOptions } from "./record_store.ts";
export { reportFromJson, reportToJson } from "./report_codec.ts";
export { fromJson, toJson } from "./json_codec.ts";
export { StateLock } from "./state_lock.ts";
