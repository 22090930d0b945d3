import type { Inserted } from "./disk.ts";

/**
 * How fast a disk may be. A limit that is left out is none. A total and a limit for reads or writes alone exclude each other, as QEMU has it.
 *
 * @example
 * ```ts
 * import type { DiskLimits } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const floppy: DiskLimits = { bytesPerSecond: 32 * 1024, requestsPerSecond: 10 };
 * assertEquals(Object.keys(floppy).length, 2);
 * ```
 */
export interface DiskLimits {
  /** Bytes read and written (`bps`). */
  bytesPerSecond?: number;
  /** Bytes read (`bps_rd`). */
  readBytesPerSecond?: number;
  /** Bytes written (`bps_wr`). */
  writeBytesPerSecond?: number;
  /** Reads and writes (`iops`). */
  requestsPerSecond?: number;
  /** Reads (`iops_rd`). */
  readsPerSecond?: number;
  /** Writes (`iops_wr`). */
  writesPerSecond?: number;
}

/** The same, as QEMU spells it; 0 is no limit. */
export interface Throttle {
  readonly bps: number | bigint;
  readonly bps_rd: number | bigint;
  readonly bps_wr: number | bigint;
  readonly iops: number | bigint;
  readonly iops_rd: number | bigint;
  readonly iops_wr: number | bigint;
}

const WIRE_NAMES: readonly (readonly [keyof DiskLimits, keyof Throttle])[] = [
  ["bytesPerSecond", "bps"],
  ["readBytesPerSecond", "bps_rd"],
  ["writeBytesPerSecond", "bps_wr"],
  ["requestsPerSecond", "iops"],
  ["readsPerSecond", "iops_rd"],
  ["writesPerSecond", "iops_wr"],
];

/**
 * Spells limits as QEMU does.
 *
 * @param limits The limits.
 * @returns The same.
 * @throws {RangeError} When there is none, or one is not a positive integer.
 */
export function toThrottle(limits: DiskLimits): Throttle {
  const throttle = { bps: 0, bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
  for (const [name, wireName] of WIRE_NAMES) {
    const limit = limits[name];
    if (limit === undefined) continue;
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new RangeError(
        `Cannot throttle a disk as '${name}' must be a positive integer: current value is ${limit}`,
      );
    }
    throttle[wireName] = limit;
  }
  if (Object.values(throttle).every((limit) => limit === 0)) {
    throw new RangeError("Cannot throttle a disk without a limit: give bytesPerSecond or another one");
  }
  return throttle;
}

/**
 * The limits that a disk has now.
 *
 * @param inserted What QEMU says of it.
 * @returns The limits.
 */
export function throttleOf({ bps, bps_rd, bps_wr, iops, iops_rd, iops_wr }: Inserted): Throttle {
  return { bps, bps_rd, bps_wr, iops, iops_rd, iops_wr };
}

/**
 * Whether two are the same.
 *
 * @param one One.
 * @param other The other.
 * @returns Whether they are.
 */
export function isSameThrottle(one: Throttle, other: Throttle): boolean {
  return WIRE_NAMES.every(([, name]) => BigInt(one[name]) === BigInt(other[name]));
}
