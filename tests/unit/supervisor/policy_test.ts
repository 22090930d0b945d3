import { assertEquals } from "@std/assert";
import type { VerdictCause } from "../../../src/vm/mod.ts";
import { NO_RESTARTS } from "../../../src/supervisor/backoff.ts";
import {
  type AfterStop,
  decide,
  type Incident,
  type Phase,
  type PolicyState,
} from "../../../src/supervisor/policy.ts";
import type { ActionWord } from "../../../src/supervisor/action.ts";
import type { RestartWhen } from "../../../src/supervisor/spec.ts";
import { at, decided, NOW, under, USED, verdict } from "./_policy.ts";

const INCIDENTS: { [K in Incident["kind"]]: Extract<Incident, { kind: K }> } = {
  "start-asked": { kind: "start-asked" },
  "stop-asked": { kind: "stop-asked" },
  "restart-asked": { kind: "restart-asked" },
  "clear-asked": { kind: "clear-asked" },
  "started": { kind: "started" },
  "resumed": { kind: "resumed" },
  "guest-ended": { kind: "guest-ended", verdict: verdict("guest-panic", { process: "held" }) },
  "ended": { kind: "ended", verdict: verdict("killed") },
  "wait-over": { kind: "wait-over" },
  "action-failed": { kind: "action-failed" },
  "dumped": { kind: "dumped" },
  "dump-failed": { kind: "dump-failed" },
  "stuck": { kind: "stuck" },
  "unstuck": { kind: "unstuck", guest: "running" },
  "unreachable": { kind: "unreachable" },
  "reachable": { kind: "reachable", guest: "running" },
};

