import { verdictFromJson, verdictToJson } from "../../vm/verdict_json.ts";
import type { Report } from "../report.ts";
import { fromJson, isList, toJson } from "./json_codec.ts";
import type { JsonObject, JsonValue } from "./json_value.ts";

/**
 * A report as JSON, for the journal: its time and its verdict's are ISO 8601; what JSON has no word for is tagged, so that
 * {@linkcode reportFromJson} makes the same report again.
 *
 * @param report The report.
 * @returns Its JSON.
 */
export function reportToJson(report: Report): JsonObject {
  const { at, ...body } = report;
  const members = Object.entries(body).filter(([key, value]) => key !== "verdict" && value !== undefined)
    .map(([key, value]) => [key, toJson(value)]);
  const verdict = "verdict" in report ? { verdict: verdictToJson(report.verdict) } : {};
  return { at: at.toISOString(), ...Object.fromEntries(members), ...verdict };
}

/**
 * A report from its JSON.
 *
 * @param json What {@linkcode reportToJson} made, perhaps in another version of this program: its kind may be one that is not known here.
 * @returns The report.
 * @throws {TypeError} When it is none.
 */
export function reportFromJson(json: JsonValue): Report {
  const { at, verdict: verdictJson, ...body } = isObject(json) ? json : {};
  if (typeof body.vm !== "string" || typeof body.kind !== "string" || !isTime(at)) {
    throw new TypeError(
      `Cannot make a report of ${JSON.stringify(json).slice(0, SHOWN_CHARS)}: it has no at, no vm or no kind`,
    );
  }
  const members = Object.entries(body).map(([key, value]) => [key, fromJson(value)]);
  const verdict = verdictJson === undefined ? {} : { verdict: verdictFromJson(verdictJson) };
  // What goes with the kind is as it was when it was written.
  return { at: new Date(at), ...Object.fromEntries(members), ...verdict };
}

/** How much of what is no report an error shows, in characters. */
const SHOWN_CHARS = 100;

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !isList(json);
}

function isTime(value: JsonValue | undefined): value is string {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}
