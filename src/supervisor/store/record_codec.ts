import { parseVmConfig } from "../../machine/mod.ts";
import type { Verdict } from "../../vm/mod.ts";
import { verdictFromJson, verdictToJson } from "../../vm/verdict_json.ts";
import { checkProbes } from "../liveness/check_probes.ts";
import { NewerRecordError, StateError } from "./errors.ts";
import { fromJson, isList, toJson } from "./json_codec.ts";
import type { JsonObject, JsonValue } from "./json_value.ts";
import { parsePersistedState } from "../persist_state.ts";
import { policyOf } from "../policy_of.ts";
import type { RunPlace } from "../run_place.ts";
import { entryIn } from "./journal_entry.ts";
import { RECORD_VERSION, type RunRecord, type VmRecord } from "./record.ts";

/** Makes of a record of the version that it stands under one of the next version. */
export type RecordUpgrades = Readonly<Record<number, (record: JsonObject) => JsonObject>>;

/** Every step from an older version to this one. */
export const RECORD_UPGRADES: RecordUpgrades = {
  // One had one report.
  1: (record) => ({ ...record, earlier: [] }),
};

/**
 * A record as text.
 *
 * @param record The record.
 * @returns JSON, for people with a line for each member.
 */
export function encodeRecord(record: VmRecord): string {
  const members = Object.entries(record).map(([key, value]) =>
    `  ${JSON.stringify(key)}: ${JSON.stringify(toJson(value))}`
  );
  return `{\n${members.join(",\n")}\n}\n`;
}

/**
 * A record from its text, of this version or an older one.
 *
 * @param text What the file holds.
 * @param path The file, for errors.
 * @param upgrades The steps from older versions.
 * @returns The record.
 * @throws {NewerRecordError} When a newer version wrote it: nothing is wrong with it, and it must not be touched.
 * @throws {StateError} When it is broken; it says what was found and what was expected.
 */
export function decodeRecord(
  text: string,
  path: string,
  upgrades: RecordUpgrades = RECORD_UPGRADES,
): VmRecord {
  const found = parseObject(text, path);
  const { version } = found;
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 0) {
    throw broken(path, "version", "a whole number", version);
  }
  if (version > RECORD_VERSION) {
    throw new NewerRecordError(
      `Cannot read the record ${path}: its version is ${version}, and this program knows versions up to ${RECORD_VERSION}; use the newer program that wrote it`,
      path,
    );
  }
  let record = found;
  for (let step = version; step < RECORD_VERSION; step++) {
    const upgrade = upgrades[step];
    if (upgrade === undefined) {
      throw new StateError(
        `Cannot read the record ${path}: its version is ${version}, and no step leads from version ${step} to ${RECORD_VERSION}`,
        path,
      );
    }
    record = { ...upgrade(record), version: step + 1 };
  }
  return checked(record, path);
}

function parseObject(text: string, path: string): JsonObject {
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const what = text.trim() === "" ? "it is empty" : error instanceof Error ? error.message : String(error);
    throw new StateError(`Cannot read the record ${path}: it is not JSON: ${what}`, path, { cause: error });
  }
  if (!isObject(json)) throw broken(path, "the whole", "an object", json);
  return json;
}

type Check = readonly [expected: string, holds: (value: JsonValue | undefined) => boolean];

const text: Check = ["text", (value) => typeof value === "string"];
const wholeNumber: Check = ["a whole number", isCount];
const object: Check = ["an object", (value) => value !== undefined && isObject(value)];
const anything: Check = ["a value", (value) => value !== undefined];
const orNull = ([expected, holds]: Check): Check => [
  `${expected} or null`,
  (value) => value === null || holds(value),
];
const listOf = ([expected, holds]: Check): Check => [
  `a list, each item ${expected}`,
  (value) => value !== undefined && isList(value) && value.every(holds),
];

const line: Check = ["a line of a journal", (value) => value !== undefined && entryIn(value) !== null];

/** The depths of some members are checked by the words of whoever writes them: see `checkDepths`. */
const RECORD: Readonly<Record<Exclude<keyof VmRecord, "version">, Check>> = {
  generation: wholeNumber,
  name: text,
  spec: object,
  state: object,
  seq: wholeNumber,
  lastReport: anything,
  earlier: listOf(line),
  lastVerdict: anything,
  run: orNull(object),
  litter: listOf(object),
};
const RUN: Readonly<Record<keyof RunRecord, Check>> = {
  id: text,
  runDir: text,
  stderrFile: text,
  uuid: text,
  pid: orNull(wholeNumber),
  startTime: orNull(text),
  argv: listOf(text),
  config: object,
  startedAt: text,
};
const PLACE: Readonly<Record<keyof RunPlace, Check>> = { runDir: text, stderrFile: text };

function checked(record: JsonObject, path: string): VmRecord {
  check(record, RECORD, "", path);
  if (record.run !== null) check(record.run, RUN, "run.", path);
  for (const [index, place] of listIn(record.litter).entries()) {
    check(place, PLACE, `litter[${index}].`, path);
  }
  try {
    // Each member was checked above, but for the depths of some.
    const made = fromJson(record) as VmRecord;
    checkDepths(made);
    return { ...made, state: parsePersistedState(made.state) };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new StateError(`Cannot read the record ${path}: ${what}`, path, { cause: error });
  }
}

/** What can't be used later is refused now: a guest that nobody can go on with is no reason to leave all others alone. */
function checkDepths({ spec, run, lastVerdict }: VmRecord): void {
  const config = parseVmConfig(spec.config);
  policyOf(spec);
  checkProbes(spec.probes ?? [], config);
  if (run !== null) parseVmConfig(run.config);
  if (lastVerdict !== null) verdictFromJson(verdictToJson(fromJson(lastVerdict) as Verdict));
}

function listIn(value: JsonValue | undefined): readonly JsonValue[] {
  return value !== undefined && isList(value) ? value : [];
}

function check(
  found: JsonValue | undefined,
  checks: Readonly<Record<string, Check>>,
  prefix: string,
  path: string,
): void {
  const members = found !== undefined && isObject(found) ? found : {};
  for (const [key, [expected, holds]] of Object.entries(checks)) {
    if (!holds(members[key])) throw broken(path, `${prefix}${key}`, expected, members[key]);
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !isList(value);
}

function isCount(value: JsonValue | undefined): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** How much of what was found an error shows, in characters. */
const SHOWN_CHARS = 100;

function broken(path: string, place: string, expected: string, found: JsonValue | undefined): StateError {
  const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, SHOWN_CHARS);
  return new StateError(
    `Cannot read the record ${path}: ${place}: expected ${expected}, found ${shown}`,
    path,
  );
}
