/** One of those who are measured: `run` does one round and answers with its figure. */
export interface Contestant {
  readonly name: string;
  readonly run: () => Promise<number>;
}

/** The figures of each contestant, a round each, by its name. */
export type Figures = ReadonlyMap<string, readonly number[]>;

/**
 * Lets all contestants run in turn, round after round, so that a change in what else the machine does meets them all alike. Each
 * round begins with another one. The first round is a warm-up and does not count.
 *
 * @param contestants Who is measured.
 * @param rounds How many rounds count.
 * @returns Their figures.
 */
export async function race(contestants: readonly Contestant[], rounds: number): Promise<Figures> {
  const figures = new Map(contestants.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(round + turn) % contestants.length];
      const figure = await contestant?.run();
      if (round > 0 && contestant && figure !== undefined) figures.get(contestant.name)?.push(figure);
    }
  }
  return figures;
}

/**
 * The middle one of some figures.
 *
 * @param figures At least one.
 * @returns The median; of an even number, the mean of the two in the middle.
 */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1);
  return (low + high) / 2;
}