// Under the default policy: the guest-ended is a panic that is held, the ended a QEMU that was killed, and it is the first restart.
const CELLS: Record<Phase, Record<Incident["kind"], string>> = {
  "down": {
    "start-asked": "starting, wanted up: start",
    "stop-asked": "down, wanted down: nothing",
    "restart-asked": "starting, wanted up: start",
    "clear-asked": "down, wanted down: nothing",
    "started": "down, wanted down: nothing",
    "resumed": "down, wanted down: nothing",
    "guest-ended": "down, wanted down: nothing",
    "ended": "down, wanted down: nothing",
    "wait-over": "down, wanted down: nothing",
    "action-failed": "down, wanted down: nothing",
    "dumped": "down, wanted down: nothing",
    "dump-failed": "down, wanted down: nothing",
    "stuck": "down, wanted down: nothing",
    "unstuck": "down, wanted down: nothing",
    "unreachable": "down, wanted down: nothing",
    "reachable": "down, wanted down: nothing",
  },
  "starting": {
    "start-asked": "starting, wanted up: nothing",
    "stop-asked": "stopping, wanted down: stop",
    "restart-asked": "starting, wanted up: nothing",
    "clear-asked": "starting, wanted up: nothing",
    "started": "up, wanted up: nothing",
    "resumed": "starting, wanted up: nothing",
    "guest-ended": "starting, wanted up: nothing",
    "ended": "starting, wanted up: start",
    "wait-over": "starting, wanted up: nothing",
    "action-failed": "starting, wanted up: nothing",
    "dumped": "starting, wanted up: nothing",
    "dump-failed": "starting, wanted up: nothing",
    "stuck": "starting, wanted up: nothing",
    "unstuck": "starting, wanted up: nothing",
    "unreachable": "starting, wanted up: nothing",
    "reachable": "starting, wanted up: nothing",
  },
  "up": {
    "start-asked": "up, wanted up: nothing",
    "stop-asked": "stopping, wanted down: stop",
    "restart-asked": "stopping, wanted up: stop",
    "clear-asked": "up, wanted up: nothing",
    "started": "up, wanted up: nothing",
    "resumed": "up, wanted up: nothing",
    "guest-ended": "stopping, wanted up: clear-away",
    "ended": "starting, wanted up: start",
    "wait-over": "up, wanted up: nothing",
    "action-failed": "stopping, wanted up: clear-away",
    "dumped": "up, wanted up: nothing",
    "dump-failed": "up, wanted up: nothing",
    "stuck": "unresponsive, wanted up: nothing",
    "unstuck": "up, wanted up: nothing",
    "unreachable": "unresponsive, wanted up: wait 10000",
    "reachable": "up, wanted up: nothing",
  },
  "held": {
    "start-asked": "stopping, wanted up: stop",
    "stop-asked": "stopping, wanted down: stop",
    "restart-asked": "stopping, wanted up: stop",
    "clear-asked": "held, wanted up: nothing",
    "started": "held, wanted up: nothing",
    "resumed": "up, wanted up: nothing",
    "guest-ended": "held, wanted up: nothing",
    "ended": "down, wanted down: give up: stopped",
    "wait-over": "held, wanted up: nothing",
    "action-failed": "held, wanted up: nothing",
    "dumped": "held, wanted up: nothing",
    "dump-failed": "held, wanted up: nothing",
    "stuck": "held, wanted up: nothing",
    "unstuck": "up, wanted up: nothing",
    "unreachable": "held, wanted up: nothing",
    "reachable": "up, wanted up: nothing",
  },
  "stopping": {
    "start-asked": "stopping, wanted up: nothing",
    "stop-asked": "stopping, wanted down: nothing",
    "restart-asked": "stopping, wanted up: nothing",
    "clear-asked": "stopping, wanted down: nothing",
    "started": "stopping, wanted down: stop",
    "resumed": "stopping, wanted down: nothing",
    "guest-ended": "stopping, wanted down: nothing",
    "ended": "down, wanted down: give up: stopped",
    "wait-over": "stopping, wanted down: nothing",
    "action-failed": "stopping, wanted down: nothing",
    "dumped": "stopping, wanted down: nothing",
    "dump-failed": "stopping, wanted down: nothing",
    "stuck": "stopping, wanted down: nothing",
    "unstuck": "stopping, wanted down: nothing",
    "unreachable": "stopping, wanted down: nothing",
    "reachable": "stopping, wanted down: nothing",
  },
  "backoff": {
    "start-asked": "starting, wanted up: end-wait, start",
    "stop-asked": "down, wanted down: end-wait, give up: stopped",
    "restart-asked": "starting, wanted up: end-wait, start",
    "clear-asked": "backoff, wanted up: nothing",
    "started": "backoff, wanted up: nothing",
    "resumed": "backoff, wanted up: nothing",
    "guest-ended": "backoff, wanted up: nothing",
    "ended": "backoff, wanted up: nothing",
    "wait-over": "starting, wanted up: start",
    "action-failed": "backoff, wanted up: nothing",
    "dumped": "backoff, wanted up: nothing",
    "dump-failed": "backoff, wanted up: nothing",
    "stuck": "backoff, wanted up: nothing",
    "unstuck": "backoff, wanted up: nothing",
    "unreachable": "backoff, wanted up: nothing",
    "reachable": "backoff, wanted up: nothing",
  },
  "failed": {
    "start-asked": "starting, wanted up: start",
    "stop-asked": "down, wanted down: nothing",
    "restart-asked": "starting, wanted up: start",
    "clear-asked": "down, wanted down: nothing",
    "started": "failed, wanted up: nothing",
    "resumed": "failed, wanted up: nothing",
    "guest-ended": "failed, wanted up: nothing",
    "ended": "failed, wanted up: nothing",
    "wait-over": "failed, wanted up: nothing",
    "action-failed": "failed, wanted up: nothing",
    "dumped": "failed, wanted up: nothing",
    "dump-failed": "failed, wanted up: nothing",
    "stuck": "failed, wanted up: nothing",
    "unstuck": "failed, wanted up: nothing",
    "unreachable": "failed, wanted up: nothing",
    "reachable": "failed, wanted up: nothing",
  },
  "unresponsive": {
    "start-asked": "unresponsive, wanted up: nothing",
    "stop-asked": "stopping, wanted down: stop",
    "restart-asked": "stopping, wanted up: stop",
    "clear-asked": "unresponsive, wanted up: nothing",
    "started": "unresponsive, wanted up: nothing",
    "resumed": "up, wanted up: nothing",
    "guest-ended": "stopping, wanted up: clear-away",
    "ended": "starting, wanted up: start",
    "wait-over": "unresponsive, wanted up: nothing",
    "action-failed": "stopping, wanted up: clear-away",
    "dumped": "unresponsive, wanted up: nothing",
    "dump-failed": "unresponsive, wanted up: nothing",
    "stuck": "unresponsive, wanted up: nothing",
    "unstuck": "up, wanted up: nothing",
    "unreachable": "unresponsive, wanted up: wait 10000",
    "reachable": "up, wanted up: nothing",
  },
  "dumping": {
    "start-asked": "dumping, wanted up: nothing",
    "stop-asked": "stopping, wanted down: stop",
    "restart-asked": "dumping, wanted up: nothing",
    "clear-asked": "dumping, wanted up: nothing",
    "started": "dumping, wanted up: nothing",
    "resumed": "up, wanted up: nothing",
    "guest-ended": "dumping, wanted up: nothing",
    "ended": "starting, wanted up: start",
    "wait-over": "dumping, wanted up: nothing",
    "action-failed": "dumping, wanted up: nothing",
    "dumped": "stopping, wanted up: clear-away",
    "dump-failed": "stopping, wanted up: clear-away",
    "stuck": "dumping, wanted up: nothing",
    "unstuck": "dumping, wanted up: nothing",
    "unreachable": "dumping, wanted up: nothing",
    "reachable": "dumping, wanted up: nothing",
  },
  "unverified": {
    "start-asked": "unverified, wanted up: nothing",
    "stop-asked": "unverified, wanted down: nothing",
    "restart-asked": "unverified, wanted up: nothing",
    "clear-asked": "unverified, wanted up: nothing",
    "started": "unverified, wanted up: nothing",
    "resumed": "unverified, wanted up: nothing",
    "guest-ended": "unverified, wanted up: nothing",
    "ended": "starting, wanted up: start",
    "wait-over": "unverified, wanted up: nothing",
    "action-failed": "unverified, wanted up: nothing",
    "dumped": "unverified, wanted up: nothing",
    "dump-failed": "unverified, wanted up: nothing",
    "stuck": "unverified, wanted up: nothing",
    "unstuck": "unverified, wanted up: nothing",
    "unreachable": "unverified, wanted up: nothing",
    "reachable": "unverified, wanted up: nothing",
  },
};

