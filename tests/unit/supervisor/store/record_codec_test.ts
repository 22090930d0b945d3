import { assertEquals, assertThrows } from "@std/assert";
import { NewerRecordError, StateError } from "../../../../src/supervisor/store/errors.ts";
import type { JsonObject } from "../../../../src/supervisor/store/json_value.ts";
import {
  decodeRecord,
  encodeRecord,
  RECORD_UPGRADES,
} from "../../../../src/supervisor/store/record_codec.ts";
import { toJson } from "../../../../src/supervisor/store/json_codec.ts";
import { verdict } from "../_policy.ts";
import { record } from "./_values.ts";

const PATH = "/state/vms/web.json";

/** The record's JSON, some of it replaced. */
function text(more: Record<string, unknown>): string {
  return JSON.stringify({ ...JSON.parse(encodeRecord(record())), ...more });
}

Deno.test("decodeRecord() makes again what encodeRecord() wrote", () => {
  const all = [
    record(),
    record({ run: null, lastReport: null, lastVerdict: toJson(verdict("guest-panic", { at: new Date(0) })) }),
    record({ litter: [{ runDir: "/run/a", stderrFile: "/run/a.stderr.log" }] }),
    // No JSON number, and a spec may well say it.
    record({ spec: { config: {}, limit: { restarts: Infinity, withinMs: Infinity } } }),
  ];
  for (const one of all) assertEquals(decodeRecord(encodeRecord(one), PATH), one);
});

Deno.test("encodeRecord() writes a line for each member", () => {
  const lines = encodeRecord(record()).split("\n");
  assertEquals(lines.slice(0, 4), ["{", '  "version": 2,', '  "generation": 1,', '  "name": "web",']);
  assertEquals(lines.slice(-3), ['  "litter": []', "}", ""]);
});

Deno.test("decodeRecord() refuses a newer version as such, and says what to do", () => {
  const error = assertThrows(
    () => decodeRecord(text({ version: 3, state: "in a new way" }), PATH),
    NewerRecordError,
  );
  assertEquals(
    error.message,
    `Cannot read the record ${PATH}: its version is 3, and this program knows versions up to 2; use the newer program that wrote it`,
  );
  assertEquals(error.path, PATH);
});

Deno.test("decodeRecord() takes an older version through every step", () => {
  const { version: _version, spec, ...rest } = record();
  const old = JSON.stringify({ version: 0, ...rest, policy: spec });
  const upgrades = {
    ...RECORD_UPGRADES,
    0: ({ policy = null, ...others }: JsonObject) => ({ ...others, spec: policy }),
  };
  assertEquals(decodeRecord(old, PATH, upgrades), record());
});

Deno.test("decodeRecord() refuses an older version that no step leads on from", () => {
  assertThrows(
    () => decodeRecord(text({ version: 0 }), PATH, {}),
    StateError,
    "its version is 0, and no step leads from version 0 to 2",
  );
});

Deno.test("decodeRecord() says what is wrong with a record, and where", async (t) => {
  const { run, state } = record();
  const cases: [what: string, text: string, message: string][] = [
    ["nothing", "", "it is not JSON: it is empty"],
    ["half of it", encodeRecord(record()).slice(0, 99), "it is not JSON: "],
    ["zeros, as a power failure leaves them", "\0".repeat(99), "it is not JSON: "],
    ["another value", "[]", "the whole: expected an object, found []"],
    ["no version", text({ version: undefined }), "version: expected a whole number, found nothing"],
    ["a strange version", text({ version: -1 }), "version: expected a whole number, found -1"],
    [
      "a generation that is none",
      text({ generation: "7" }),
      `generation: expected a whole number, found "7"`,
    ],
    ["no name", text({ name: undefined }), "name: expected text, found nothing"],
    ["no spec", text({ spec: null }), "spec: expected an object, found null"],
    ["no report", text({ lastReport: undefined }), "lastReport: expected a value, found nothing"],
    [
      "an earlier report that is none",
      text({ earlier: [{ seq: 1 }] }),
      'earlier: expected a list, each item a line of a journal, found [{"seq":1}]',
    ],
    ["a run that is none", text({ run: 7 }), "run: expected an object or null, found 7"],
    [
      "a wrong pid",
      text({ run: { ...run, pid: 1.5 } }),
      "run.pid: expected a whole number or null, found 1.5",
    ],
    [
      "a wrong argument",
      text({ run: { ...run, argv: [7] } }),
      "run.argv: expected a list, each item text, found [7]",
    ],
    [
      "wrong litter",
      text({ litter: [{ runDir: "/a" }] }),
      "litter[0].stderrFile: expected text, found nothing",
    ],
    ["a wrong phase", text({ state: { ...state, phase: "asleep" } }), "'phase' must be"],
    ["a config that is none", text({ spec: { config: { cpus: "two" } } }), "cpus: expected"],
    ["a spec without config", text({ spec: {} }), "Invalid VM config: expected an object"],
    ["a wrong word", text({ spec: { config: {}, restart: "sometimes" } }), "'restart' must be one of"],
    ["a word of another version", text({ spec: { config: {}, mood: 1 } }), 'a guest\'s spec has no "mood"'],
    [
      "a wrong probe",
      text({ spec: { config: {}, probes: [{ kind: "agent", for: "liveness" }] } }),
      "agent: true",
    ],
    ["a run's wrong config", text({ run: { ...run, config: { cpus: 0 } } }), "cpus: expected"],
    ["a verdict that is none", text({ lastVerdict: { x: 1 } }), "Cannot read the record"],
    [
      "a tag that is none",
      text({ lastReport: { $bigint: "x" }, spec: { $bigint: "x" } }),
      "Cannot make a value of",
    ],
  ];
  for (const [what, broken, message] of cases) {
    await t.step(what, () => {
      assertThrows(() => decodeRecord(broken, PATH), StateError, message);
      assertThrows(() => decodeRecord(broken, PATH), StateError, `Cannot read the record ${PATH}: `);
    });
  }
});

Deno.test("decodeRecord() takes a record of the time when one had one report", () => {
  assertEquals(decodeRecord(text({ version: 1, earlier: undefined }), PATH), record({ earlier: [] }));
});
