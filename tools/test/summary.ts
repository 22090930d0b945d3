/** How many tests of a kind there were. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

/** A test that was not run: its name says why. */
const IGNORED = /^\s*(.+?) \.\.\. ignored\b.*$/gm;

const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored(?: \(\d+ steps?\))?)?[ |(\w)]*$/gm;

/**
 * Reads the counts that `deno test` prints at its end, without colours.
 *
 * @param output What it wrote to its standard output.
 * @param success Whether it ended with exit code 0.
 * @returns The counts. A run that printed none (a type error, a crash) is one failure, and so is one that says
 * that nothing failed and ends with an error all the same.
 */
export function countTests(output: string, success: boolean): Counts {
  // A test may print the summary of another run: only the last one is this run's.
  const [, passed, failed, ignored = "0"] = [...output.matchAll(SUMMARY)].at(-1) ?? [];
  if (passed === undefined || failed === undefined) return { passed: 0, failed: 1, ignored: 0 };
  const counts = { passed: Number(passed), failed: Number(failed), ignored: Number(ignored) };
  return !success && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/**
 * Reads the names of the tests that `deno test` did not run.
 *
 * @param output What it wrote to its standard output.
 * @returns The names.
 */
export function ignoredTests(output: string): string[] {
  return [...output.matchAll(IGNORED)].map(([, name = ""]) => name);
}

/** Under this `deno test` tells of each failure, and under that it lists them once more. */
const TOLD = "\n ERRORS \n\n";
const LISTED = "\n FAILURES \n\n";

/** How much of a failure's text the end of a run repeats; all of it stands where it happened. */
const FAILURE_LINES = 16;
const FAILURE_LINE_LENGTH = 300;

/**
 * Reads what failed, and why, from what `deno test` prints after its tests.
 *
 * @param output What it wrote to its standard output.
 * @returns For each failure its lines: the test's name and place, then the beginning of its error.
 */
export function failedTests(output: string): string[][] {
  // A test may print the end of another run: only the last one is this run's.
  const [begin, end] = [output.lastIndexOf(TOLD), output.lastIndexOf(LISTED)];
  if (begin < 0 || end < begin) return [];
  const [told, listed] = [output.slice(begin + TOLD.length, end), output.slice(end + LISTED.length)];
  const names = listed.split("\n\n", 1)[0]?.split("\n").filter((name) => told.includes(`${name}\n`)) ?? [];
  return names.map((name) => {
    const text = told.slice(told.indexOf(`${name}\n`) + name.length + 1);
    const lines = text.split(/\n {4}at |\n\n(?=.+ => .+:\d+:\d+\n)/, 1)[0]?.trimEnd().split("\n") ?? [];
    return [name, ...lines.slice(0, FAILURE_LINES).map((line) => line.slice(0, FAILURE_LINE_LENGTH))];
  });
}

/** What one step came to. */
export interface StepResult extends Counts {
  readonly name: string;
  /** What failed and why, some lines each; empty for a step without tests of its own. */
  readonly failures: readonly (readonly string[])[];
  /** The names of the tests that were not run. */
  readonly notRun: readonly string[];
  readonly ms: number;
}

/**
 * The end of a run: a table of the steps, a word on what was not run and on what failed, and the line that everything is about.
 *
 * @param results What the steps came to.
 * @returns The lines to print; the last one is `N passed, N failed`.
 */
export function formatResults(results: readonly StepResult[]): string[] {
  const rows = results.map(({ name, passed, failed, ignored, ms }) => [
    name,
    failed === 0 ? "ok" : "FAILED",
    String(passed),
    String(failed),
    String(ignored),
    `${(ms / 1000).toFixed(1)} s`,
  ]);
  const table = [["step", "", "passed", "failed", "not run", "time"], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ??
    [];
  const lines = table.map((row) =>
    row.map((cell, column) =>
      column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
    )
      .join("  ").trimEnd()
  );
  const sum = (key: keyof Counts) => results.reduce((total, result) => total + result[key], 0);
  const notRun = results.flatMap((result) => result.notRun);
  if (notRun.length > 0) lines.push("", "Not run:", ...notRun.map((name) => `  ${name}`));
  // Last, for whoever sees only the end of a log.
  for (const { name, failed, failures } of results.filter((result) => result.failed > 0)) {
    lines.push("", `Failed in ${name}:`);
    if (failures.length < failed) lines.push("  see what it printed, above");
    for (const [test = "", ...why] of failures) lines.push(`  ${test}`, ...why.map((line) => `    ${line}`));
  }
  return [...lines, "", `${sum("passed")} passed, ${sum("failed")} failed`];
}