Deno.test("decide() has this answer to each incident in each phase", async (t) => {
  for (const [phase, row] of Object.entries(CELLS) as [Phase, Record<Incident["kind"], string>][]) {
    await t.step(phase, () => {
      const found = Object.values(INCIDENTS).map((incident) => [incident.kind, decided(at(phase), incident)]);
      assertEquals(Object.fromEntries(found), row);
    });
  }
});

// While QEMU holds a guest that waits for its reset, or for being resumed, there is a QEMU to stop first.
for (const pending of ["reset", "resume"] as const) {
  Deno.test(`decide() has this answer to each incident while a guest waits for its ${pending}`, () => {
    const waiting = at("backoff", { pending });
    const found = Object.values(INCIDENTS).map((incident) => [incident.kind, decided(waiting, incident)]);
    assertEquals(Object.fromEntries(found), {
      "start-asked": `up, wanted up: end-wait, ${pending}`,
      "stop-asked": "stopping, wanted down: end-wait, stop",
      "restart-asked": "stopping, wanted up: end-wait, stop",
      "clear-asked": "backoff, wanted up: nothing",
      "started": "backoff, wanted up: nothing",
      "resumed": "up, wanted up: end-wait",
      "guest-ended": "backoff, wanted up: nothing",
      "ended": "starting, wanted up: end-wait, start",
      "wait-over": `up, wanted up: ${pending}`,
      "action-failed": "backoff, wanted up: nothing",
      "dumped": "backoff, wanted up: nothing",
      "dump-failed": "backoff, wanted up: nothing",
      "stuck": "backoff, wanted up: nothing",
      "unstuck": "backoff, wanted up: nothing",
      "unreachable": "backoff, wanted up: nothing",
      "reachable": "backoff, wanted up: nothing",
    });
  });
}

Deno.test("decide() does, once QEMU is gone, what the stop was for", async (t) => {
  const full = { times: Array(5).fill(NOW), attempts: 5, lastDelayMs: 800 };
  const cases: [string, PolicyState["wanted"], AfterStop, Partial<PolicyState>, string][] = [
    ["a stop", "down", { kind: "nothing" }, {}, "down, wanted down: give up: stopped"],
    ["a restart by the operator", "up", { kind: "start" }, { history: full }, "starting, wanted up: start"],
    ["a first restart", "up", { kind: "restart", ranMs: 0 }, {}, "starting, wanted up: start"],
    ["a second one", "up", { kind: "restart", ranMs: 0 }, { history: USED }, "backoff, wanted up: wait 100"],
    [
      "one after a good run",
      "up",
      { kind: "restart", ranMs: 60_000 },
      { history: USED },
      "starting, wanted up: start",
    ],
    [
      "one too many",
      "up",
      { kind: "restart", ranMs: 0 },
      { history: full },
      "failed, wanted up: give up: restart-limit",
    ],
    ["a limit that was reached", "up", { kind: "fail" }, {}, "failed, wanted up: give up: restart-limit"],
  ];
  for (const [name, wanted, after, more, expected] of cases) {
    await t.step(name, () => {
      // The verdict does not count: how QEMU was cleared away is no failure.
      for (const cause of ["host-quit", "killed"] as const) {
        const incident: Incident = { kind: "ended", verdict: verdict(cause) };
        assertEquals(decided(at("stopping", { wanted, after, ...more }), incident), expected);
      }
    });
  }
});

