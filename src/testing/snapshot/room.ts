/** A folder, and how much fits into it. */
export interface Place {
  readonly dir: string;
  readonly freeBytes: number;
}

/** What others must still be able to write there. */
const MARGIN_BYTES = 64 * 1024 * 1024;

/**
 * Chooses the first folder that has room.
 *
 * @param bytes What is to be put there, at most.
 * @param places The folders, the best one first.
 * @returns The folder; or, in words, why none will do.
 */
export function chooseRoom(bytes: number, places: readonly Place[]): { dir: string } | { why: string } {
  const found = places.find(({ freeBytes }) => freeBytes >= bytes + MARGIN_BYTES);
  if (found !== undefined) return { dir: found.dir };
  const free = places.map(({ dir, freeBytes }) => `${dir} has ${inMiB(freeBytes)} free`).join(", ");
  return { why: `there is no room for ${inMiB(bytes)} and ${inMiB(MARGIN_BYTES)} to spare: ${free}` };
}

/**
 * A number of bytes, for people.
 *
 * @param bytes The number.
 * @returns Such as `12 MiB`.
 */
export function inMiB(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
