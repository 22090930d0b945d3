import { LIMIT_MS, pause } from "./bounded.ts";
import type { Step } from "./fault_script.ts";
import { FAULT_KINDS } from "./fault_kinds.ts";
import { GUEST_FAULTS } from "./guest_faults.ts";
import { type Expected, profileOf } from "./guests.ts";
import { describeLoss } from "./loss.ts";
import { NO_PEAK, type Peak, peakOf } from "./peak.ts";
import { type Batch, type PlannedFault, planWalk } from "./plan.ts";
import type { GuestView } from "./protocol.ts";
import { audit, compareWorld, type Mismatch, type Outlook } from "./settle.ts";
import { SHARED_FAULTS, SUPERVISOR_FAULTS } from "./supervisor_faults.ts";
import type { TallyRow } from "./tally.ts";
import { World } from "./world.ts";

/** Between two looks at whether all is as it has to be, in milliseconds. */
const LOOK_MS = 20;

/** A walk to make. */
export interface WalkOptions {
  readonly seed: number;
  readonly faults: number;
  readonly guests: number;
  /** Told how it goes, line by line. */
  readonly say: (line: string) => void;
  /** Whether each batch is told. */
  readonly verbose: boolean;
  /** Ends it after the faults that are under way, which are not counted. */
  readonly signal?: AbortSignal;
}

/** What came of a walk. */
export interface WalkResult {
  readonly tally: readonly TallyRow[];
  readonly lost: number;
  /** What is known beside. */
  readonly notes: readonly string[];
}

/** A fault that is under way. */
interface UnderWay {
  readonly fault: PlannedFault;
  readonly name: string | null;
  readonly steps: readonly Step[];
}

/** Makes a walk: one batch of faults after the other, each followed until all is as it has to be. */
export class Walk {
  readonly #options: WalkOptions;
  readonly #plan: readonly Batch[];
  readonly #tally: readonly TallyRow[];
  readonly #openMs: number[] = [];
  #peak: Peak = NO_PEAK;
  #wasFull: "allowed" | "none" = "none";
  #done = 0;

  /** @param options What to walk. */
  constructor(options: WalkOptions) {
    this.#options = options;
    const profiles = Array.from({ length: options.guests }, (_, index) => profileOf(index));
    this.#plan = planWalk(options.seed, options.faults, profiles, FAULT_KINDS);
    this.#tally = FAULT_KINDS.map(({ name, expected }) => ({ name, expected, survived: 0, lost: 0 }));
  }

