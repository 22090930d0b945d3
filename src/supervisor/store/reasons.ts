const ROOM = "make room on its disk";
const QUOTA = "make room within the quota of its disk";
const RIGHT = "give this user the right to it, or choose another directory";

/** What to do about the system's errors that somebody can do something about, by their numbers: Deno tells no name for all of them. */
const REMEDIES: Readonly<Record<string, string>> = {
  1: RIGHT, // EPERM
  13: RIGHT, // EACCES
  24: "raise the limit on open files (ulimit -n)", // EMFILE
  27: "raise the limit on the size of files (ulimit -f)", // EFBIG
  28: ROOM, // ENOSPC
  30: "mount its disk writable, or choose another directory", // EROFS
  69: QUOTA, // EDQUOT on macOS
  122: QUOTA, // EDQUOT on Linux
};

/**
 * What an attempt on a file failed with, and what to do about it.
 *
 * @param error What was thrown.
 * @returns The end of a sentence.
 */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const remedy = REMEDIES[/\(os error (\d+)\)/.exec(message)?.[1] ?? ""];
  return remedy === undefined ? message : `${message}; ${remedy}`;
}
