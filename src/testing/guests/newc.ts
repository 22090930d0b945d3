/** One entry of an archive. Directories must come before what is in them. */
export type CpioEntry =
  | { readonly type: "directory"; readonly path: string; readonly mode?: number }
  | {
    readonly type: "file";
    readonly path: string;
    readonly data: Uint8Array | string;
    readonly mode?: number;
  }
  | { readonly type: "symlink"; readonly path: string; readonly target: string }
  | {
    readonly type: "character-device";
    readonly path: string;
    readonly major: number;
    readonly minor: number;
    readonly mode?: number;
  };

const MAGIC = "070701";
const HEADER_BYTES = 110;
/** Archives end on a tape block, which nothing needs, but then they are the same as cpio's. */
const BLOCK_BYTES = 512;
const TRAILER = "TRAILER!!!";
const MAX_FIELD = 0xffffffff;

const TYPE_MASK = 0o170000;
const TYPE_BITS: Readonly<Record<CpioEntry["type"], number>> = {
  "directory": 0o040000,
  "file": 0o100000,
  "symlink": 0o120000,
  "character-device": 0o020000,
};
const DEFAULT_MODES: Readonly<Record<CpioEntry["type"], number>> = {
  "directory": 0o755,
  "file": 0o644,
  "symlink": 0o777,
  "character-device": 0o600,
};

/**
 * Packs an archive in cpio's "newc" form, which is what the Linux kernel unpacks as an initramfs. Everything
 * belongs to root and has time 0, so the same entries always give the same bytes
 * (those of `cpio -o -H newc --reproducible -R 0:0`).
 *
 * @param entries What goes in, in this order.
 * @returns The archive, uncompressed; the kernel takes it as it is.
 * @throws {TypeError} If a path is empty, absolute, or has an empty or dotted part, or a NUL.
 * @throws {RangeError} If a number does not fit the format's fields.
 *
 * @example
 * ```ts
 * import { packNewc, unpackNewc } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const archive = packNewc([
 *   { type: "directory", path: "dev" },
 *   { type: "character-device", path: "dev/console", major: 5, minor: 1 },
 *   { type: "file", path: "init", data: "#!/bin/sh\n", mode: 0o755 },
 * ]);
 * assertEquals(unpackNewc(archive).map((entry) => entry.path), ["dev", "dev/console", "init"]);
 * ```
 */
export function packNewc(entries: Iterable<CpioEntry>): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let inode = 0;
  for (const entry of entries) {
    checkPath(entry.path);
    const mode = TYPE_BITS[entry.type] | modeOf(entry);
    pushEntry(chunks, {
      inode: inode++,
      mode,
      links: entry.type === "directory" ? 2 : 1,
      device: entry.type === "character-device" ? [entry.major, entry.minor] : [0, 0],
      path: entry.path,
      data: contentOf(entry),
    });
  }
  pushEntry(chunks, {
    inode: 0,
    mode: 0,
    links: 1,
    device: [0, 0],
    path: TRAILER,
    data: new Uint8Array(),
  });
  return concat(chunks);
}

/**
 * Reads an archive that {@link packNewc} or cpio wrote.
 *
 * @param archive The bytes of an uncompressed newc archive.
 * @returns Its entries in order, with the contents of files as bytes.
 * @throws {SyntaxError} If it is no newc archive, is cut short, or holds a kind of file that {@link CpioEntry}
 * has no name for; the message has the place.
 *
 * @example
 * ```ts
 * import { packNewc, unpackNewc } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const link = { type: "symlink", path: "sh", target: "busybox" } as const;
 * assertEquals(unpackNewc(packNewc([link])), [link]);
 * ```
 */
export function unpackNewc(archive: Uint8Array): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (let at = 0;;) {
    const header = readHeader(archive, at);
    const nameEnd = at + HEADER_BYTES + header.nameBytes;
    const dataStart = align(nameEnd);
    const dataEnd = dataStart + header.sizeBytes;
    if (dataEnd > archive.length) throw new SyntaxError(`Cannot read the archive: it is cut short at ${at}`);
    const path = new TextDecoder().decode(archive.subarray(at + HEADER_BYTES, nameEnd - 1));
    if (path === TRAILER) return entries;
    entries.push(toEntry(path, header, archive.slice(dataStart, dataEnd)));
    at = align(dataEnd);
  }
}

interface RawEntry {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly device: readonly [major: number, minor: number];
  readonly path: string;
  readonly data: Uint8Array;
}

function pushEntry(chunks: Uint8Array[], { inode, mode, links, device, path, data }: RawEntry): void {
  const name = new TextEncoder().encode(`${path}\0`);
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, ...device, name.length, 0];
  const wrong = fields.find((field) => !Number.isInteger(field) || field < 0 || field > MAX_FIELD);
  if (wrong !== undefined) {
    throw new RangeError(`Cannot pack "${path}": ${wrong} does not fit into a field of 32 bits`);
  }
  const header = MAGIC + fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join("");
  chunks.push(new TextEncoder().encode(header), name, padding(HEADER_BYTES + name.length));
  chunks.push(data, padding(data.length));
}

function modeOf(entry: CpioEntry): number {
  return (entry.type === "symlink" ? undefined : entry.mode) ?? DEFAULT_MODES[entry.type];
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.type === "symlink") return new TextEncoder().encode(entry.target);
  if (entry.type !== "file") return new Uint8Array();
  return typeof entry.data === "string" ? new TextEncoder().encode(entry.data) : entry.data;
}

/** Paths are kept to the plain form in which the kernel makes them, below the root. */
function checkPath(path: string): void {
  const isPlain = path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (isPlain && !path.includes("\0") && path !== TRAILER) return;
  throw new TypeError(
    `Cannot pack the path ${JSON.stringify(path)}: it must be relative, without empty or dotted parts`,
  );
}

interface Header {
  readonly mode: number;
  readonly sizeBytes: number;
  readonly major: number;
  readonly minor: number;
  readonly nameBytes: number;
}

function readHeader(archive: Uint8Array, at: number): Header {
  const text = new TextDecoder().decode(archive.subarray(at, at + HEADER_BYTES));
  // "070702" is the same with checksums, which the kernel does not look at either.
  if (!/^07070[12][\da-f]{104}$/i.test(text)) {
    throw new SyntaxError(`Cannot read the archive: there is no newc header at ${at}`);
  }
  const field = (index: number) => parseInt(text.slice(6 + index * 8, 14 + index * 8), 16);
  return { mode: field(1), sizeBytes: field(6), major: field(9), minor: field(10), nameBytes: field(11) };
}

function toEntry(path: string, header: Header, data: Uint8Array): CpioEntry {
  const mode = header.mode & ~TYPE_MASK;
  switch (header.mode & TYPE_MASK) {
    case TYPE_BITS.directory:
      return { type: "directory", path, mode };
    case TYPE_BITS.file:
      return { type: "file", path, data, mode };
    case TYPE_BITS.symlink:
      return { type: "symlink", path, target: new TextDecoder().decode(data) };
    case TYPE_BITS["character-device"]:
      return { type: "character-device", path, major: header.major, minor: header.minor, mode };
    default:
      throw new SyntaxError(
        `Cannot read the archive: "${path}" has the unknown mode ${header.mode.toString(8)}`,
      );
  }
}

function align(offset: number): number {
  return offset + 3 & ~3;
}

function padding(length: number): Uint8Array {
  return new Uint8Array(align(length) - length);
}

function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
