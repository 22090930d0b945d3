import type { Report } from "../report.ts";
import { fromJson, toJson } from "./json_codec.ts";
import type { JsonObject, JsonValue } from "./json_value.ts";

/**
 * A report as JSON, for the journal: its time and its verdict's are ISO 8601; what JSON has no word for is tagged, so that
 * {@linkcode reportFromJson} makes the same report again.
 *
 * @param report The report.
 * @returns Its JSON.
 */
export function reportToJson(report: Report): JsonObject {
  return Object.fromEntries(
    Object.entries(report).filter(([, value]) => value !== undefined).map(([key, value]) => {
      if (key === "at" && value instanceof Date) return [key, value.toISOString()];
      return [key, toJson(key === "verdict" ? withText(value) : value)];
    }),
  );
}

/**
 * A report from its JSON.
 *
 * @param json What {@linkcode reportToJson} made, perhaps in another version of this program: its kind may be one that is not known here.
 * @returns The report.
 * @throws {TypeError} When it is none.
 */
export function reportFromJson(json: JsonValue): Report {
  const members = membersOf(fromJson(json));
  const { at, vm, kind, verdict } = members;
  if (typeof vm !== "string" || typeof kind !== "string" || !isTime(at)) {
    throw new TypeError(
      `Cannot make a report of ${JSON.stringify(json).slice(0, SHOWN_CHARS)}: it has no at, no vm or no kind`,
    );
  }
  const report = {
    ...members,
    at: new Date(at),
    ...(verdict === undefined ? {} : { verdict: withDate(verdict) }),
  };
  // What goes with the kind is as it was when it was written.
  return report as unknown as Report;
}

/** How much of what is no report an error shows, in characters. */
const SHOWN_CHARS = 100;

function withText(verdict: unknown): unknown {
  const { at } = membersOf(verdict);
  return at instanceof Date ? { ...membersOf(verdict), at: at.toISOString() } : verdict;
}

function withDate(verdict: unknown): unknown {
  const { at } = membersOf(verdict);
  return isTime(at) ? { ...membersOf(verdict), at: new Date(at) } : verdict;
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}
