import type { CrashHook } from "./crash_points.ts";
import type { JournalEntry } from "./journal_entry.ts";

/** How a journal is kept. */
export interface JournalOptions {
  /** How large a file grows before the next one is begun. Default 16 MiB. */
  maxBytes?: number;
  /** How many full files are kept beside the current one. Default 4. */
  keep?: number;
  /** Is told when writing begins to fail, and when it works again (null). */
  onTrouble?: (error: Error | null) => void;
  /** For tests. */
  crash?: CrashHook;
}

/** What an open journal ends with. */
export interface JournalTail {
  /** The number of the last entry that is in it, or is known to be lost; 0 in an empty one. */
  seq: number;
  /** The last entry; null in an empty one. */
  entry: JournalEntry | null;
}

/** The reports of a state directory, as JSON lines. Who opens one holds its `StateLock`. */
export class Journal implements AsyncDisposable {
  static open(_stateDir: string, _options: JournalOptions = {}): Promise<Journal> {
    throw new Error("Not there yet");
  }

  /** How many entries could not be written since it was opened. */
  get lost(): number {
    throw new Error("Not there yet");
  }

  /** What it ends with. */
  tail(): JournalTail {
    throw new Error("Not there yet");
  }

  /** Whether the entry of that number is in it, or was before its file was rotated away. */
  has(_seq: number): boolean {
    throw new Error("Not there yet");
  }

  /** Writes an entry after all those before; it never rejects because of the disk. */
  append(_entry: JournalEntry): Promise<"written" | "lost"> {
    throw new Error("Not there yet");
  }

  /** Waits until all that was appended is written, and has it on the disk. */
  sync(): Promise<void> {
    throw new Error("Not there yet");
  }

  [Symbol.asyncDispose](): Promise<void> {
    throw new Error("Not there yet");
  }
}
