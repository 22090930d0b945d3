import { oneLine } from "./text.ts";

/**
 * Lays out rows in columns.
 *
 * @param rows The cells; a row may be shorter than others.
 * @param indent Blanks before each line.
 * @returns Lines, each with a line end; columns are two blanks apart, the last one is not padded.
 */
export function formatTable(rows: readonly (readonly string[])[], indent: string = ""): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    }
  }
  return cells.map((row) => {
    const padded = row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)));
    return `${indent}${padded.join("  ")}`.trimEnd() + "\n";
  }).join("");
}

/** How many places a cell takes, near enough: one a character. */
function widthOf(cell: string): number {
  return [...cell].length;
}
