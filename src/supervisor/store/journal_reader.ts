import { StateError } from "./errors.ts";
import { decodeLine, type JournalLine } from "./journal_entry.ts";
import { type JournalFiles, journalFiles, rotatedFile, rotatedNumbers } from "./journal_files.ts";
import { reasonOf } from "./reasons.ts";

/** How a journal is read. */
export interface ReadJournalOptions {
  /** Is told of each line that can't be understood; then reading goes on. Without it such a line is an error. */
  onBroken?: (error: StateError) => void;
}

/**
 * Reads a journal, oldest first; its supervisor may be writing to it at the same time, and what is written later is not waited for.
 *
 * @param path A state directory, or its `journal.jsonl`: then the full files are read as well. Any other file is read alone.
 * @param options What to do about broken lines.
 * @returns Entries and gaps.
 * @throws {StateError} When a file can't be read, or a line in it can't be understood; it names file and line.
 */
export async function* readJournal(
  path: string,
  options: ReadJournalOptions = {},
): AsyncGenerator<JournalLine, void, void> {
  const opened = await openFiles(path);
  try {
    for (const [index, { file, path }] of opened.entries()) {
      const isLast = index === opened.length - 1;
      yield* linesOf(file, path, isLast, options.onBroken);
    }
  } finally {
    for (const { file } of opened) file.close();
  }
}

interface OpenedFile {
  readonly path: string;
  readonly file: Deno.FsFile;
  readonly identity: string;
}

/** How many numbers without a file say that there are no more: while files are given new numbers, one may just have none. */
const ENDS_AFTER = 3;

/**
 * Opens every file before the first one is read, the newest first. A rotation meanwhile gives files higher numbers, so none is missed; what is met
 * twice is passed over.
 */
async function openFiles(path: string): Promise<OpenedFile[]> {
  const opened: OpenedFile[] = [];
  try {
    const files = await filesAt(path);
    await open(files?.current ?? path, opened);
    if (files !== null) {
      const highest = (await rotatedNumbers(files)).at(-1) ?? 0;
      for (let number = 1, missing = 0; number <= highest || missing < ENDS_AFTER; number++) {
        missing = await open(rotatedFile(files, number), opened) === "there" ? 0 : missing + 1;
      }
    }
  } catch (error) {
    for (const { file } of opened) file.close();
    throw new StateError(`Cannot read the journal ${path}: ${reasonOf(error)}`, path, { cause: error });
  }
  if (opened.length === 0) {
    throw new StateError(
      `Cannot read the journal ${path}: there is none; name a supervisor's state directory, or the journal.jsonl in it`,
      path,
    );
  }
  return opened.reverse();
}

async function open(path: string, opened: OpenedFile[]): Promise<"there" | "missing"> {
  const file = await openIfThere(path);
  if (file === null) return "missing";
  const { dev, ino } = await file.stat();
  const identity = ino === null ? path : `${dev}:${ino}`;
  const met = opened.findIndex((other) => other.identity === identity);
  if (met < 0) {
    opened.push({ path, file, identity });
    return "there";
  }
  // It has been given a higher number meanwhile: what was opened since is younger, or is met again.
  for (const younger of [{ file }, ...opened.splice(met + 1)]) younger.file.close();
  return "there";
}

/** The files of the journal that a path names; null for a file of its own. */
async function filesAt(path: string): Promise<JournalFiles | null> {
  const slash = path.lastIndexOf("/");
  if (path.slice(slash + 1) === "journal.jsonl") {
    const folder = slash < 0 ? "." : path.slice(0, slash) || "/";
    return { folder, current: path };
  }
  return await isFolder(path) ? journalFiles(path) : null;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function openIfThere(path: string): Promise<Deno.FsFile | null> {
  try {
    return await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function* linesOf(
  file: Deno.FsFile,
  path: string,
  isLast: boolean,
  onBroken: ReadJournalOptions["onBroken"],
): AsyncGenerator<JournalLine, void, void> {
  const understood = (text: string, number: number): JournalLine | null => {
    const line = decodeLine(text);
    if (line !== null) return line;
    const error = new StateError(
      `Cannot read line ${number} of the journal ${path}: it is neither an entry nor a gap: ${
        JSON.stringify(text.slice(0, SHOWN_CHARS))
      }`,
      path,
    );
    if (onBroken === undefined) throw error;
    onBroken(error);
    return null;
  };

  let number = 0;
  let rest = "";
  for await (const text of textOf(file)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const lineText of lines) {
      const line = understood(lineText, ++number);
      if (line !== null) yield line;
    }
  }
  // A last line without its end is being written, or its writer died.
  if (rest === "" || isLast) return;
  const line = understood(rest, number + 1);
  if (line !== null) yield line;
}

/** How much of a broken line an error shows, in characters. */
const SHOWN_CHARS = 100;
const CHUNK_BYTES = 64 * 1024;

async function* textOf(file: Deno.FsFile): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (;;) {
    const count = await file.read(buffer);
    if (count === null) return;
    yield decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}
