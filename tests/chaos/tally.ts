/** What became of the faults of one kind. */
export interface TallyRow {
  readonly name: string;
  readonly expected: string;
  survived: number;
  lost: number;
}

/**
 * The table of a walk.
 *
 * @param rows Its rows, in order.
 * @returns Lines of text.
 */
export function formatTally(rows: readonly TallyRow[]): string[] {
  const all: TallyRow = {
    ...{ name: "all", expected: "" },
    survived: rows.reduce((sum, { survived }) => sum + survived, 0),
    lost: rows.reduce((sum, { lost }) => sum + lost, 0),
  };
  const cells = [
    ["fault", "times", "survived", "lost", "expected"],
    ...[...rows, all].map(({ name, expected, survived, lost }) => [
      ...[name, `${survived + lost}`, `${survived}`, `${lost}`, expected],
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  );
}
