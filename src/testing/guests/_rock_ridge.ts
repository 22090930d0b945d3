import { binaryDate, both32 } from "./_iso9660_fields.ts";

const DIRECTORY_MODE = 0o040555;
const FILE_MODE = 0o100444;
/** Which dates follow: of the contents, of the last access, of the attributes. */
const DATES = 0x0e;
/** The name by which a reader knows Rock Ridge, from its specification. */
const EXTENSION = "RRIP_1991A";

/** What the root directory says of itself: that there is Rock Ridge here, and what a directory is. */
export function rootFields(): Uint8Array {
  // From here on, with nothing to skip in each record.
  const sharing = field("SP", [0xbe, 0xef, 0]);
  const id = [...new TextEncoder().encode(EXTENSION)];
  const extension = field("ER", [id.length, 0, 0, 1, ...id]);
  return Uint8Array.from([...sharing, ...attributes(DIRECTORY_MODE, 2), ...dates(), ...extension]);
}

/** What it says of the directory above it, which is itself. */
export function parentFields(): Uint8Array {
  return Uint8Array.from([...attributes(DIRECTORY_MODE, 2), ...dates()]);
}

/**
 * What it says of a file: its real name, and that everybody may read it.
 *
 * @param name The name.
 * @returns The fields.
 */
export function fileFields(name: string): Uint8Array {
  const nameField = field("NM", [0, ...new TextEncoder().encode(name)]);
  return Uint8Array.from([...attributes(FILE_MODE, 1), ...dates(), ...nameField]);
}

/** Mode, links, owner and group. */
function attributes(mode: number, links: number): readonly number[] {
  return field("PX", [mode, links, 0, 0].flatMap((value) => [...both32(value)]));
}

function dates(): readonly number[] {
  return field("TF", [DATES, ...binaryDate(), ...binaryDate(), ...binaryDate()]);
}

/** A field: its signature, its length, its version, and what it says. */
function field(signature: string, content: readonly number[]): readonly number[] {
  return [...new TextEncoder().encode(signature), 4 + content.length, 1, ...content];
}