Deno.test("decide() lets the last wish win while QEMU is going", async (t) => {
  const cases: [string, Incident["kind"][], string][] = [
    ["stop", ["stop-asked"], "down, wanted down: give up: stopped"],
    ["stop, start", ["stop-asked", "start-asked"], "starting, wanted up: start"],
    ["restart, stop", ["restart-asked", "stop-asked"], "down, wanted down: give up: stopped"],
    [
      "stop, restart, stop",
      ["stop-asked", "restart-asked", "stop-asked"],
      "down, wanted down: give up: stopped",
    ],
    ["panic, stop", ["guest-ended", "stop-asked"], "down, wanted down: give up: stopped"],
    ["panic, stop, start", ["guest-ended", "stop-asked", "start-asked"], "starting, wanted up: start"],
    ["failed reset, stop", ["action-failed", "stop-asked"], "down, wanted down: give up: stopped"],
  ];
  for (const [name, kinds, expected] of cases) {
    await t.step(name, () => {
      let state = at("up");
      for (const kind of kinds) state = decide(state, INCIDENTS[kind], under({ restart: "always" })).state;
      assertEquals(decided(state, INCIDENTS.ended, under({ restart: "always" })), expected);
    });
  }
});

Deno.test("decide() forgets earlier restarts when the operator starts the guest", () => {
  const states = [at("down"), at("failed"), at("backoff"), at("backoff", { pending: "reset" })];
  for (const state of states) {
    const { state: next } = decide({ ...state, history: USED }, INCIDENTS["start-asked"], under());
    assertEquals(next.history, NO_RESTARTS);
  }
});

Deno.test("decide() remembers earlier restarts when the guest is up", () => {
  for (const kind of ["start-asked", "started", "resumed", "wait-over"] as const) {
    assertEquals(decide(at("up", { history: USED }), INCIDENTS[kind], under()).state.history, USED);
  }
});

Deno.test("decide() carries out the action that is named for a cause", async (t) => {
  const held = (cause: VerdictCause): Incident => ({
    kind: "guest-ended",
    verdict: verdict(cause, { process: "held" }),
  });
  const gone = (cause: VerdictCause): Incident => ({ kind: "ended", verdict: verdict(cause) });
  const cases: [ActionWord, string, string][] = [
    ["restart", "stopping, wanted up: clear-away", "starting, wanted up: start"],
    ["reset", "up, wanted up: reset", "starting, wanted up: start"],
    ["resume", "up, wanted up: resume", "starting, wanted up: start"],
    ["preserve", "held, wanted up: give up: preserved", "down, wanted down: give up: stopped"],
    ["stop", "stopping, wanted down: clear-away", "down, wanted down: give up: stopped"],
  ];
  for (const [action, whenHeld, whenGone] of cases) {
    await t.step(action, () => {
      for (const restart of ["no", "always"] as RestartWhen[]) {
        const named = under({ restart, onCause: { "guest-panic": action } });
        assertEquals(decided(at("up"), held("guest-panic"), named), whenHeld);
        assertEquals(decided(at("up"), gone("guest-panic"), named), whenGone);
        assertEquals(decided(at("starting"), gone("guest-panic"), named), whenGone);
      }
    });
  }
});

Deno.test("decide() preserves a guest whose disk failed, unless its policy names something else", () => {
  const failed: Incident = { kind: "guest-ended", verdict: verdict("io-error", { process: "held" }) };
  for (const restart of ["no", "on-success", "on-failure", "on-abnormal", "always"] as const) {
    assertEquals(
      decided(at("up"), failed, under({ restart })),
      "held, wanted up: give up: preserved",
    );
  }
  assertEquals(
    decided(at("up"), failed, under({ onCause: { "io-error": "resume" } })),
    "up, wanted up: resume",
  );
});

Deno.test("decide() leaves a plain reboot to QEMU, which has done it already", async (t) => {
  const reset: Incident = { kind: "guest-ended", verdict: verdict("guest-reset", { process: "running" }) };
  const nothing = "up, wanted up: nothing";
  for (const restart of ["no", "on-success", "on-failure", "on-abnormal", "always"] as const) {
    await t.step(restart, () => assertEquals(decided(at("up"), reset, under({ restart })), nothing));
  }
  const named: Record<ActionWord, string> = {
    "restart": "stopping, wanted up: clear-away",
    "stop": "stopping, wanted down: clear-away",
    "reset": nothing,
    "resume": nothing,
    "preserve": nothing,
  };
  for (const [action, expected] of Object.entries(named) as [ActionWord, string][]) {
    await t.step(`named: ${action}`, () => {
      assertEquals(decided(at("up"), reset, under({ onCause: { "guest-reset": action } })), expected);
    });
  }
});

