import fc from "fast-check";
import { assertEquals, assertThrows } from "@std/assert";
import type { AnyQmpEvent } from "../../../src/qmp/mod.ts";
import { verdictFromJson, verdictToJson } from "../../../src/vm/verdict_json.ts";
import type { Verdict } from "../../../src/vm/verdict_types.ts";

const VERDICT: Verdict = {
  cause: "guest-panic",
  detail: "The guest's kernel panicked",
  at: new Date("2026-01-02T03:04:05.678Z"),
  process: "ended",
  exit: { code: 0, signal: null },
  reason: "guest-panic",
  tripleFault: null,
  oomKill: null,
  intent: "none",
  rung: null,
  stderrTail: "",
  consoleTail: "Kernel panic\r\n",
  events: [{ event: "STOP", timestamp: { seconds: 1, microseconds: 2 } }],
};

/** As a file has it. */
function throughText(verdict: Verdict): Verdict {
  return verdictFromJson(JSON.parse(JSON.stringify(verdictToJson(verdict))));
}

/** What an event may carry: anything that JSON can say, with integers of any size and members of any name. */
const data = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.double(),
    fc.bigInt(),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom("$exact", "$$exact", "__proto__", "$bigint", "constructor", "7")),
    tie("value"),
    { maxKeys: 3, noNullPrototype: true },
  ),
})).object as fc.Arbitrary<Record<string, unknown>>;

const event: fc.Arbitrary<AnyQmpEvent> = fc.record({
  event: fc.string(),
  timestamp: fc.record({
    seconds: fc.integer({ min: -1 }),
    microseconds: fc.integer({ min: -1, max: 999_999 }),
  }),
  data,
}, { requiredKeys: ["event", "timestamp"], noNullPrototype: true });

const TOLD = [true, false, "unknown", null] as const;

const verdict: fc.Arbitrary<Verdict> = fc.record({
  cause: fc.constantFrom("guest-shutdown", "killed", "crashed", "lost", "io-error"),
  detail: fc.string({ unit: "binary" }),
  at: fc.date({ noInvalidDate: true }),
  process: fc.constantFrom("ended", "held", "running"),
  exit: fc.option(
    fc.record({ code: fc.nat(255), signal: fc.option(fc.constantFrom("SIGKILL", "SIGSEGV")) }, {
      noNullPrototype: true,
    }),
  ),
  reason: fc.option(fc.constantFrom("guest-panic", "host-signal", "of a later QEMU")),
  tripleFault: fc.constantFrom(...TOLD),
  oomKill: fc.constantFrom(...TOLD),
  intent: fc.constantFrom("none", "stop", "kill"),
  rung: fc.constantFrom("powerdown", "quit", "sigterm", "sigkill", null),
  stderrTail: fc.string({ unit: "binary" }),
  consoleTail: fc.string(),
  events: fc.array(event, { maxLength: 4 }),
}, { noNullPrototype: true });

Deno.test("verdictFromJson() gives back exactly what verdictToJson() wrote, through text as well", () => {
  fc.assert(fc.property(verdict, (one) => {
    assertEquals(throughText(one), one);
    assertEquals(verdictFromJson(verdictToJson(one)), one);
  }));
});

Deno.test("verdictToJson() is plain to read: a date in ISO 8601, numbers as numbers, only long ones as text", () => {
  const events = [{
    event: "E",
    timestamp: { seconds: 1, microseconds: 2 },
    data: { n: 7, long: 2n ** 64n },
  }];
  const json = JSON.parse(JSON.stringify(verdictToJson({ ...VERDICT, events })));
  assertEquals(json.at, "2026-01-02T03:04:05.678Z");
  assertEquals(json.events[0].data, { n: 7, long: { "$exact": "18446744073709551616n" } });
  assertEquals(Object.keys(json).toSorted(), Object.keys(VERDICT).toSorted());
});

Deno.test("verdictFromJson() throws for what is no verdict, and names what is wrong", async (t) => {
  const whole = verdictToJson(VERDICT) as Record<string, unknown>;
  const cases: [unknown, string][] = [
    [null, "it is no object"],
    [[], "it is no object"],
    ["killed", "it is no object"],
    [{ ...whole, cause: "boredom" }, "'cause'"],
    [{ ...whole, cause: "toString" }, "'cause'"],
    [{ ...whole, at: "yesterday" }, "'at'"],
    [{ ...whole, at: 0 }, "'at'"],
    [{ ...whole, process: "gone" }, "'process'"],
    [{ ...whole, exit: { code: "0", signal: null } }, "'exit'"],
    [{ ...whole, reason: 1 }, "'reason'"],
    [{ ...whole, tripleFault: "maybe" }, "'tripleFault'"],
    [{ ...whole, oomKill: undefined }, "'oomKill'"],
    [{ ...whole, intent: "" }, "'intent'"],
    [{ ...whole, rung: "sighup" }, "'rung'"],
    [{ ...whole, stderrTail: null }, "'stderrTail'"],
    [{ ...whole, consoleTail: [] }, "'consoleTail'"],
    [{ ...whole, events: {} }, "'events'"],
    [{ ...whole, events: [{ event: "STOP" }] }, "'events'"],
    [
      { ...whole, events: [{ event: "X", timestamp: { seconds: 1, microseconds: 2 }, data: [] }] },
      "'events'",
    ],
    [{ ...whole, detail: { "$exact": "12" } }, '{"$exact":"12"} is no number'],
  ];
  for (const [json, message] of cases) {
    await t.step(message, () => {
      assertThrows(() => verdictFromJson(json), TypeError, message);
    });
  }
});
