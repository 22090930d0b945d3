import { decodeLine, type JournalEntry } from "./journal_entry.ts";
import { type JournalFiles, rotatedFile, rotatedNumbers } from "./journal_files.ts";

/** How much of a journal's end is read when it is opened, in bytes. */
const LOOKED_AT = 1024 * 1024;

/**
 * How far entries may stand out of order, as those of different guests are written beside each other: more than there are guests, and what one of
 * them may have to write at once. A number that
 * is not much higher than the first one that was read may therefore stand before it.
 */
const DISORDER = 4096;

/** The end of a journal: which of the last reports are in it. */
export class JournalEnd {
  /** The highest number. */
  #seq: number = 0;
  #last: JournalEntry | null = null;
  readonly #seqs: Set<number> = new Set();
  readonly #gaps: { firstSeq: number; lastSeq: number }[] = [];
  /** Numbers below this stand in what was not read. */
  #unread: number = 0;

  get seq(): number {
    return this.#seq;
  }

  /** The lowest number; 1 where there is none. */
  get firstSeq(): number {
    return this.#seqs.values().reduce((first, seq) => Math.min(first, seq), this.#seq || 1);
  }

  get last(): JournalEntry | null {
    return this.#last;
  }

  /** Whether the report of that number is accounted for: written, or counted as lost. */
  has(seq: number): boolean {
    return seq < this.#unread || this.#seqs.has(seq) ||
      this.#gaps.some(({ firstSeq, lastSeq }) => seq >= firstSeq && seq <= lastSeq);
  }

  /** The numbers below the highest that are not accounted for, as a gap would have them; null when there is none. */
  missing(): { lost: number; firstSeq: number; lastSeq: number } | null {
    const missing: number[] = [];
    for (let seq = Math.max(1, this.#unread); seq < this.#seq; seq++) if (!this.has(seq)) missing.push(seq);
    const [firstSeq] = missing;
    const lastSeq = missing.at(-1);
    return firstSeq === undefined || lastSeq === undefined
      ? null
      : { lost: missing.length, firstSeq, lastSeq };
  }

  /** Takes in what stands in the journal, oldest first. */
  take(text: string): void {
    for (const lineText of text.split("\n")) {
      const line = lineText === "" ? null : decodeLine(lineText);
      if (line === null) continue;
      if ("gap" in line) {
        this.addGap(line.gap);
      } else {
        this.add(line);
      }
    }
  }

  /** Takes in an entry that was written. */
  add(entry: JournalEntry): void {
    this.#seqs.add(entry.seq);
    this.#seq = Math.max(this.#seq, entry.seq);
    this.#last = entry;
    if (this.#seqs.size > 4 * DISORDER) this.#forget();
  }

  /** Takes in a gap that was written. */
  addGap(gap: { firstSeq: number; lastSeq: number }): void {
    this.#gaps.push(gap);
    this.#seq = Math.max(this.#seq, gap.lastSeq);
    if (this.#gaps.length > DISORDER) this.#gaps.shift();
  }

  /** Says that there are entries before those that were taken in. */
  beginsLate(): void {
    const first = this.#seqs.values().next().value ?? this.#seq;
    this.#unread = Math.max(0, first + Math.min(DISORDER, Math.floor(this.#seqs.size / 2)));
  }

  /** A journal goes on for months: only the last numbers can matter. */
  #forget(): void {
    for (const seq of this.#seqs) {
      if (this.#seqs.size <= 2 * DISORDER) break;
      this.#seqs.delete(seq);
    }
    this.beginsLate();
  }
}

/** The end of a journal's file. */
export interface FileEnd {
  /** Its whole lines among those that were looked at. */
  readonly text: string;
  /** Where the last whole line ends. */
  readonly length: number;
  /** Whether that was all of it. */
  readonly whole: boolean;
}

/**
 * Reads the end of a file.
 *
 * @param file The file, open for reading.
 * @param mostBytes How much of it.
 * @returns Its last whole lines. Behind `length` there is at most a line that was torn.
 */
export async function readEnd(file: Deno.FsFile, mostBytes: number = LOOKED_AT): Promise<FileEnd> {
  const { size } = await file.stat();
  const start = Math.max(0, size - mostBytes);
  await file.seek(start, Deno.SeekMode.Start);
  const bytes = new Uint8Array(size - start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  const end = bytes.subarray(0, filled).lastIndexOf(LINE_FEED) + 1;
  // A single line may be longer than what was looked at.
  if (end === 0 && start > 0) return await readEnd(file, 2 * mostBytes);
  const begin = start === 0 ? 0 : bytes.indexOf(LINE_FEED) + 1;
  return {
    text: new TextDecoder().decode(bytes.subarray(begin, end)),
    length: start + end,
    whole: start === 0,
  };
}

/**
 * Reads the end of a journal.
 *
 * @param files Its files.
 * @param current The end of the current one.
 * @returns What it ends with.
 */
export async function readJournalEnd(files: JournalFiles, current: FileEnd): Promise<JournalEnd> {
  const end = new JournalEnd();
  let whole = current.whole;
  const [newest, ...older] = await rotatedNumbers(files);
  if (whole && newest !== undefined) {
    using file = await Deno.open(rotatedFile(files, newest), { read: true });
    const before = await readEnd(file);
    end.take(before.text);
    whole = before.whole && older.length === 0;
  }
  end.take(current.text);
  if (!whole || end.firstSeq > 1) end.beginsLate();
  return end;
}

const LINE_FEED = 0x0a;
