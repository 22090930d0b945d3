/** How a record's file name ends. */
export const RECORD_SUFFIX = ".json";

/** What follows that in the name of a record that could not be understood and was set aside; a second one has a number as well. */
export const BROKEN = ".broken";

/** The longest file name that Linux takes has 255 bytes; what is added to it while a record is written or set aside has to fit as well. */
const MAX_STEM = 220;

/**
 * The file name of a guest's record. Every name has one of its own; plain names are kept as they are.
 *
 * @param name The guest's name.
 * @returns A file name: letters, digits, `.`, `_` and `-`, and percent signs for all else.
 * @throws {RangeError} When the name is too long for a file.
 */
export function recordFileName(name: string): string {
  // A dot in front would hide the file, or be the folder itself.
  const stem = Array.from(
    new TextEncoder().encode(name),
    (byte, index) =>
      isPlain(byte) && !(index === 0 && byte === 0x2e) ? String.fromCharCode(byte) : escaped(byte),
  ).join("");
  if (stem.length > MAX_STEM) {
    throw new RangeError(
      `Cannot keep a record of VM ${
        JSON.stringify(name)
      }: its name has ${stem.length} bytes as a file name, and ${MAX_STEM} is the most; choose a shorter one`,
    );
  }
  return `${stem}${RECORD_SUFFIX}`;
}

/**
 * The name of the guest that has this record.
 *
 * @param file A file name, as {@linkcode recordFileName} makes it.
 * @returns The guest's name; the file's own where it is of another making.
 */
export function nameOfRecordFile(file: string): string {
  const stem = file.slice(0, -RECORD_SUFFIX.length);
  try {
    return decodeURIComponent(stem);
  } catch {
    return stem;
  }
}

function isPlain(byte: number): boolean {
  return /[A-Za-z0-9._-]/.test(String.fromCharCode(byte));
}

function escaped(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
