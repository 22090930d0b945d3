import { compareEnds, endsTold } from "./ends_told.ts";
import type { Expected } from "./guests.ts";
import { auditJournal } from "./journal_audit.ts";
import { peakOf } from "./peak.ts";
import { countDescriptors, findQemus } from "./processes.ts";
import type { GuestView, Look } from "./protocol.ts";
import type { World } from "./world.ts";

/** What a supervisor may have open: so many files by itself, and so many for each QEMU. */
const DESCRIPTORS = { own: 28, each: 5 };
/** The same for timers. */
const TIMERS = { own: 6, each: 2 };

/** What is to be, of each guest, after what was known of it. */
export interface Outlook {
  readonly before: ReadonlyMap<string, GuestView>;
  readonly expected: ReadonlyMap<string, Expected>;
  /** Where the journal was. */
  readonly from: number;
}

/** Something that is not as it has to be; of a guest, or of all. */
export interface Mismatch {
  readonly guest: string | null;
  readonly what: string;
}

/**
 * Compares a world with what it is to be.
 *
 * @param world The world.
 * @param outlook What it is to be.
 * @returns What is not so. It may still become so.
 */
export async function compareWorld(world: World, outlook: Outlook): Promise<Mismatch[]> {
  const look = await world.look();
  await world.journal.read();
  const views = new Map(look.guests.map((view) => [view.name, view]));
  const found = await Promise.all(
    world.guests.map(({ name }) => compareGuest(name, views.get(name), world, outlook)),
  );
  return [...found.flat(), ...await compareProcesses(world, look), ...await compareFiles(world, look)];
}

async function compareGuest(
  name: string,
  view: GuestView | undefined,
  world: World,
  outlook: Outlook,
): Promise<Mismatch[]> {
  const expected = outlook.expected.get(name);
  const before = outlook.before.get(name);
  if (expected === undefined) return [];
  if (view === undefined) return [{ guest: name, what: "the supervisor does not know it" }];
  const wrong: string[] = [];
  if (view.phase !== expected.phase) wrong.push(`is ${view.phase}, and had to be ${expected.phase}`);
  const life = view.pid === null ? "none" : view.pid === before?.pid ? "same" : "new";
  if (life !== expected.life) {
    wrong.push(`has the QEMU ${view.pid} after ${before?.pid}, and had to have: ${expected.life}`);
  }
  // Only a parent is told by which signal a process ended.
  const pid = before?.pid ?? null;
  const isChild = pid !== null && await world.isChild(pid);
  const known = (end: string) =>
    isChild ? end : end.replace(/\bended killed\b/, "ended killed or ended lost");
  const ends = compareEnds(
    endsTold(world.journal.lines.slice(outlook.from), name),
    expected.told.map(known),
    (expected.maybe ?? []).flatMap((end) => known(end).split(" or ")),
  );
  if (ends !== null) wrong.push(ends);
  return wrong.map((what) => ({ guest: name, what }));
}

/** No QEMU but those that the supervisor knows of, and each of those. */
async function compareProcesses(world: World, { guests, timers }: Look): Promise<Mismatch[]> {
  const wrong: Mismatch[] = [];
  const known = new Map(guests.map(({ name, pid }) => [name, pid]));
  const qemus = await findQemus(world.folder);
  for (const { guest, pid } of qemus) {
    if (known.get(guest) !== pid) wrong.push({ guest, what: `has an orphan, process ${pid}` });
  }
  for (const [guest, pid] of known) {
    if (pid !== null && !qemus.some((qemu) => qemu.pid === pid)) {
      wrong.push({ guest, what: `has the QEMU ${pid}, which is not there` });
    }
  }
  const most = TIMERS.own + TIMERS.each * qemus.length;
  if (timers > most) {
    wrong.push({ guest: null, what: `the supervisor has ${timers} timers, and may have ${most}` });
  }
  const supervisor = await world.supervisor();
  const open = await countDescriptors(supervisor.pid).catch(() => 0);
  const mostOpen = DESCRIPTORS.own + DESCRIPTORS.each * qemus.length;
  if (open > mostOpen) {
    wrong.push({ guest: null, what: `the supervisor has ${open} files open, and may have ${mostOpen}` });
  }
  if (wrong.length === 0) world.peak = peakOf(world.peak, { descriptors: open, timers });
  return wrong;
}

/** No directory, socket or file but those of QEMUs that are there, and of the state. */
async function compareFiles(world: World, { guests }: Look): Promise<Mismatch[]> {
  const wrong: Mismatch[] = [];
  const compare = async (folder: string, wanted: readonly string[], optional: RegExp) => {
    const found = await namesIn(folder);
    for (const name of found) {
      if (!wanted.includes(name) && !optional.test(name)) {
        wrong.push({ guest: null, what: `${folder} has a stray ${name}` });
      }
    }
    for (const name of wanted) {
      if (!found.includes(name)) wrong.push({ guest: null, what: `${folder} has no ${name}` });
    }
  };
  const runs = guests.flatMap(({ runDir }) =>
    runDir === null ? [] : [runDir.slice(runDir.lastIndexOf("/") + 1)]
  );
  await compare(world.runtimeDir, runs.flatMap((run) => [run, `${run}.stderr.log`]), /^$/);
  await compare(world.stateDir, ["lock", "journal.jsonl", "vms"], /^(journal\.\d+\.jsonl|dumps)$/);
  await compare(`${world.stateDir}/vms`, world.guests.map(({ name }) => `${name}.json`), /^$/);
  return wrong;
}

/** What is wrong with the journal, and what was seen that may never be. */
export async function audit(world: World, gaps: "allowed" | "none"): Promise<Mismatch[]> {
  const last = world.supervisors.length - 1;
  const heard = await Promise.all(world.supervisors.map(async ({ reports, ended }, index) => {
    if (index === last) return { reports: [...reports], ending: "open" as const };
    const { signal } = await ended;
    return { reports, ending: signal === null ? "in order" as const : "killed" as const };
  }));
  await world.journal.read();
  return [
    ...auditJournal(world.journal.lines, heard, gaps),
    ...world.journal.broken.map((text) => `the journal has a line that is none: ${text.slice(0, 100)}`),
    ...world.violations,
  ].map((what) => ({ guest: null, what }));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