Deno.test("decide() counts QEMU's own reset after a triple fault as a restart, where it would have decided on one", async (t) => {
  const fault: Incident = {
    kind: "guest-ended",
    verdict: verdict("guest-reset", { process: "running", tripleFault: true }),
  };
  const limit = { restarts: 2, withinMs: 60_000 };
  for (const restart of ["on-failure", "on-abnormal", "always"] as const) {
    await t.step(restart, () => {
      const policy = under({ restart, limit });
      const once = decide(at("up", { history: USED }), fault, policy);
      assertEquals([once.actions, once.state.phase, once.state.history.times.length], [[], "up", 2]);
      assertEquals(decided(once.state, fault, policy), "stopping, wanted up: clear-away");
      const { state } = decide(once.state, fault, policy);
      assertEquals(decided(state, INCIDENTS.ended, policy), "failed, wanted up: give up: restart-limit");
    });
  }
  for (const restart of ["no", "on-success"] as const) {
    await t.step(restart, () => {
      const state = at("up", { history: { ...USED, times: [NOW - 2, NOW - 1] } });
      assertEquals(decide(state, fault, under({ restart, limit })), { state, actions: [] });
    });
  }
  await t.step("without a limit they are not remembered without end", () => {
    let state = at("up");
    const policy = under({ restart: "always", limit: { restarts: Infinity, withinMs: 60_000 } });
    for (let times = 0; times < 3_000; times++) ({ state } = decide(state, fault, policy));
    assertEquals(state.history.times.length, 1_000);
  });
});

Deno.test("decide() gives up when the limit is reached, and clears a held guest away first", () => {
  const limit = { restarts: 1, withinMs: 60_000 };
  const used = at("up", { history: USED });
  const panicked = INCIDENTS["guest-ended"];
  assertEquals(decided(used, INCIDENTS.ended, under({ limit })), "failed, wanted up: give up: restart-limit");

  const reset = under({ limit, onCause: { "guest-panic": "reset" } });
  assertEquals(decided(used, panicked, reset), "stopping, wanted up: clear-away");
  const { state } = decide(used, panicked, reset);
  assertEquals(decided(state, INCIDENTS.ended, reset), "failed, wanted up: give up: restart-limit");
  assertEquals(decided(state, INCIDENTS["stop-asked"], reset), "stopping, wanted down: nothing");
});

Deno.test("decide() holds a guest that may not be resumed once more, since nothing of it is lost", () => {
  const resume = under({ limit: { restarts: 1, withinMs: 60_000 }, onCause: { "io-error": "resume" } });
  const failed: Incident = { kind: "guest-ended", verdict: verdict("io-error", { process: "held" }) };
  assertEquals(
    decided(at("up", { history: USED }), failed, resume),
    "held, wanted up: give up: restart-limit",
  );
});

Deno.test("decide() measures a run up to its end, not up to when QEMU was cleared away", () => {
  const backoff = { resetAfterMs: 1_000 };
  const short = at("up", { upSince: NOW - 999, history: USED });
  const good = at("up", { upSince: NOW - 1_000, history: USED });
  const waits = [short, good].map((state) => {
    const { state: stopping } = decide(state, INCIDENTS["guest-ended"], under({ backoff }));
    return decided(stopping, INCIDENTS.ended, { ...under({ backoff }), now: NOW + 5_000 });
  });
  assertEquals(waits, ["backoff, wanted up: wait 100", "starting, wanted up: start"]);
});

Deno.test("decide() counts a guest that is reset or resumed as up from then on", () => {
  const waiting = at("backoff", { pending: "reset", history: USED });
  assertEquals(decide(waiting, INCIDENTS["wait-over"], under()).state.upSince, NOW);
  assertEquals(decide(at("held"), INCIDENTS.resumed, under()).state.upSince, NOW);
});

Deno.test("decide() counts a restart from when it is done, though its wait should have been over before", () => {
  const late = at("backoff", { history: { times: [NOW - 9_000, NOW - 200], attempts: 2, lastDelayMs: 100 } });
  assertEquals(decide(late, INCIDENTS["wait-over"], under()).state.history.times, [NOW - 9_000, NOW]);
});
