import { type Figures, median } from "./race.ts";

/** What has to be reached: so many times another's throughput, or so few milliseconds more than another takes. */
export type Target =
  | { kind: "ratio"; of: string; to: string; atLeast: number }
  | { kind: "beyond"; of: string; to: string; atMostMs: number };

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
  const [of, to] = [figures.get(target.of) ?? [], figures.get(target.to) ?? []];
  const goal = target.kind === "ratio"
    ? `at least ${target.atLeast.toFixed(2)}`
    : `at most ${target.atMostMs} ms`;
  if (of.length === 0 || to.length === 0) {
    const missing = of.length === 0 ? target.of : target.to;
    return {
      kind: "unknown",
      text: `${target.of} beside ${target.to}: ${goal}; not measured, there is no ${missing}`,
    };
  }
  const compare = (mine: number, theirs: number): number =>
    target.kind === "ratio" ? mine / theirs : mine - theirs;
  const found = compare(median(of), median(to));
  const kind = (target.kind === "ratio" ? found >= target.atLeast : found <= target.atMostMs)
    ? "met"
    : "missed";
  // On a busy machine the best rounds say more than the middle ones, so they are shown, but the target is for medians.
  const best = target.kind === "ratio"
    ? compare(Math.max(...of), Math.max(...to)).toFixed(2)
    : `${compare(Math.min(...of), Math.min(...to)).toFixed(1)} ms`;
  const said = target.kind === "ratio"
    ? `is ${found.toFixed(2)} of ${target.to}`
    : `takes ${found.toFixed(1)} ms more than ${target.to}`;
  return { kind, text: `${target.of} ${said} (best rounds ${best}); target ${goal}: ${kind}` };
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
