import { endsTold } from "./ends_told.ts";
import type { Mismatch } from "./settle.ts";
import type { World } from "./world.ts";

/** How much of the past is told: ends and reports of a guest, and what each of the last supervisors logged. */
const TOLD = { ends: 6, reports: 14, supervisors: 3, logged: 5 };
const LINE_CHARS = 260;

/**
 * What there is to know of a world that is not as it has to be.
 *
 * @param world The world.
 * @param wrong What is wrong with it.
 * @returns Lines of text.
 */
export function describeLoss(world: World, wrong: readonly Mismatch[]): string[] {
  const { lines } = world.journal;
  const guests = new Set(wrong.flatMap(({ guest }) => guest ?? []));
  return [
    ...wrong.map(({ guest, what }) => `wrong: ${guest ?? "all"}: ${what}`),
    ...[...guests].flatMap((name) => [
      `ends of ${name}: ${endsTold(lines, name).slice(-TOLD.ends).join(", ")}`,
      ...lines.flatMap((line) =>
        "gap" in line || line.vm !== name
          ? []
          : [`  ${line.seq} ${JSON.stringify(line.report).slice(0, LINE_CHARS)}`]
      ).slice(-TOLD.reports),
    ]),
    ...world.supervisors.slice(-TOLD.supervisors).flatMap(({ log }) =>
      log.slice(-TOLD.logged).map((line) => `log: ${line.slice(0, LINE_CHARS)}`)
    ),
  ];
}
