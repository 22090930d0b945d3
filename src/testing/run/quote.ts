/**
 * A text as one word of a POSIX shell, whatever is in it.
 *
 * @param text The text.
 * @returns The text in single quotes.
 * @throws {TypeError} When it has a NUL, which no argument can carry.
 */
export function shellQuote(text: string): string {
  if (text.includes("\0")) {
    throw new TypeError(
      `Cannot pass ${JSON.stringify(text.slice(0, 80))} to the guest as it must have no NUL`,
    );
  }
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * A text as one word of the shell that `GUEST_PROGRAM` is, on one line: line feeds are a variable of that program's.
 *
 * @param text The text.
 * @returns The word.
 * @throws {TypeError} When it has a NUL.
 */
export function lineQuote(text: string): string {
  return shellQuote(text).replaceAll("\n", `'"$N"'`);
}
