/** Every file's date, so that the same files make the same image: the first day of 2000, UTC. */
const YEAR = 2000;
const DIRECTORY_FLAG = 2;

/** A number of 16 bits in both orders, as ISO 9660 has it. */
export function both16(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, value, true);
  view.setUint16(2, value);
  return bytes;
}

/** A number of 32 bits in both orders. */
export function both32(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, value, true);
  view.setUint32(4, value);
  return bytes;
}

/** The date in seven bytes, as directories have it. */
export function binaryDate(): Uint8Array {
  return Uint8Array.of(YEAR - 1900, 1, 1, 0, 0, 0, 0);
}

/** The date in digits, as volume descriptors have it, with the zone in quarters of an hour behind them; `never` is no date. */
export function decimalDate(kind: "set" | "never"): Uint8Array {
  const digits = kind === "set" ? `${YEAR}010100000000` : "";
  return Uint8Array.from([...new TextEncoder().encode(digits.padEnd(16, "0")), 0]);
}

/** An entry of a directory. */
export interface RecordParts {
  readonly sector: number;
  readonly bytes: number;
  readonly kind: "directory" | "file";
  readonly name: Uint8Array;
  /** What a reader that knows of it finds behind the name. */
  readonly fields: Uint8Array;
}

/**
 * Packs an entry of a directory.
 *
 * @param parts What is in it.
 * @returns Its bytes, an even number.
 */
export function directoryRecord({ sector, bytes, kind, name, fields }: RecordParts): Uint8Array {
  const nameEnd = 33 + name.length;
  const fieldsAt = nameEnd + nameEnd % 2;
  const length = fieldsAt + fields.length + fields.length % 2;
  const record = new Uint8Array(length);
  record[0] = length;
  record.set(both32(sector), 2);
  record.set(both32(bytes), 10);
  record.set(binaryDate(), 18);
  record[25] = kind === "directory" ? DIRECTORY_FLAG : 0;
  record.set(both16(1), 28); // the volume that it is on
  record[32] = name.length;
  record.set(name, 33);
  record.set(fields, fieldsAt);
  return record;
}