  /** Makes it. */
  async run(): Promise<WalkResult> {
    let next = 0;
    while (next < this.#plan.length) next = await this.#walkFrom(next);
    const lost = this.#tally.reduce((sum, row) => sum + row.lost, 0);
    return { tally: this.#tally, lost, notes: this.#notes() };
  }

  /** Walks in one world, until it is lost or the walk is over; then the next one has to be another. */
  async #walkFrom(first: number): Promise<number> {
    await using world = await World.make(this.#options.guests);
    this.#wasFull = "none";
    try {
      for (let at = first; at < this.#plan.length; at++) {
        const batch = this.#plan[at] ?? [];
        const start = performance.now();
        const wrong = await this.#endure(world, batch);
        // Whoever ends it has perhaps ended the supervisor as well.
        if (this.#options.signal?.aborted) return this.#plan.length;
        if (at === this.#plan.length - 1 && wrong.length === 0) wrong.push(...await this.#end(world));
        const ms = (performance.now() - start).toFixed(0);
        if (this.#options.verbose) this.#options.say(`${at}: ${batch.map(inWords).join(", ")}: ${ms} ms`);
        this.#count(batch, wrong);
        if (wrong.length === 0) continue;
        this.#tellLoss(world, at, wrong);
        return at + 1;
      }
      return this.#plan.length;
    } finally {
      this.#openMs.push(...world.openMs);
      this.#peak = peakOf(this.#peak, world.peak);
    }
  }

  /** Lets faults happen, and waits for what is to come of them. */
  async #endure(world: World, batch: Batch): Promise<Mismatch[]> {
    const underWay = batch.map((fault) => begin(world, fault));
    if (batch.some(({ kind }) => kind.name.startsWith("disk full"))) this.#wasFull = "allowed";
    const most = Math.max(1, ...underWay.map(({ steps }) => steps.length));
    for (let at = 0; at < most; at++) {
      const wrong = await this.#step(world, underWay, at);
      if (wrong.length > 0) return wrong;
    }
    return await audit(world, this.#wasFull);
  }

  async #step(world: World, underWay: readonly UnderWay[], at: number): Promise<Mismatch[]> {
    const before = new Map((await world.look()).guests.map((view) => [view.name, view]));
    await world.journal.read();
    const from = world.journal.lines.length;
    const expected = new Map([...before].map(([name, { phase, pid }]): [string, Expected] => [
      name,
      { told: [], phase, life: pid === null ? "none" : "same" },
    ]));
    for (const { name, steps } of underWay) {
      const step = steps[at];
      if (name !== null && step) expected.set(name, step.expected);
    }
    const failed: Mismatch[] = [];
    await Promise.all(underWay.map(async (fault) => {
      try {
        await act(world, fault, at, before);
      } catch (error) {
        failed.push({ guest: fault.name, what: `${fault.fault.kind.name}: ${inFull(error)}` });
      }
    }));
    const wrong = failed.length > 0 ? failed : await settle(world, { before, expected, from });
    if (wrong.length > 0) return wrong;
    return await hailAll(world, underWay.flatMap(({ name }) => name ?? []));
  }

  async #end(world: World): Promise<Mismatch[]> {
    try {
      const wrong = await hailAll(world, world.guests.map(({ name }) => name));
      await world.close();
      const left = await Array.fromAsync(Deno.readDir(world.runtimeDir));
      return [
        ...wrong,
        ...left.map(({ name }) => ({ guest: null, what: `${name} is left of a guest that was stopped` })),
        ...await audit(world, this.#wasFull),
      ];
    } catch (error) {
      return [{ guest: null, what: inFull(error) }];
    }
  }

  #count(batch: Batch, wrong: readonly Mismatch[]): void {
    const guests = new Set(wrong.map(({ guest }) => guest));
    const isLost = ({ guest }: PlannedFault) =>
      wrong.length > 0 && (guests.has(null) || guest === null || guests.has(`g${guest}`));
    const nobody = !batch.some(isLost);
    for (const fault of batch) {
      const row = this.#tally.find(({ name }) => name === fault.kind.name);
      if (row === undefined) continue;
      if (wrong.length > 0 && (nobody || isLost(fault))) row.lost++;
      else row.survived++;
      this.#done++;
    }
    if (this.#done % 50 < batch.length) this.#options.say(`${this.#done} of ${this.#options.faults} faults`);
  }

  #tellLoss(world: World, at: number, wrong: readonly Mismatch[]): void {
    const { say, seed, faults, guests } = this.#options;
    say(`LOST at batch ${at} of --seed ${seed} --faults ${faults} --guests ${guests}:`);
    for (const fault of this.#plan[at] ?? []) say(`  fault: ${inWords(fault)}`);
    for (const line of describeLoss(world, wrong)) say(`  ${line}`);
  }

  #notes(): string[] {
    const sorted = this.#openMs.toSorted((a, b) => a - b);
    const median = sorted[sorted.length >> 1] ?? 0;
    return [
      `${sorted.length} supervisors; opening took ${median.toFixed(0)} ms (median), ${
        (sorted.at(-1) ?? 0).toFixed(0)
      } ms (worst)`,
      `a supervisor had at most ${this.#peak.descriptors} files open and ${this.#peak.timers} timers set, all being as it has to be`,
    ];
  }
}

function begin(world: World, fault: PlannedFault): UnderWay {
  const guest = fault.guest === null ? undefined : world.guests[fault.guest];
  if (guest === undefined) return { fault, name: null, steps: [] };
  const script = GUEST_FAULTS[fault.kind.name] ?? SHARED_FAULTS[fault.kind.name];
  if (script === undefined) throw new Error(`Nothing says what "${fault.kind.name}" is`);
  return { fault, name: guest.name, steps: script(guest) };
}

async function act(
  world: World,
  { fault, name, steps }: UnderWay,
  at: number,
  before: ReadonlyMap<string, GuestView>,
): Promise<void> {
  const { chance, kind } = fault;
  const guest = world.guests.find((guest) => guest.name === name);
  if (guest === undefined) {
    if (at > 0) return;
    const script = SUPERVISOR_FAULTS[kind.name];
    if (script === undefined) throw new Error(`Nothing says what "${kind.name}" is`);
    return await script({ world, chance });
  }
  await steps[at]?.act({ world, chance, guest, pid: before.get(guest.name)?.pid ?? null });
}

/** Waits until all is as it has to be. */
async function settle(world: World, outlook: Outlook): Promise<Mismatch[]> {
  const until = performance.now() + LIMIT_MS;
  for (;;) {
    const wrong = await compareWorld(world, outlook);
    if (wrong.length === 0 || performance.now() > until) return wrong;
    await pause(LOOK_MS);
  }
}

/** Guests that are up answer. */
async function hailAll(world: World, names: readonly string[]): Promise<Mismatch[]> {
  const up = new Set((await world.look()).guests.flatMap(({ name, phase }) => phase === "up" ? [name] : []));
  const hailed = await Promise.all(
    names.filter((name) => up.has(name)).map(async (name) => {
      try {
        await world.insist({ do: "hail", name });
        return [];
      } catch (error) {
        return [{ guest: name, what: inFull(error) }];
      }
    }),
  );
  return hailed.flat();
}

function inWords({ kind, guest }: PlannedFault): string {
  return guest === null ? kind.name : `${kind.name} (g${guest})`;
}

function inFull(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
