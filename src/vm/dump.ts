/**
 * The formats of a dump of a guest's memory, as QEMU names them; which of them a QEMU can write depends on how it was built.
 *
 * @example
 * ```ts
 * import { DUMP_FORMATS } from "@qeeper/qeeper";
 * import { assert } from "@std/assert";
 *
 * assert(DUMP_FORMATS.includes("elf"));
 * ```
 */
export const DUMP_FORMATS = [
  "elf",
  "kdump-zlib",
  "kdump-lzo",
  "kdump-snappy",
  "kdump-raw-zlib",
  "kdump-raw-lzo",
  "kdump-raw-snappy",
  "win-dmp",
] as const;

/**
 * One of them.
 *
 * @example
 * ```ts
 * import { DUMP_FORMATS, type DumpFormat } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const compressed: DumpFormat[] = DUMP_FORMATS.filter((format) => format.startsWith("kdump-raw-"));
 * assertEquals(compressed, ["kdump-raw-zlib", "kdump-raw-lzo", "kdump-raw-snappy"]);
 * ```
 */
export type DumpFormat = typeof DUMP_FORMATS[number];
