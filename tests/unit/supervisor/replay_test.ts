// What another policy would have done about what was reported: with reports that are written by hand, and with those of a supervisor that is only a clock.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CAUSE_CLASSES, RESTARTED } from "../../../src/supervisor/cause_table.ts";
import { decide, type Incident, INITIAL_STATE, type PolicyAction } from "../../../src/supervisor/policy.ts";
import { GuestReplay } from "../../../src/supervisor/replay.ts";
import type { Report, ReportBody } from "../../../src/supervisor/report.ts";
import type { Policy, RestartWhen, SupervisedVm } from "../../../src/supervisor/spec.ts";
import type { Verdict, VerdictCause } from "../../../src/vm/mod.ts";
import { policy, verdict } from "./_policy.ts";

/** A report, so many milliseconds after the first. */
function report(atMs: number, body: ReportBody): Report {
  return { at: new Date(atMs), vm: "web", ...body };
}

const asked = (atMs: number, ask: "start" | "stop" | "restart", ...actions: PolicyAction[]): Report =>
  report(atMs, { kind: "asked", ask, actions });
const started = (atMs: number): Report => report(atMs, { kind: "started", pid: 1, argv: [], actions: [] });
const ended = (atMs: number, how: Verdict, ...actions: PolicyAction[]): Report =>
  report(atMs, { kind: "ended", verdict: how, actions });
const panic = (atMs: number, ...actions: PolicyAction[]): Report =>
  report(atMs, { kind: "guest-ended", verdict: verdict("guest-panic", { process: "held" }), actions });
const cleared = (atMs: number, ...actions: PolicyAction[]): Report =>
  ended(atMs, verdict("host-quit", { intent: "stop" }), ...actions);

const BUSY = { kind: "busy", forMs: 60_000, proof: "presumed" } as const;
const START: PolicyAction = { kind: "start" };
const STOP: PolicyAction = { kind: "stop" };
const RESET: PolicyAction = { kind: "reset" };
const CLEAR: PolicyAction = { kind: "clear-away" };
const wait = (delayMs: number): PolicyAction => ({ kind: "wait", delayMs });
const giveUp = (why: "stopped" | "preserved" | "restart-limit"): PolicyAction => ({ kind: "give-up", why });

function replay(spec: Omit<SupervisedVm, "config">, reports: readonly Report[]): GuestReplay {
  const guest = new GuestReplay(policy(spec));
  for (const one of reports) guest.take(one);
  return guest;
}

/** What happened, what was done, what would be done: a line each. */
function table(guest: GuestReplay): string[] {
  const words = (actions: readonly PolicyAction[]) =>
    actions.map((action) =>
      action.kind === "wait" ? `wait ${action.delayMs}` : action.kind === "give-up" ? action.why : action.kind
    ).join(" ");
  return guest.steps.map(({ happened: { kind, cause }, did, would, phase }) =>
    `${cause ?? kind}: ${words(did)} | ${would === null ? "-" : words(would)} | ${phase}`
  );
}

/** A guest that panics twice and is started anew as a process each time. */
const TWO_PANICS = [
  asked(0, "start", START),
  started(50),
  panic(1_000, CLEAR),
  cleared(1_010, START),
  started(1_060),
  panic(2_000, CLEAR),
  cleared(2_010, wait(100)),
  report(2_110, { kind: "wait-over", actions: [START] }),
  started(2_160),
];

Deno.test("GuestReplay has what was done beside what would be done: all that followed, in one step", () => {
  assertEquals(table(replay({ restart: "always" }, TWO_PANICS)), [
    "start-asked: start | start | up",
    "guest-panic: clear-away start | clear-away start | up",
    "guest-panic: clear-away wait 100 start | clear-away wait 100 start | up",
  ]);
});

Deno.test("GuestReplay resets in place where a new process was started, and the other way round", () => {
  const onCause = { "guest-panic": "reset" } as const;
  assertEquals(table(replay({ onCause }, TWO_PANICS)).slice(1), [
    "guest-panic: clear-away start | reset | up",
    "guest-panic: clear-away wait 100 start | wait 100 reset | up",
  ]);
  const inPlace = [
    asked(0, "start", START),
    started(50),
    panic(1_000, RESET),
    panic(2_000, wait(100)),
    panic(3_000),
  ];
  assertEquals(table(replay({ restart: "always" }, inPlace)).slice(1), [
    "guest-panic: reset | clear-away start | up",
    "guest-panic: wait 100 | clear-away wait 100 start | up",
    "guest-panic:  | clear-away wait 200 | backoff",
  ]);
});

