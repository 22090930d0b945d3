/**
 * The known key that an unknown one is most likely meant to be.
 *
 * @param key The unknown key.
 * @param known The keys that there are.
 * @returns The nearest, if it is near: at most a third of the letters differ.
 */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  // A misspelling, not another word: "memory" for "memoryMiB" is caught by its beginning instead.
  let least = Math.floor(Math.max(key.length, 3) / 3) + 1;
  for (const candidate of known) {
    const distance = editDistance(key.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest ?? known.find((one) => key.length >= 3 && one.toLowerCase().startsWith(key.toLowerCase()));
}

/** How many letters must be put in, taken out, changed, or swapped with the next to make one word of the other. */
function editDistance(from: string, to: string): number {
  // Long keys are nobody's typing error, and the table is quadratic.
  if (from.length > 64) return from.length;
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      next[j] = Math.min(
        cell(row, j) + 1,
        cell(next, j - 1) + 1,
        cell(row, j - 1) + same,
        swapped ? cell(before, j - 2) + 1 : Infinity,
      );
    }
    [before, row] = [row, next];
  }
  return cell(row, to.length);
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
