import { both16, both32, decimalDate, directoryRecord } from "./_iso9660_fields.ts";
import { fileFields, parentFields, rootFields } from "./_rock_ridge.ts";

const SECTOR_BYTES = 2048;
/** The first 16 sectors are the system's, for a boot loader. */
const SYSTEM_SECTORS = 16;
const MAX_LABEL = 16;
const MAX_NAME = 64;
/** By this a reader knows the tree with Joliet's names: UCS-2, level 3. */
const JOLIET: readonly number[] = [0x25, 0x2f, 0x45];
/** A directory's name for itself, and for the one above it. */
const SELF = Uint8Array.of(0);
const PARENT = Uint8Array.of(1);

/** A file that has its place in the image. */
interface PlacedFile {
  readonly name: string;
  readonly data: Uint8Array;
  readonly sector: number;
}

/** One of the two trees that lead to the same files. */
interface Tree {
  /** A name as this tree has it. */
  readonly encode: (name: string) => Uint8Array;
  /** Rock Ridge's fields, where this tree has them. */
  readonly fields: { self: Uint8Array; parent: Uint8Array; file: (name: string) => Uint8Array };
  readonly label: Uint8Array;
  /** What stands where text is left out. */
  readonly blank: Uint8Array;
  readonly escapes: readonly number[];
}

/**
 * Packs files into the image of a CD-ROM (ISO 9660), as `mkisofs -rock -joliet` would: Linux and the BSDs find the names by Rock Ridge, Windows by
 * Joliet. All files are in the root directory. The same files make the same image.
 *
 * @param label The volume's label, which a guest finds it by: 1 to 16 printable ASCII characters.
 * @param files The files by name: 1 to 64 letters, digits, `.`, `_` and `-`.
 * @returns The image.
 * @throws {TypeError} When label or a name is not such a one, or two names differ in nothing that ISO 9660 itself keeps.
 *
 * @example A seed for cloud-init
 * ```ts
 * import { packIso } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const image = packIso("cidata", { "meta-data": "{}", "user-data": "#!/bin/sh\npoweroff\n" });
 * const text = (from: number, to: number) => new TextDecoder().decode(image.subarray(from, to));
 * assertEquals([text(0x8001, 0x8006), text(0x8028, 0x802e)], ["CD001", "cidata"]);
 * ```
 */
