/** Where {@link rom} puts the code within the image; the jump of the reset vector leads here. */
const ROM_CODE_OFFSET = 0xfc00;
const ROM_RESET_VECTOR = 0xfff0;
const SECTOR_BYTES = 512;

/**
 * A boot sector: 512 bytes with the signature at the end, for a floppy or the start of a disk.
 * SeaBIOS loads it to 0x7c00.
 *
 * @param code Code of at most 510 bytes, assembled for the origin 0x7c00.
 * @returns The sector.
 * @throws {RangeError} If the code is too long.
 *
 * @example
 * ```ts
 * import { bootSector, tinyGuests } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const sector = bootSector(tinyGuests.printAndHalt.code);
 * assertEquals(sector.length, 512);
 * assertEquals([...sector.slice(-2)], [0x55, 0xaa]);
 * ```
 */
export function bootSector(code: Uint8Array): Uint8Array<ArrayBuffer> {
  return diskImage(code, SECTOR_BYTES);
}

/**
 * A hard disk that boots: the boot sector, then zeros.
 *
 * @param code Code of at most 510 bytes, assembled for the origin 0x7c00.
 * @param sizeBytes The size of the image, a multiple of 512. The default of 1 MiB boots from every kind of
 * disk; virtio and AHCI disks of one sector do not.
 * @returns The image.
 * @throws {RangeError} If the code is too long or the size is no number of sectors.
 *
 * @example
 * ```ts
 * import { diskImage, tinyGuests } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(diskImage(tinyGuests.halt.code).length, 1024 * 1024);
 * ```
 */
export function diskImage(code: Uint8Array, sizeBytes: number = 1024 * 1024): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < SECTOR_BYTES || sizeBytes % SECTOR_BYTES !== 0) {
    throw new RangeError(
      `Cannot make a disk image of ${sizeBytes} bytes: a disk is a number of 512-byte sectors`,
    );
  }
  const most = SECTOR_BYTES - 2;
  if (code.length > most) {
    throw new RangeError(
      `Cannot make a boot sector of ${code.length} bytes of code: at most ${most} fit before the signature`,
    );
  }
  const image = new Uint8Array(sizeBytes);
  image.set(code);
  image.set([0x55, 0xaa], most);
  return image;
}

/**
 * A firmware image of 64 KiB for QEMU's `-bios`, which runs the code at once, without SeaBIOS: two to three
 * times faster than a boot sector, with no BIOS calls and no device set up.
 *
 * @param code Code of at most 1008 bytes, assembled for the origin 0xfc00 or free of absolute addresses.
 * @returns The image. Unused bytes are `hlt`.
 * @throws {RangeError} If the code is too long.
 *
 * @example
 * ```ts
 * import { rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const image = rom(unirom.code);
 * assertEquals(image.length, 65536);
 * // The processor starts at 0xfff0, where there is a jump to the code.
 * assertEquals([...image.slice(0xfff0, 0xfff3)], [0xe9, 0x0d, 0xfc]);
 * ```
 */
export function rom(code: Uint8Array): Uint8Array<ArrayBuffer> {
  const most = ROM_RESET_VECTOR - ROM_CODE_OFFSET;
  if (code.length > most) {
    throw new RangeError(
      `Cannot make a ROM of ${code.length} bytes of code: at most ${most} fit before the reset vector`,
    );
  }
  const image = new Uint8Array(0x10000).fill(0xf4);
  image.set(code, ROM_CODE_OFFSET);
  const distance = ROM_CODE_OFFSET - (ROM_RESET_VECTOR + 3) & 0xffff;
  image.set([0xe9, distance & 0xff, distance >> 8], ROM_RESET_VECTOR);
  return image;
}
