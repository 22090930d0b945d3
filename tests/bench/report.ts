import { type Figures, median } from "./race.ts";

/** What has to be reached: so many times another's throughput, or so few milliseconds more than another takes. */
export type Target =
  | { kind: "ratio"; of: string; to: string; atLeast: number }
  | { kind: "beyond"; of: string; to: string; atMostMs: number }
  /** So many times as long as another. */
  | { kind: "times"; of: string; to: string; atMost: number }
  /** So few milliseconds. */
  | { kind: "within"; of: string; atMostMs: number }
  /** A single figure, which is no race. */
  | { kind: "reached"; of: string; unit: string; found: number; atMost: number };

/** The outcome of one race, with what it is held against. */
export interface Group {
  title: string;
  unit: "ops/s" | "events/s" | "ms";
  figures: Figures;
  targets: readonly Target[];
  /** What a reader must know to read the figures rightly. */
  notes?: readonly string[];
}

/** How one target came out; `unknown` when one of the two could not be measured. */
export type Outcome = { kind: "met" | "missed" | "unknown"; text: string };

/**
 * Compares medians with a target.
 *
 * @param figures The figures of all contestants.
 * @param target What has to be reached.
 * @returns How it came out, in words too.
 */
export function judge(figures: Figures, target: Target): Outcome {
  if (target.kind === "reached") {
    const { of, unit, found, atMost } = target;
    const kind = found <= atMost ? "met" : "missed";
    return { kind, text: `${found.toFixed(2)} ${unit} ${of}; target at most ${atMost} ${unit}: ${kind}` };
  }
  const of = figures.get(target.of) ?? [];
  const other = "to" in target ? target.to : null;
  const to = other === null ? [0] : figures.get(other) ?? [];
  const goal = goalOf(target);
  if (of.length === 0 || to.length === 0) {
    const missing = of.length === 0 ? target.of : other;
    const pair = other === null ? target.of : `${target.of} beside ${other}`;
    return { kind: "unknown", text: `${pair}: ${goal}; not measured, there is no ${missing}` };
  }
  const found = compare(target, median(of), median(to));
  const kind = (target.kind === "ratio" ? found >= target.atLeast : found <= mostOf(target))
    ? "met"
    : "missed";
  // On a busy machine the best rounds say more than the middle ones, so they are shown, but the target is for medians.
  const extreme = target.kind === "ratio" ? Math.max : Math.min;
  const best = inWords(target, compare(target, extreme(...of), extreme(...to)));
  return { kind, text: `${target.of} ${said(target, found)} (best rounds ${best}); target ${goal}: ${kind}` };
}

/** What comes of figures. */
type RaceTarget = Exclude<Target, { kind: "reached" }>;

function goalOf(target: RaceTarget): string {
  if (target.kind === "ratio") return `at least ${target.atLeast.toFixed(2)}`;
  return target.kind === "times" ? `at most ${target.atMost.toFixed(2)}` : `at most ${target.atMostMs} ms`;
}

function mostOf(target: Exclude<RaceTarget, { kind: "ratio" }>): number {
  return target.kind === "times" ? target.atMost : target.atMostMs;
}

function compare(target: RaceTarget, mine: number, theirs: number): number {
  switch (target.kind) {
    case "ratio":
    case "times":
      return mine / theirs;
    case "beyond":
      return mine - theirs;
    case "within":
      return mine;
  }
}

function inWords(target: RaceTarget, found: number): string {
  return target.kind === "ratio" || target.kind === "times" ? found.toFixed(2) : `${found.toFixed(1)} ms`;
}

function said(target: RaceTarget, found: number): string {
  const words = inWords(target, found);
  switch (target.kind) {
    case "ratio":
      return `is ${words} of ${target.to}`;
    case "times":
      return `takes ${words} times as long as ${target.to}`;
    case "beyond":
      return `takes ${words} more than ${target.to}`;
    case "within":
      return `takes ${words}`;
  }
}

/**
 * Writes a group as text: a line for each contestant, a line for each target.
 *
 * @param group The outcome of a race.
 * @returns Lines, without a line end after the last one.
 */
export function formatGroup(group: Group): string {
  const names = [...group.figures.keys()];
  const width = Math.max(...names.map((name) => name.length));
  const digits = group.unit === "ms" ? 1 : 0;
  const format = (figure: number) =>
    figure.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const rounds = Math.max(...[...group.figures.values()].map((figures) => figures.length));
  const lines = [`${group.title} (${group.unit}, median of ${rounds}, lowest to highest)`];
  for (const [name, figures] of group.figures) {
    const range = `${format(Math.min(...figures))} to ${format(Math.max(...figures))}`;
    lines.push(`  ${name.padEnd(width)}  ${format(median(figures)).padStart(12)}  (${range})`);
  }
  for (const target of group.targets) {
    const { kind, text } = judge(group.figures, target);
    lines.push(`  ${{ met: "[x]", missed: "[ ]", unknown: "[?]" }[kind]} ${text}`);
  }
  for (const note of group.notes ?? []) lines.push(`  Note: ${note}`);
  return lines.join("\n");
}
