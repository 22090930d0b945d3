/** The registers of a PC's real-time clock. */
const SECONDS = 0;
const MINUTES = 2;
const HOURS = 4;
const WEEKDAY = 6;
const DAY = 7;
const MONTH = 8;
const YEAR = 9;
const CENTURY = 0x32;
/** The register with its modes. */
export const MODES = 0x0b;
/** The clock is being set: nothing takes effect until this is off again. */
const SETTING = 0x80;
/** Its registers hold binary numbers, not two decimal digits each. */
const BINARY = 0x04;
/** It counts 24 hours, not twice 12. */
const HOURS_24 = 0x02;
/** In the hours of a clock that counts twice 12: after noon. */
const AFTER_NOON = 0x80;

/** One byte for one register. */
export interface CmosWrite {
  readonly register: number;
  readonly value: number;
}

/** A date as QEMU's machine has it in `rtc-time`, C's `struct tm`. */
export interface BrokenTime {
  readonly tm_year: number;
  readonly tm_mon: number;
  readonly tm_mday: number;
  readonly tm_hour: number;
  readonly tm_min: number;
  readonly tm_sec: number;
}

/**
 * The moment that a date is, taken for UTC.
 *
 * @param time The date.
 * @returns Milliseconds since 1970.
 */
export function toMs({ tm_year, tm_mon, tm_mday, tm_hour, tm_min, tm_sec }: BrokenTime): number {
  return Date.UTC(1900 + tm_year, tm_mon, tm_mday, tm_hour, tm_min, tm_sec);
}

/**
 * What a guest would write to set its clock: all registers, with the clock held meanwhile so that it is set at once.
 *
 * @param ms The moment, in milliseconds since 1970, which becomes a date in UTC.
 * @param modes The modes that the clock is in, which it keeps.
 * @returns The bytes, in order.
 */
export function cmosWrites(ms: number, modes: number): readonly CmosWrite[] {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  const encode = (value: number) => modes & BINARY ? value : Math.floor(value / 10) * 16 + value % 10;
  const fields: readonly (readonly [register: number, value: number])[] = [
    [SECONDS, encode(date.getUTCSeconds())],
    [MINUTES, encode(date.getUTCMinutes())],
    [HOURS, encodeHours(date.getUTCHours(), modes, encode)],
    [WEEKDAY, encode(date.getUTCDay() + 1)],
    [DAY, encode(date.getUTCDate())],
    [MONTH, encode(date.getUTCMonth() + 1)],
    [YEAR, encode(year % 100)],
    [CENTURY, encode(Math.floor(year / 100))],
  ];
  return [
    { register: MODES, value: modes | SETTING },
    ...fields.map(([register, value]) => ({ register, value })),
    { register: MODES, value: modes & ~SETTING },
  ];
}

function encodeHours(hours: number, modes: number, encode: (value: number) => number): number {
  if (modes & HOURS_24) return encode(hours);
  return encode(hours % 12 === 0 ? 12 : hours % 12) | (hours >= 12 ? AFTER_NOON : 0);
}