export function packIso(
  label: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Uint8Array<ArrayBuffer> {
  if (!/^[\x20-\x7e]{1,16}$/.test(label)) {
    throw new TypeError(
      `Cannot label an ISO image ${
        JSON.stringify(label)
      }: expected 1 to ${MAX_LABEL} printable ASCII characters`,
    );
  }
  const names = inOrder(Object.keys(files));
  const bytes = names.map((name) => toBytes(files[name] ?? ""));
  const trees = [isoTree(label), jolietTree(label)];
  // Directories have the same size wherever they and the files are.
  const directoryBytes = trees.map((tree) => packDirectory(tree, place(names, bytes, 0), 0, 0).length);
  const descriptors = SYSTEM_SECTORS;
  const pathTables = descriptors + trees.length + 1;
  const directories: number[] = [];
  let next = pathTables + 2 * trees.length;
  for (const size of directoryBytes) {
    directories.push(next);
    next += sectors(size);
  }
  const placed = place(names, bytes, next);
  const end = placed.reduce((sector, { data }) => sector + sectors(data.length), next);

  const image = new Uint8Array(end * SECTOR_BYTES);
  const put = (sector: number, data: Uint8Array) => image.set(data, sector * SECTOR_BYTES);
  for (const [index, tree] of trees.entries()) {
    const directory = { sector: directories[index] ?? 0, bytes: directoryBytes[index] ?? 0 };
    const table = pathTables + 2 * index;
    put(descriptors + index, volumeDescriptor(tree, index + 1, end, table, directory));
    put(table, pathTable(directory.sector, "little"));
    put(table + 1, pathTable(directory.sector, "big"));
    put(directory.sector, packDirectory(tree, placed, directory.sector, directory.bytes));
  }
  put(descriptors + trees.length, Uint8Array.of(255, ...ascii("CD001"), 1));
  for (const { sector, data } of placed) put(sector, data);
  return image;
}

/** Names in the order in which a directory has them, which is that of their names in ISO 9660. */
function inOrder(names: readonly string[]): string[] {
  const taken = new Map<string, string>();
  for (const name of names) {
    if (!new RegExp(`^[A-Za-z0-9._-]{1,${MAX_NAME}}$`).test(name) || /^\.{1,2}$/.test(name)) {
      throw new TypeError(
        `Cannot put a file ${
          JSON.stringify(name)
        } into an ISO image: expected 1 to ${MAX_NAME} letters, digits, ".", "_" and "-"`,
      );
    }
    const other = taken.get(isoName(name));
    if (other !== undefined) {
      throw new TypeError(
        `Cannot put both ${other} and ${name} into an ISO image: there both are ${isoName(name)}`,
      );
    }
    taken.set(isoName(name), name);
  }
  return [...taken].toSorted(([one], [other]) => one < other ? -1 : 1).map(([, name]) => name);
}

/** The name as ISO 9660's second level has it: capitals, 30 characters, one full stop, and a version. */
function isoName(name: string): string {
  const clean = name.toUpperCase().replace(/[^A-Z0-9.]/g, "_");
  const at = clean.lastIndexOf(".");
  const [stem, extension] = at < 0 ? [clean, ""] : [clean.slice(0, at), clean.slice(at + 1, at + 4)];
  return `${stem.replaceAll(".", "_").slice(0, 26)}.${extension};1`;
}

function isoTree(label: string): Tree {
  return {
    encode: (name) => ascii(isoName(name)),
    fields: { self: rootFields(), parent: parentFields(), file: fileFields },
    label: ascii(label),
    blank: ascii(" "),
    escapes: [],
  };
}

function jolietTree(label: string): Tree {
  const none = new Uint8Array(0);
  return {
    encode: ucs2,
    fields: { self: none, parent: none, file: () => none },
    label: ucs2(label),
    blank: ucs2(" "),
    escapes: JOLIET,
  };
}

/** One after another, each from a sector's beginning. An empty one has no sector, and is said to be where the next one is. */
function place(names: readonly string[], bytes: readonly Uint8Array[], from: number): PlacedFile[] {
  let sector = from;
  return names.map((name, index) => {
    const data = bytes[index] ?? new Uint8Array(0);
    const file = { name, data, sector };
    sector += sectors(data.length);
    return file;
  });
}

/** A directory's records; none goes over the end of a sector. */
function packDirectory(tree: Tree, files: readonly PlacedFile[], sector: number, bytes: number): Uint8Array {
  const self = { sector, bytes, kind: "directory" } as const;
  const records = [
    directoryRecord({ ...self, name: SELF, fields: tree.fields.self }),
    directoryRecord({ ...self, name: PARENT, fields: tree.fields.parent }),
    ...files.map((file) =>
      directoryRecord({
        sector: file.sector,
        bytes: file.data.length,
        kind: "file",
        name: tree.encode(file.name),
        fields: tree.fields.file(file.name),
      })
    ),
  ];
  const places: number[] = [];
  let end = 0;
  for (const { length } of records) {
    if (end % SECTOR_BYTES + length > SECTOR_BYTES) end = sectors(end) * SECTOR_BYTES;
    places.push(end);
    end += length;
  }
  const packed = new Uint8Array(sectors(end) * SECTOR_BYTES);
  for (const [index, record] of records.entries()) packed.set(record, places[index]);
  return packed;
}

/** What says of a tree where it begins, and what the volume is called. */
function volumeDescriptor(
  { label, blank, escapes }: Tree,
  type: number,
  volumeSectors: number,
  table: number,
  directory: { sector: number; bytes: number },
): Uint8Array {
  const block = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(block.buffer);
  const text = (at: number, length: number, value: Uint8Array = new Uint8Array(0)) => {
    for (let i = 0; i < length; i++) {
      block[at + i] = value[i] ?? blank[(i - value.length) % blank.length] ?? 0;
    }
  };
  block.set([type, ...ascii("CD001"), 1]);
  text(8, 32);
  text(40, 32, label);
  block.set(both32(volumeSectors), 80);
  block.set(escapes, 88);
  block.set(both16(1), 120); // volumes in the set
  block.set(both16(1), 124); // this one's number
  block.set(both16(SECTOR_BYTES), 128);
  block.set(both32(pathTable(0, "little").length), 132);
  view.setUint32(140, table, true);
  view.setUint32(148, table + 1);
  block.set(directoryRecord({ ...directory, kind: "directory", name: SELF, fields: new Uint8Array(0) }), 156);
  text(190, 623); // who made it and what is in it, seven times
  block.set(decimalDate("set"), 813);
  block.set(decimalDate("set"), 830);
  block.set(decimalDate("never"), 847);
  block.set(decimalDate("never"), 864);
  block[881] = 1; // the version of this structure
  return block;
}

/** The list of all directories, which has one. */
function pathTable(sector: number, order: "little" | "big"): Uint8Array {
  const table = new Uint8Array(10);
  const view = new DataView(table.buffer);
  table[0] = 1; // the length of its name, a zero
  view.setUint32(2, sector, order === "little");
  view.setUint16(6, 1, order === "little"); // the one above it is itself
  return table;
}

function sectors(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES);
}

function toBytes(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function ucs2(text: string): Uint8Array {
  return Uint8Array.from([...text].flatMap((char) => [0, char.charCodeAt(0)]));
}
