// Whose reset it was: from the events of a real QEMU up to what the policy makes of them.
import { assertEquals } from "@std/assert";
import { decide, type Incident, INITIAL_STATE, type PolicyState } from "../../../src/supervisor/policy.ts";
import type { Action } from "../../../src/supervisor/action.ts";
import { type ResetHabit, type ResetHistory, type ResetSeen, trackReset } from "../../../src/vm/resets.ts";
import type { ResetEntry } from "../../../src/vm/resets.ts";
import { at, decided, NOW, policy, under, USED, verdict } from "./_policy.ts";

const UNKNOWN: ResetEntry = { tripleFault: "unknown", origin: "unknown" };
const FIRMWARE: ResetEntry = { tripleFault: false, origin: "firmware" };

/** What the policy is told of these RESET events. */
function incidentsOf(
  resets: readonly (Partial<ResetSeen> & { atMs: number })[],
  habit: ResetHabit,
  entry: ResetEntry = UNKNOWN,
): Incident[] {
  let history: ResetHistory = null;
  return resets.flatMap((reset, index) => {
    const seen: ResetSeen = { by: "guest", watchdog: false, ...reset };
    // The first one is the guest's, whatever its log says.
    const tracked = trackReset(history, seen, index === 0 ? UNKNOWN : entry, habit);
    history = tracked.history;
    if (tracked.end === null) return [];
    const { cause, process, reason } = tracked.end;
    return [{ kind: "guest-ended" as const, verdict: verdict(cause, { process, reason }) }];
  });
}

/** The restarts that count, and the last state, of a guest that rebooted so; each cold restart takes a moment. */
function afterReboots(
  incidents: readonly Incident[],
  action: Action,
): { counted: number; state: PolicyState } {
  const cold = { policy: policy({ onCause: { "guest-reset": action } }), random: 0.5 };
  let state: PolicyState = { ...INITIAL_STATE, wanted: "up", phase: "up", upSince: 0 };
  let now = 100_000;
  for (const incident of incidents) {
    state = decide(state, incident, { ...cold, now: now++ }).state;
    if (state.phase !== "stopping") continue;
    state = decide(state, { kind: "ended", verdict: verdict("guest-reset") }, { ...cold, now: now++ }).state;
    state = decide(state, { kind: "started" }, { ...cold, now: now++ }).state;
  }
  return { counted: state.history.times.length, state };
}

Deno.test("SeaBIOS's repetitions of one reboot count once", async (t) => {
  const cases: [string, number[]][] = [
    ["two events", [0, 40]],
    ["five events", [0, 88, 100, 110, 120]],
    ["two events on a busy host", [0, 450]],
  ];
  for (const [name, times] of cases) {
    await t.step(name, () => {
      for (const entry of [UNKNOWN, FIRMWARE]) {
        const incidents = incidentsOf(times.map((atMs) => ({ atMs })), "repeats", entry);
        assertEquals(incidents.length, 1);
        assertEquals(afterReboots(incidents, "restart").counted, 1);
      }
    });
  }
  await t.step("two reboots of firmware that does not repeat count twice", () => {
    assertEquals(incidentsOf([{ atMs: 0 }, { atMs: 40 }], "once").length, 2);
  });
  await t.step("two reboots, each repeated, count twice", () => {
    const times = [0, 40, 9_000, 9_040];
    assertEquals(incidentsOf(times.map((atMs) => ({ atMs })), "repeats").length, 2);
  });
});

Deno.test("a reset from the host is no end of the guest's, nor is the firmware's repetition of it", () => {
  for (const habit of ["repeats", "once"] as const) {
    assertEquals(incidentsOf([{ atMs: 0, by: "host" }], habit), []);
  }
  assertEquals(incidentsOf([{ atMs: 0, by: "host" }, { atMs: 60 }], "repeats"), []);
  // The guest's own that follows is one.
  assertEquals(incidentsOf([{ atMs: 0, by: "host" }, { atMs: 60 }, { atMs: 9_000 }], "repeats").length, 1);
});

Deno.test("decide() makes an operator's reset that QEMU holds the reset that it was meant to be, and does not count it", async (t) => {
  const byHost: Incident = {
    kind: "guest-ended",
    verdict: verdict("guest-reset", { process: "held", reason: "host-qmp-system-reset" }),
  };
  const actions: Action[] = ["restart", "stop", "preserve", { dump: {}, then: "restart" }];
  for (const action of actions) {
    await t.step(JSON.stringify(action), () => {
      const named = under({ onCause: { "guest-reset": action }, limit: { restarts: 1, withinMs: 60_000 } });
      const { state, actions } = decide(at("up", { history: USED }), byHost, named);
      assertEquals(actions, [{ kind: "reset" }]);
      // The run goes on, and nothing is counted.
      assertEquals([state.phase, state.upSince, state.history], ["up", NOW - 100, USED]);
    });
  }
});

Deno.test("decide() counts the guest's own reboot where it is a cold restart, and not where QEMU makes it", () => {
  const own: Incident = {
    kind: "guest-ended",
    verdict: verdict("guest-reset", { process: "held", reason: "guest-reset" }),
  };
  assertEquals(
    decided(at("up"), own, under({ onCause: { "guest-reset": "restart" } })),
    "stopping, wanted up: clear-away",
  );
  assertEquals(afterReboots([own], "restart").counted, 1);
  const plain = incidentsOf([{ atMs: 0 }, { atMs: 9_000 }, { atMs: 18_000 }], "once");
  assertEquals([plain.length, afterReboots(plain, "reset").counted], [3, 0]);
});

Deno.test("decide() counts a reset that the policy itself asks for once, and knows that it is under way until it shows", () => {
  const panic: Incident = { kind: "guest-ended", verdict: verdict("guest-panic", { process: "held" }) };
  const inPlace = under({ onCause: { "guest-panic": "reset" } });
  const begun = decide(at("up"), panic, inPlace);
  assertEquals([begun.actions, begun.state.begun], [[{ kind: "reset" }], { kind: "reset" }]);
  const shown = decide(begun.state, { kind: "resumed" }, inPlace).state;
  assertEquals([shown.phase, shown.begun, shown.history.times.length], ["up", null, 1]);
});
