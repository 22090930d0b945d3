import type { FaultKind } from "./fault_kinds.ts";
import type { Profile } from "./guests.ts";
import { Random } from "./random.ts";

/** A fault that is to be. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** The number of its guest; null where it has none. */
  readonly guest: number | null;
  /** From 0 up to 1: what it leaves to chance. */
  readonly chance: number;
}

/** Faults that happen at the same time. */
export type Batch = readonly PlannedFault[];

/** How many at the same time at most. */
const MOST_AT_ONCE = 4;

/**
 * Plans a walk: each kind at least once, all others by chance.
 *
 * @param seed Where chance comes from: the same seed makes the same plan.
 * @param faults How many; no fewer than there are kinds.
 * @param guests The guests, by their profiles.
 * @param kinds The kinds.
 * @returns The faults, in the order and the company in which they happen.
 * @throws {RangeError} When there are fewer faults than kinds, or a kind has no guest.
 */
export function planWalk(
  seed: number,
  faults: number,
  guests: readonly Profile[],
  kinds: readonly FaultKind[],
): Batch[] {
  if (faults < kinds.length) {
    throw new RangeError(
      `Cannot plan ${faults} faults: each of the ${kinds.length} kinds has to be among them`,
    );
  }
  const random = new Random(seed);
  const more = Array.from({ length: faults - kinds.length }, () => random.pick(kinds, weightOf));
  const quick = kinds.filter(({ pace }) => pace === "quick");
  const slow = kinds.filter(({ pace }) => pace === "slow");
  const order = random.shuffle([...quick, ...more.filter((kind) => kind !== undefined)]);
  return [
    // Together they take no longer than one of them.
    ...inBatches(random.shuffle(slow), () => slow.length, guests, random),
    ...inBatches(order, () => 1 + random.below(MOST_AT_ONCE), guests, random),
  ];
}

const weightOf = ({ weight }: FaultKind): number => weight;

function inBatches(
  order: readonly FaultKind[],
  nextSize: () => number,
  guests: readonly Profile[],
  random: Random,
): Batch[] {
  const batches: PlannedFault[][] = [];
  let size = 0;
  for (const kind of order) {
    const batch = batches.at(-1) ?? [];
    const beside = batch.length < size ? place(kind, batch, guests, random) : null;
    if (beside !== null) {
      batch.push(beside);
      continue;
    }
    const alone = place(kind, [], guests, random);
    if (alone === null) throw new RangeError(`Cannot plan "${kind.name}": there is no guest for it`);
    batches.push([alone]);
    size = nextSize();
  }
  return batches;
}

/** Gives a fault a guest beside these; null when it can't be beside them. */
function place(
  kind: FaultKind,
  batch: Batch,
  guests: readonly Profile[],
  random: Random,
): PlannedFault | null {
  if (!batch.every((other) => mayBeBeside(kind, other.kind) && mayBeBeside(other.kind, kind))) return null;
  const chance = random.next();
  if (kind.takes === "supervisor") return { kind, guest: null, chance };
  const taken = batch.map(({ guest }) => guest);
  const free = guests.keys().filter((guest) => {
    const profile = guests[guest];
    return profile !== undefined && kind.profiles.includes(profile) && !taken.includes(guest);
  });
  const guest = random.pick([...free]);
  return guest === undefined ? null : { kind, guest, chance };
}

/** The supervisor has one fault at a time. */
function mayBeBeside(kind: FaultKind, other: FaultKind): boolean {
  if (kind.takes !== "guest" && other.takes !== "guest") return false;
  return kind.beside === "anything" || (kind.beside === "no death" && other.takes === "guest");
}
