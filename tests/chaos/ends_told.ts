import type { JournalLine, JsonObject, JsonValue } from "../../src/supervisor/store/mod.ts";

/**
 * The ends that a journal tells of one guest, in short: `ended killed`, `guest-ended guest-reset (triple fault)`.
 *
 * @param lines The journal, or a part of it.
 * @param name The guest.
 * @returns Its ends, in order.
 */
export function endsTold(lines: readonly JournalLine[], name: string): string[] {
  return lines.flatMap((line) => {
    if ("gap" in line || line.vm !== name) return [];
    const { kind, verdict } = objectOf(line.report);
    if (verdict === undefined) return [];
    const { cause, tripleFault } = objectOf(verdict);
    return [`${kind} ${cause}${tripleFault === true ? " (triple fault)" : ""}`];
  });
}

/** How often a guest's reports are of this kind. */
export function countKind(lines: readonly JournalLine[], name: string, kind: string): number {
  return lines.filter((line) =>
    !("gap" in line) && line.vm === name && objectOf(line.report)["kind"] === kind
  ).length;
}

/**
 * Compares the ends that were told with those that had to be.
 *
 * @param found What was told.
 * @param told What had to be, in this order; ` or ` stands between two of which either will do.
 * @param maybe What might be as well, each at most once.
 * @returns What is wrong; null when nothing is.
 */
export function compareEnds(
  found: readonly string[],
  told: readonly string[],
  maybe: readonly string[] = [],
): string | null {
  const spare = [...maybe];
  let next = 0;
  for (const end of found) {
    if (told[next]?.split(" or ").includes(end)) {
      next++;
      continue;
    }
    const at = spare.indexOf(end);
    if (at < 0) return `told ${inWords(found)}, and it had to be ${inWords(told)}`;
    spare.splice(at, 1);
  }
  return next === told.length ? null : `told ${inWords(found)}, and it had to be ${inWords(told)}`;
}

function inWords(ends: readonly string[]): string {
  return ends.length === 0 ? "no end" : `[${ends.join(", ")}]`;
}

function objectOf(value: JsonValue): JsonObject {
  return typeof value === "object" && value !== null && !isList(value) ? value : {};
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
