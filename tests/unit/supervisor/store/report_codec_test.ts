import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CAUSE_CLASSES } from "../../../../src/supervisor/cause_table.ts";
import type { Liveness, ProbeResult } from "../../../../src/supervisor/liveness/mod.ts";
import type { PolicyAction } from "../../../../src/supervisor/policy_action.ts";
import type { Report, ReportBody } from "../../../../src/supervisor/report.ts";
import { reportFromJson, reportToJson } from "../../../../src/supervisor/store/report_codec.ts";
import type { AnyQmpEvent } from "../../../../src/qmp/mod.ts";
import type { Verdict, VerdictCause } from "../../../../src/vm/mod.ts";
import { verdict } from "../_policy.ts";
import { aQmpValue, assertSame, errorOf, throughText } from "./_values.ts";

const aText = fc.string({ unit: "grapheme" });
const aDate = fc.date({ noInvalidDate: true });
const aCount = fc.nat();
const aPid = fc.option(aCount);
const aGuest = fc.constantFrom("running" as const, "held" as const);
const anError = fc.tuple(aText, aText).map(([name, message]) => errorOf(name, message));
const anAction: fc.Arbitrary<PolicyAction> = fc.oneof(
  fc.constantFrom<PolicyAction>(
    { kind: "start" },
    { kind: "clear-away" },
    { kind: "dump", dump: { keep: 1 } },
    { kind: "give-up", why: "restart-limit" },
  ),
  aCount.map((delayMs) => ({ kind: "wait" as const, delayMs })),
);
const actions = fc.array(anAction, { maxLength: 3 });
const anEvent: fc.Arbitrary<AnyQmpEvent> = fc.record({
  event: aText,
  timestamp: fc.record({ seconds: aCount, microseconds: aCount }),
  data: fc.dictionary(aText, aQmpValue, { maxKeys: 3, noNullPrototype: true }),
}, { requiredKeys: ["event", "timestamp"] });
const aVerdict: fc.Arbitrary<Verdict> = fc.record({
  cause: fc.constantFrom(...Object.keys(CAUSE_CLASSES) as VerdictCause[]),
  at: aDate,
  detail: aText,
  exit: fc.option(fc.record({ code: aCount, signal: fc.option(aText) })),
  events: fc.array(anEvent, { maxLength: 2 }),
}).map(({ cause, ...more }) => verdict(cause, more));
const aLiveness: fc.Arbitrary<Liveness> = fc.oneof(
  fc.record({
    kind: fc.constant("busy" as const),
    forMs: aCount,
    proof: fc.constantFrom("answers-out-of-band", "presumed"),
  }),
  fc.record({
    kind: fc.constant("stopped" as const),
    forMs: aCount,
    by: fc.constantFrom("signal", "freezer", "unknown"),
  }),
);

const aProbeResult: fc.Arbitrary<ProbeResult> = fc.oneof(
  fc.constant({ kind: "passing" as const }),
  aText.map((why) => ({ kind: "failing" as const, why })),
);

type Kind = ReportBody["kind"];
type Members<K extends Kind> = Omit<Extract<ReportBody, { kind: K }>, "kind">;

/** Every kind: one that is new does not compile until it is here. */
const MEMBERS: { [K in Kind]: fc.Arbitrary<Members<K>> } = {
  "asked": fc.record({ ask: fc.constantFrom("start", "stop", "restart", "clear"), actions }),
  "updated": fc.constant({}),
  "started": fc.record({ pid: aPid, argv: fc.array(aText, { maxLength: 3 }), actions }),
  "adopted": fc.record({ pid: aPid, guest: aGuest, actions }),
  "not-adopted": fc.record({ found: fc.constantFrom("foreign", "unverifiable"), why: aText, actions }),
  "recalled": fc.record({ actions }),
  "event": fc.record({ event: anEvent }),
  "guest-ended": fc.record({ verdict: aVerdict, actions }),
  "ended": fc.record({ verdict: aVerdict, actions }),
  "wait-over": fc.record({ actions }),
  "dump-progress": fc.record({ file: aText, completedBytes: aCount, totalBytes: aCount }),
  "dumped": fc.record({ file: aText, actions }),
  "dump-failed": fc.record({ error: anError, actions }),
  "liveness": fc.record({ liveness: aLiveness }),
  "probed": fc.record({ probe: aText, result: aProbeResult }),
  "readiness": fc.record({ readiness: fc.constantFrom("unknown", "ready", "not-ready") }),
  "stuck": fc.record({ liveness: aLiveness, why: aText, actions }),
  "unstuck": fc.record({ guest: aGuest, actions }),
  "unreachable": fc.record({ actions }),
  "reachable": fc.record({ guest: aGuest, actions }),
  "clock-jump": fc.record({ byMs: aCount }),
  "action-failed": fc.record({ action: anAction, error: anError, actions }),
};

for (const [kind, members] of Object.entries(MEMBERS)) {
  Deno.test(`reportFromJson() makes again what reportToJson() wrote of a report "${kind}"`, () => {
    fc.assert(fc.property(aDate, aText, members, (at, vm, more) => {
      const report = { at, vm, kind, ...more } as Report;
      assertSame(reportFromJson(throughText(reportToJson(report))), report);
    }));
  });
}

Deno.test("reportToJson() writes a report that other programs can read: its times as ISO 8601, all else plainly", () => {
  const at = new Date(1_000);
  const event: AnyQmpEvent = {
    event: "RESET",
    timestamp: { seconds: 1, microseconds: 2 },
    data: { size: 2n ** 63n },
  };
  const report: Report = {
    at,
    vm: "web",
    kind: "ended",
    verdict: verdict("guest-panic", { at, events: [event] }),
    actions: [{ kind: "start" }],
  };
  const { verdict: written, ...rest } = reportToJson(report);
  const when = "1970-01-01T00:00:01.000Z";
  assertEquals(rest, { at: when, vm: "web", kind: "ended", actions: [{ kind: "start" }] });
  const expected: unknown = {
    ...verdict("guest-panic"),
    at: when,
    events: [{ ...event, data: { size: { $exact: "9223372036854775808n" } } }],
  };
  assertEquals<unknown>(written, expected);
});

Deno.test("reportFromJson() makes an error that says what the first one said", () => {
  const failed: Report = {
    at: new Date(0),
    vm: "web",
    kind: "dump-failed",
    error: errorOf("QmpCommandError", "no"),
    actions: [],
  };
  const made = reportFromJson(reportToJson(failed));
  const error = made.kind === "dump-failed" ? made.error : null;
  assertInstanceOf(error, Error);
  assertEquals(`${error}`, "QmpCommandError: no");
});

Deno.test("reportFromJson() takes a kind that it does not know, and refuses what is no report", () => {
  const json = { at: "1970-01-01T00:00:00.000Z", vm: "web", kind: "of tomorrow", more: [1] };
  const { kind, ...rest }: { kind: string } = reportFromJson(json);
  assertEquals([kind, rest], ["of tomorrow", { at: new Date(0), vm: "web", more: [1] }]);
  for (
    const wrong of [null, 7, [], {}, { ...json, at: "never" }, { ...json, vm: 1 }, { ...json, kind: null }]
  ) {
    assertThrows(() => reportFromJson(wrong), TypeError, "it has no at, no vm or no kind");
  }
});