Deno.test("GuestReplay says of what comes after an end that is left so that it would not have come to this", () => {
  const reports = [
    ...TWO_PANICS,
    asked(5_000, "stop", STOP),
    cleared(5_010, giveUp("stopped")),
    asked(6_000, "start", START),
  ];
  const kept = replay({ onCause: { "guest-panic": "preserve" } }, reports);
  assertEquals(table(kept), [
    "start-asked: start | start | up",
    "guest-panic: clear-away start | preserved | held",
    "guest-panic: clear-away wait 100 start | - | held",
    // The operator's word counts in both worlds.
    "stop-asked: stop stopped | stop stopped | down",
    "start-asked: start | start | starting",
  ]);
  assertEquals(kept.steps[2]?.since, new Date(1_000));
  assertEquals(
    table(replay({ limit: { restarts: 1, withinMs: 60_000 } }, reports))[2],
    "guest-panic: clear-away wait 100 start | clear-away restart-limit | failed",
  );
});

Deno.test("GuestReplay knows that a restart that was given up would have been made", () => {
  const reports = [...TWO_PANICS.slice(0, 5), panic(2_000, CLEAR), cleared(2_010, giveUp("restart-limit"))];
  const patient = replay({ limit: { restarts: 9, withinMs: 60_000 } }, reports);
  assertEquals(
    table(patient).at(-1),
    "guest-panic: clear-away restart-limit | clear-away wait 100 | backoff",
  );
});

Deno.test("GuestReplay counts restarts by the reports' times", () => {
  const far = [...TWO_PANICS.slice(0, 5), panic(200_000, CLEAR), cleared(200_010, START)];
  const limit = { restarts: 1, withinMs: 60_000 };
  assertEquals(
    table(replay({ limit }, far)).at(-1),
    "guest-panic: clear-away start | clear-away start | starting",
  );
  // The second life ran for long enough: earlier waits are forgotten.
  assertEquals(
    table(replay({ backoff: { resetAfterMs: 500_000 } }, far)).at(-1),
    "guest-panic: clear-away start | clear-away wait 100 | backoff",
  );
});

Deno.test("GuestReplay takes a launch that failed for one that would have failed as well, if it would have been tried", () => {
  const reports = [
    asked(0, "start", START),
    ended(10, verdict("launch-failed"), START),
    ended(20, verdict("launch-failed"), wait(100)),
    report(120, { kind: "wait-over", actions: [START] }),
    started(150),
  ];
  assertEquals(table(replay({}, reports)), [
    "start-asked: start | start | starting",
    "launch-failed: start | start | starting",
    "launch-failed: wait 100 start | wait 100 start | up",
  ]);
  assertEquals(table(replay({ restart: "no" }, reports)).slice(1), [
    "launch-failed: start | stopped | down",
    "launch-failed: wait 100 start | - | down",
  ]);
});

Deno.test("GuestReplay begins anywhere in a guest's life, and again where reports are missing", () => {
  assertEquals(table(replay({ restart: "always" }, TWO_PANICS.slice(2, 5))), [
    "guest-panic: clear-away start | clear-away start | up",
  ]);
  const guest = replay({ restart: "no" }, TWO_PANICS.slice(0, 5));
  guest.missed();
  guest.take(panic(9_000, CLEAR));
  assertEquals(table(guest).slice(1), [
    "guest-panic: clear-away start | clear-away stopped | down",
    "guest-panic: clear-away | clear-away | stopping",
  ]);
});

Deno.test("GuestReplay does nothing about what was preserved and then ended, where it would have gone on", () => {
  const reports = [
    asked(0, "start", START),
    started(50),
    panic(1_000, giveUp("preserved")),
    ended(2_000, verdict("host-quit"), giveUp("stopped")),
  ];
  assertEquals(table(replay({ onCause: { "guest-panic": "reset" } }, reports)).slice(1), [
    "guest-panic: preserved | reset | up",
    "host-quit: stopped | - | up",
  ]);
  assertEquals(table(replay({ onCause: { "guest-panic": "preserve" } }, reports)).slice(1), [
    "guest-panic: preserved | preserved | held",
    "host-quit: stopped | stopped | down",
  ]);
});

Deno.test("GuestReplay knows QEMUs that don't answer", () => {
  const reports = [
    asked(0, "start", START),
    started(50),
    report(100_000, { kind: "stuck", liveness: BUSY, why: "", actions: [] }),
    report(101_000, { kind: "unstuck", guest: "running", actions: [] }),
    report(200_000, { kind: "unreachable", actions: [wait(10_000)] }),
    report(203_000, { kind: "reachable", guest: "running", actions: [{ kind: "end-wait" }] }),
  ];
  assertEquals(table(replay({}, reports)).slice(1), [
    "stuck:  |  | unresponsive",
    "unstuck:  |  | up",
    "unreachable: wait 10000 | wait 10000 | unresponsive",
    "reachable: end-wait | end-wait | up",
  ]);
  const impatient = { onStuck: { action: "preserve" }, onUnreachable: { graceMs: 1_000 } } as const;
  assertEquals(table(replay(impatient, reports)).slice(1), [
    "stuck:  | preserved | held",
    "unstuck:  |  | up",
    "unreachable: wait 10000 | wait 1000 put-down start | up",
    "reachable: end-wait |  | up",
  ]);
});

