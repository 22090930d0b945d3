/** What the files of a journal are called. */
export interface JournalFiles {
  /** The folder that they are in. */
  readonly folder: string;
  /** The current one. */
  readonly current: string;
}

const ROTATED = /^journal\.([1-9]\d*)\.jsonl$/;

/**
 * The files of a state directory's journal.
 *
 * @param stateDir The state directory.
 * @returns Their names.
 */
export function journalFiles(stateDir: string): JournalFiles {
  return { folder: stateDir, current: `${stateDir}/journal.jsonl` };
}

/**
 * The name of a file that is full.
 *
 * @param files The journal's files.
 * @param number Its number: 1 is the one before the current one.
 * @returns Its path.
 */
export function rotatedFile({ folder }: JournalFiles, number: number): string {
  return `${folder}/journal.${number}.jsonl`;
}

/**
 * The full files that there are.
 *
 * @param files The journal's files.
 * @returns Their numbers, the newest file's first.
 */
export async function rotatedNumbers({ folder }: JournalFiles): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const number = ROTATED.exec(name)?.[1];
    if (number !== undefined) numbers.push(Number(number));
  }
  return numbers.sort((a, b) => a - b);
}

/**
 * Gives the current file a number, and every other the next one. Whenever this is cut short, no file is lost and the order is as before; the
 * next time goes on from there.
 *
 * @param files The journal's files.
 * @param keep How many full ones to keep; what is beyond is removed.
 */
export async function rotateFiles(files: JournalFiles, keep: number): Promise<void> {
  const numbers = await rotatedNumbers(files);
  if (keep === 0) {
    for (const number of numbers) await Deno.remove(rotatedFile(files, number));
    return await Deno.remove(files.current);
  }
  // Those in an unbroken row from 1 on have to make room: a gap, which a rotation that was cut short leaves, takes the last of them.
  let row = 0;
  while (numbers[row] === row + 1) row++;
  for (const number of numbers.toReversed()) {
    if ((number <= row ? number + 1 : number) > keep) await Deno.remove(rotatedFile(files, number));
    else if (number <= row) await Deno.rename(rotatedFile(files, number), rotatedFile(files, number + 1));
  }
  await Deno.rename(files.current, rotatedFile(files, 1));
}
