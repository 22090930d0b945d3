import type { Report } from "../report.ts";
import type { JsonObject, JsonValue } from "./json_value.ts";

/** A report as JSON. */
export function reportToJson(_report: Report): JsonObject {
  throw new Error("Not there yet");
}

/** A report from its JSON. */
export function reportFromJson(_json: JsonValue): Report {
  throw new Error("Not there yet");
}
