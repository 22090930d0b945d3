/**
 * Prints the README's table of causes and restart words, from the data that decides.
 *
 *     deno run tools/policy_table.ts                                 prints it
 *     deno run --allow-read=. --allow-write=. tools/policy_table.ts README.md   puts it between the file's markers
 */
import { wordOf } from "../src/supervisor/action.ts";
import { actionFor, CAUSE_CLASSES, type EndClass, RESTARTED } from "../src/supervisor/cause_table.ts";
import type { RestartWhen } from "../src/supervisor/spec.ts";
import type { VerdictCause } from "../src/vm/mod.ts";

const BEGIN = "<!-- policy-table -->";
const END = "<!-- /policy-table -->";

/** The classes in the order in which the table has them. */
const CLASSES: readonly EndClass[] = ["success", "failure", "abnormal", "attention"];

/**
 * The table, as `deno fmt` writes tables.
 *
 * @returns Markdown, with a line feed at its end.
 */
export function policyTable(): string {
  const words = Object.keys(RESTARTED) as RestartWhen[];
  const row = (label: string, endClass: EndClass, cause: VerdictCause, tripleFault: boolean): string[] => [
    label,
    endClass,
    ...words.map((restart) => wordOf(actionFor({ restart, onCause: {} }, { cause, tripleFault }))),
  ];
  const causes = Object.keys(CAUSE_CLASSES) as VerdictCause[];
  const rows = CLASSES.flatMap((endClass) => [
    ...causes.filter((cause) => CAUSE_CLASSES[cause] === endClass).map((cause) =>
      row(`\`${cause}\``, endClass, cause, false)
    ),
    // No cause of its own: QEMU shows it as a reset, and only its log tells.
    ...(endClass === "abnormal" ? [row("a triple fault", endClass, "guest-reset", true)] : []),
  ]);
  return markdown(["Cause", "is a", ...words.map((word) => `\`${word}\``)], rows);
}

/**
 * Puts the table where a text has the markers for it.
 *
 * @param text The text.
 * @returns The text with this table in the place of the one that it had; null when it has no markers.
 */
export function withPolicyTable(text: string): string | null {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) return null;
  return `${text.slice(0, begin + BEGIN.length)}\n\n${policyTable()}\n${text.slice(end)}`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[], fill: string) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |\n`;
  return [line(head, " "), line(head.map(() => ""), "-"), ...rows.map((row) => line(row, " "))].join("");
}

if (import.meta.main) {
  const [file] = Deno.args;
  if (file === undefined) {
    // deno-lint-ignore no-console -- a tool talks to people
    console.log(policyTable().trimEnd());
  } else {
    const text = withPolicyTable(await Deno.readTextFile(file));
    if (text === null) {
      throw new Error(`Cannot put the policy table into ${file}: it has no ${BEGIN} and ${END}`);
    }
    await Deno.writeTextFile(file, text);
  }
}
