import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { JsonValue, VmRecord } from "../../../../src/supervisor/store/mod.ts";

const aKey = fc.oneof(
  fc.string(),
  fc.constantFrom("$bigint", "$date", "$error", "$number", "$$bigint", "$", "__proto__", "constructor"),
);

/** Whatever QEMU may say, numbers beyond those of JSON included. */
export const aQmpValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.string({ unit: "grapheme" }),
    fc.double(),
    fc.bigInt(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(aKey, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

/** Whatever a report may hold: what JSON has a word for and what it has none for, under keys that look like the codec's own too. */
export const aValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.string({ unit: "grapheme" }),
    fc.double(),
    fc.constantFrom(NaN, Infinity, -Infinity, -0, Number.MAX_SAFE_INTEGER + 1),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.record({ name: fc.string(), message: fc.string() }).map(({ name, message }) => errorOf(name, message)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(aKey, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

export function errorOf(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

/** As a file would hold it. */
export function throughText(json: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(json));
}

/** The same value, `-0` and what errors are made of included. */
export function assertSame(actual: unknown, expected: unknown): void {
  assertEquals(plain(actual), plain(expected));
}

/** Spells out what `assertEquals` passes over. */
function plain(value: unknown): unknown {
  if (Object.is(value, -0)) return "minus zero";
  if (value instanceof Error) return ["error", value.name, value.message];
  if (value instanceof Date) return ["date", value.getTime()];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([one], [other]) => one < other ? -1 : 1);
  return ["object", ...members.map(([key, member]) => [key, plain(member)])];
}

/** A record of a guest that runs. */
export function record(more: Partial<VmRecord> = {}): VmRecord {
  const config = { name: "web", memoryMiB: 16 };
  return {
    version: 2,
    generation: 1,
    name: "web",
    spec: { config, restart: "always" },
    state: {
      savedAt: 1_700_000_001_000,
      wanted: "up",
      phase: "up",
      history: { times: [1_700_000_000_000], attempts: 1, lastDelayMs: 0 },
      upSince: 1_700_000_000_500,
      pending: "start",
      after: { kind: "nothing" },
      begun: null,
    },
    seq: 7,
    lastReport: { kind: "started", vm: "web" },
    earlier: [],
    lastVerdict: null,
    run: {
      id: "5f0c",
      runDir: "/run/qeeper/5f0c",
      stderrFile: "/run/qeeper/5f0c.stderr.log",
      uuid: "a3bb189e-8bf9-4c8a-9a07-0a9d8f1c0c55",
      pid: 4242,
      startTime: "123456",
      argv: ["qemu-system-x86_64", "-S"],
      config,
      startedAt: "2023-11-14T22:13:20.000Z",
    },
    litter: [],
    ...more,
  };
}
