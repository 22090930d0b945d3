const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/**
 * A number of bytes for people.
 *
 * @param bytes The number.
 * @returns It in the largest unit that leaves at least 1, with at most one decimal.
 */
export function formatBytes(bytes: number | bigint): string {
  let amount = Number(bytes);
  let unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${Number(amount.toFixed(1))} ${UNITS[unit]}`;
}