Deno.test("GuestReplay does not go back in time with a clock that was set back", () => {
  const reports = [
    asked(100_000, "start", START),
    started(50_000),
    panic(60_000, CLEAR),
    cleared(1_000, START),
  ];
  assertEquals(
    table(replay({ restart: "always" }, reports)).at(-1),
    "guest-panic: clear-away start | clear-away start | starting",
  );
});

/** A supervisor's reports about one guest under a policy, of what chance has happen. */
function lived(
  under: Policy,
  chances: readonly { ms: number; what: number; cause: VerdictCause }[],
): Report[] {
  const reports: Report[] = [];
  let state = INITIAL_STATE;
  let nowMs = 0;
  const happens = (
    afterMs: number,
    incident: Incident,
    body: (actions: readonly PolicyAction[]) => ReportBody,
  ) => {
    nowMs += afterMs;
    const decision = decide(state, incident, { policy: under, now: nowMs, random: 0.5 });
    state = decision.state;
    reports.push(report(nowMs, body(decision.actions)));
    for (const action of decision.actions) follows(action);
  };
  const isGone = (afterMs: number, how: Verdict) =>
    happens(
      afterMs,
      { kind: "ended", verdict: how },
      (actions) => ({ kind: "ended", verdict: how, actions }),
    );
  const follows = (action: PolicyAction): void => {
    switch (action.kind) {
      case "stop":
      case "clear-away":
      case "put-down":
        return isGone(7, verdict("host-quit", { intent: "stop" }));
      case "wait":
        return happens(action.delayMs, { kind: "wait-over" }, (actions) => ({ kind: "wait-over", actions }));
      case "reset":
      case "resume":
        return happens(0, { kind: "resumed" }, () => ({
          kind: "event",
          event: { event: "RESUME", timestamp: { seconds: 0, microseconds: 0 } },
        }));
    }
  };
  const ask = (afterMs: number, word: "start" | "stop" | "restart") =>
    happens(afterMs, { kind: `${word}-asked` }, (actions) => ({ kind: "asked", ask: word, actions }));

  ask(0, "start");
  for (const { ms, what, cause } of chances) {
    if (state.phase === "starting" && what > 1) {
      happens(ms, { kind: "started" }, (actions) => ({ kind: "started", pid: 1, argv: [], actions }));
    } else if (state.phase === "starting") {
      isGone(ms, verdict("launch-failed"));
    } else if (state.phase !== "up" || what === 0) {
      ask(ms, what % 2 === 0 ? "restart" : "stop");
    } else if (what < 4) {
      isGone(ms, verdict(cause));
    } else {
      const how = verdict(cause, { process: what < 5 ? "running" : "held" });
      happens(
        ms,
        { kind: "guest-ended", verdict: how },
        (actions) => ({ kind: "guest-ended", verdict: how, actions }),
      );
    }
  }
  return reports;
}

const aCause = fc.constantFrom(...Object.keys(CAUSE_CLASSES) as VerdictCause[])
  .filter((cause) => cause !== "launch-failed" && cause !== "unresponsive");
const aPolicy = fc.record({
  restart: fc.constantFrom(...Object.keys(RESTARTED) as RestartWhen[]),
  limit: fc.record({ restarts: fc.nat(6), withinMs: fc.nat(100_000) }),
  backoff: fc.record({ initialMs: fc.nat(1_000), resetAfterMs: fc.nat(50_000) }),
  onCause: fc.dictionary(aCause, fc.constantFrom("restart", "reset", "resume", "preserve", "stop"), {
    maxKeys: 4,
  }),
}).map((spec) => policy(spec));
const aLife = fc.array(fc.record({ ms: fc.nat(30_000), what: fc.nat(9), cause: aCause }), {
  minLength: 10,
  maxLength: 60,
});

Deno.test("GuestReplay finds that the policy that was in force would have done what it did, whatever happened", () => {
  let steps = 0;
  fc.assert(fc.property(aPolicy, aLife, (same, life) => {
    const guest = new GuestReplay(same);
    for (const one of lived(same, life)) guest.take(one);
    for (const { did, would } of guest.steps) assertEquals(would, did);
    steps += guest.steps.length;
  }));
  assert(steps > 1_000);
});

Deno.test("GuestReplay never has another policy restart more often than its limit allows, nor anything after a stop", () => {
  fc.assert(fc.property(aPolicy, aPolicy, aLife, (recorded, other, life) => {
    const guest = new GuestReplay(other);
    for (const one of lived(recorded, life)) guest.take(one);
    let recent: number[] = [];
    for (const { at, happened, would, phase } of guest.steps) {
      if (happened.kind === "stop-asked") assertEquals(phase, "down");
      if (happened.kind === "start-asked" || happened.kind === "restart-asked") recent = [];
      else if (would?.some(({ kind }) => kind === "start" || kind === "reset" || kind === "resume")) {
        recent.push(at.getTime());
      }
      // Decided about: a restart that was waited for begins, and counts, later.
      recent = recent.filter((then) => at.getTime() - then < other.limit.withinMs);
      assert(recent.length <= other.limit.restarts, `${recent.length} restarts`);
    }
  }));
});
