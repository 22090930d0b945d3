/** What to do about the errors of a disk that somebody can do something about. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "make room on its disk",
  EDQUOT: "make room within the quota of its disk",
  EFBIG: "raise the limit on the size of files (ulimit -f)",
  EROFS: "mount its disk writable, or choose another directory",
  EACCES: "give this user the right to it, or choose another directory",
  EPERM: "give this user the right to it, or choose another directory",
  EMFILE: "raise the limit on open files (ulimit -n)",
};

/**
 * What an attempt on a file failed with, and what to do about it.
 *
 * @param error What was thrown.
 * @returns The end of a sentence.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return `${error.message}`;
  const message = error instanceof Error ? error.message : String(error);
  const remedy = REMEDIES[codeOf(error) ?? ""];
  return remedy === undefined ? message : `${message}; ${remedy}`;
}

/** The system's name of an error, such as `ENOSPC`. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
