import { assertEquals } from "@std/assert";
import { catchUp, type Found, resumeAfterDeath } from "../../../src/supervisor/after_death.ts";
import { decide, type Phase, type PolicyState } from "../../../src/supervisor/policy.ts";
import { at, line, NOW, THEN_RESTART, under, USED, verdict } from "./_policy.ts";

/** One restart, that is only done now. */
const LATE = { ...USED, times: [NOW] };

const FOUND: { [K in Found["kind"]]: Extract<Found, { kind: K }> } = {
  "running": { kind: "running" },
  "held": { kind: "held", verdict: verdict("guest-panic", { process: "held" }) },
  "prelaunch": { kind: "prelaunch" },
  "stuck": { kind: "stuck" },
  "silent": { kind: "silent" },
  "gone": { kind: "gone", verdict: verdict("killed") },
  "unverifiable": { kind: "unverifiable" },
};

function resumed(state: PolicyState, found: Found, circumstances = under()): string {
  return line(resumeAfterDeath(state, found, circumstances));
}

const UP = "up, wanted up: nothing";
const LET_GO = "up, wanted up: resume";
const STUCK = "unresponsive, wanted up: nothing";
const AWAIT = "unresponsive, wanted up: wait 10000";
const ALONE = "unverified, wanted up: give up: unverifiable";

// Under the default policy: a panic is held, or QEMU was killed, and it is the first restart.
const CELLS: Record<Phase, Record<Found["kind"], string>> = {
  "down": {
    "running": "stopping, wanted down: stop",
    "held": "stopping, wanted down: clear-away",
    "prelaunch": "stopping, wanted down: clear-away",
    "stuck": "stopping, wanted down: put-down",
    "silent": "stopping, wanted down: put-down",
    "gone": "down, wanted down: nothing",
    "unverifiable": "unverified, wanted down: give up: unverifiable",
  },
  "starting": {
    "running": UP,
    "held": "stopping, wanted up: clear-away",
    "prelaunch": LET_GO,
    "stuck": STUCK,
    "silent": AWAIT,
    "gone": "starting, wanted up: start",
    "unverifiable": ALONE,
  },
  "up": {
    "running": UP,
    "held": "stopping, wanted up: clear-away",
    "prelaunch": UP,
    "stuck": STUCK,
    "silent": AWAIT,
    "gone": "starting, wanted up: start",
    "unverifiable": ALONE,
  },
  "unresponsive": {
    "running": UP,
    "held": "stopping, wanted up: clear-away",
    "prelaunch": UP,
    "stuck": STUCK,
    "silent": AWAIT,
    "gone": "starting, wanted up: start",
    "unverifiable": ALONE,
  },
  "dumping": {
    "running": UP,
    "held": "dumping, wanted up: follow-dump",
    "prelaunch": LET_GO,
    "stuck": STUCK,
    "silent": AWAIT,
    "gone": "starting, wanted up: start",
    "unverifiable": ALONE,
  },
  "held": {
    "running": UP,
    "held": "held, wanted up: nothing",
    "prelaunch": "held, wanted up: nothing",
    "stuck": "held, wanted up: nothing",
    "silent": "held, wanted up: nothing",
    "gone": "down, wanted down: give up: stopped",
    "unverifiable": ALONE,
  },
  "stopping": {
    "running": "stopping, wanted down: stop",
    "held": "stopping, wanted down: clear-away",
    "prelaunch": "stopping, wanted down: clear-away",
    "stuck": "stopping, wanted down: put-down",
    "silent": "stopping, wanted down: put-down",
    "gone": "down, wanted down: give up: stopped",
    "unverifiable": "unverified, wanted down: give up: unverifiable",
  },
  "backoff": {
    "running": UP,
    "held": "stopping, wanted up: clear-away",
    "prelaunch": LET_GO,
    "stuck": STUCK,
    "silent": AWAIT,
    "gone": "starting, wanted up: start",
    "unverifiable": ALONE,
  },
  "failed": {
    "running": UP,
    "held": "stopping, wanted up: clear-away",
    "prelaunch": "stopping, wanted up: clear-away",
    "stuck": "stopping, wanted up: put-down",
    "silent": "stopping, wanted up: put-down",
    "gone": "failed, wanted up: nothing",
    "unverifiable": ALONE,
  },
  "unverified": {
    "running": UP,
    "held": "stopping, wanted up: clear-away",
    "prelaunch": LET_GO,
    "stuck": STUCK,
    "silent": AWAIT,
    "gone": "starting, wanted up: start",
    "unverifiable": "unverified, wanted up: nothing",
  },
};

Deno.test("resumeAfterDeath() has this answer in each phase to each way in which a guest is found", async (t) => {
  for (const [phase, row] of Object.entries(CELLS) as [Phase, Record<Found["kind"], string>][]) {
    await t.step(phase, () => {
      const found = Object.values(FOUND).map((one) => [one.kind, resumed(at(phase), one)]);
      assertEquals(Object.fromEntries(found), row);
    });
  }
});

Deno.test("resumeAfterDeath() lets a stop win over whatever is found, also in place of a guest that could not be verified", () => {
  const stopped = at("unverified", { wanted: "down" });
  const found = Object.values(FOUND).map((one) => [one.kind, resumed(stopped, one)]);
  assertEquals(Object.fromEntries(found), {
    "running": "stopping, wanted down: stop",
    "held": "stopping, wanted down: clear-away",
    "prelaunch": "stopping, wanted down: clear-away",
    "stuck": "stopping, wanted down: put-down",
    "silent": "stopping, wanted down: put-down",
    "gone": "down, wanted down: give up: stopped",
    "unverifiable": "unverified, wanted down: nothing",
  });
});

Deno.test("resumeAfterDeath() starts again what was only stopped because its supervisor closed, and nothing else", () => {
  const gone: Found = { kind: "gone", verdict: null };
  assertEquals(resumed(at("down", { wanted: "up" }), gone), "starting, wanted up: start");
  const closing = at("stopping", { wanted: "up" });
  assertEquals(resumed(closing, FOUND.gone), "starting, wanted up: start");
  const stopping = resumeAfterDeath(closing, FOUND.running, under());
  assertEquals([line(stopping), stopping.state.after], ["stopping, wanted up: stop", { kind: "start" }]);
  // By the policy, or by a person, it is done with.
  const off: Found = { kind: "gone", verdict: verdict("guest-shutdown") };
  assertEquals(resumed(at("up"), off), "down, wanted down: give up: stopped");
  assertEquals(resumed(at("held"), off), "down, wanted down: give up: stopped");
});

Deno.test("resumeAfterDeath() starts what was about to be started, and does not count that once more", () => {
  const starting = at("starting", { history: USED });
  const { state, actions } = resumeAfterDeath(starting, { kind: "gone", verdict: null }, under());
  // It counts from when it is done, which is later than was written down.
  assertEquals([state, actions], [{ ...starting, history: LATE }, [{ kind: "start" }]]);
  // One that ended on its way is a failure like any other.
  assertEquals(resumed(starting, FOUND.gone), "backoff, wanted up: wait 100");
});

Deno.test("resumeAfterDeath() does what was begun in place, and does not count that once more", async (t) => {
  for (const kind of ["reset", "resume"] as const) {
    const begun = at("up", { begun: { kind }, history: USED });
    await t.step(`${kind}, before QEMU was told`, () => {
      const { state, actions } = resumeAfterDeath(begun, FOUND.held, under());
      assertEquals([state.history, state.begun, actions], [LATE, { kind }, [{ kind }]]);
    });
    await t.step(`${kind}, between its two commands`, () => {
      const { state, actions } = resumeAfterDeath(begun, FOUND.prelaunch, under());
      assertEquals([state.history, actions], [USED, [{ kind: "resume" }]]);
    });
    await t.step(`${kind}, after it`, () => {
      const { state, actions } = resumeAfterDeath(begun, FOUND.running, under());
      assertEquals([state.phase, state.begun, state.history, actions], ["up", null, USED, []]);
    });
    await t.step(`${kind}, which has shown before the guest ended again`, () => {
      const shown = catchUp(begun, [{ event: "RESET" }, { event: "RESUME" }, { event: "STOP" }], under());
      assertEquals(resumed(shown, FOUND.held), "stopping, wanted up: clear-away");
    });
  }
});

Deno.test("catchUp() takes a guest for up that a person let run while nobody looked, and others as they were", () => {
  const words = [
    at("held"),
    at("backoff", { pending: "resume" }),
    at("dumping"),
    at("backoff"),
    at("stopping"),
  ]
    .map((state) => catchUp(state, [{ event: "RESUME" }], under()).phase);
  assertEquals(words, ["up", "up", "up", "backoff", "stopping"]);
  assertEquals(catchUp(at("held"), [{ event: "STOP" }], under()), at("held"));
});

Deno.test("catchUp() knows of a reset that has shown before its guest could be verified", () => {
  const unsure = at("unverified", { begun: { kind: "reset" }, history: USED });
  assertEquals(resumed(unsure, FOUND.held), "up, wanted up: reset");
  const shown = catchUp(unsure, [{ event: "RESUME" }], under());
  assertEquals(resumed(shown, FOUND.held), "stopping, wanted up: clear-away");
});

Deno.test("resumeAfterDeath() waits for the rest of a wait, and not longer than the policy has it", async (t) => {
  const waiting = (beginsAt: number, more: Partial<PolicyState> = {}) =>
    at("backoff", { history: { times: [NOW - 9_000, beginsAt], attempts: 2, lastDelayMs: 500 }, ...more });
  const gone: Found = { kind: "gone", verdict: null };
  await t.step(
    "some is left",
    () => assertEquals(resumed(waiting(NOW + 300), gone), "backoff, wanted up: wait 300"),
  );
  await t.step(
    "none is left",
    () => assertEquals(resumed(waiting(NOW - 1), gone), "starting, wanted up: start"),
  );
  await t.step(
    "history was forgotten",
    () => assertEquals(resumed(at("backoff"), gone), "starting, wanted up: start"),
  );
  await t.step("too much is left", () => {
    assertEquals(resumed(waiting(NOW + 9_999_999), gone), "backoff, wanted up: wait 30000");
  });
  await t.step("a held guest waits on for its reset", () => {
    const held = waiting(NOW + 300, { pending: "reset" });
    assertEquals(resumed(held, FOUND.held), "backoff, wanted up: wait 300");
    assertEquals(resumed(waiting(NOW, { pending: "reset" }), FOUND.held), "up, wanted up: reset");
    // It counts once more where it has ended once more.
    const { history } = resumeAfterDeath(held, FOUND.gone, under()).state;
    assertEquals(history.times.length, 3);
  });
});

Deno.test("resumeAfterDeath() ends a QEMU as its supervisor had begun to, and does what was to follow", () => {
  const clearing = at("stopping", { wanted: "up", after: { kind: "restart", ranMs: 7 } });
  assertEquals(resumed(clearing, FOUND.running), "stopping, wanted up: clear-away");
  assertEquals(resumeAfterDeath(clearing, FOUND.running, under()).state.after, clearing.after);
  assertEquals(resumed(clearing, FOUND.gone), "starting, wanted up: start");
  const failing = at("stopping", { wanted: "up", after: { kind: "fail" } });
  assertEquals(resumed(failing, FOUND.gone), "failed, wanted up: give up: restart-limit");
  const again = at("stopping", { wanted: "up", after: { kind: "start" } });
  assertEquals(resumed(again, FOUND.running), "stopping, wanted up: stop");
});

Deno.test("resumeAfterDeath() keeps what follows a dump, whether it is there to be followed or lost", () => {
  const stops = at("dumping", {
    begun: { kind: "dump", dump: { keep: 1 }, then: { kind: "act", action: "stop", ranMs: 0 } },
  });
  const { state, actions } = resumeAfterDeath(stops, FOUND.held, under());
  assertEquals([state.begun, actions], [stops.begun, [{ kind: "follow-dump", dump: { keep: 1 } }]]);
  assertEquals(resumed(stops, FOUND.gone), "down, wanted down: give up: stopped");
});

Deno.test("resumeAfterDeath() remembers since when a guest is up", () => {
  for (const phase of ["up", "unresponsive"] as const) {
    assertEquals(resumeAfterDeath(at(phase), FOUND.running, under()).state.upSince, NOW - 100);
  }
  assertEquals(resumeAfterDeath(at("starting"), FOUND.running, under()).state.upSince, NOW);
});

Deno.test("resumeAfterDeath() leaves one that is stuck to onStuck, and ends none because its supervisor died", () => {
  const policy = under({ onStuck: { action: "restart" } });
  const { state } = resumeAfterDeath(at("up"), FOUND.stuck, policy);
  assertEquals(line(decide(state, { kind: "stuck" }, policy)), "stopping, wanted up: put-down");
  const { state: report } = decide(state, { kind: "stuck" }, under());
  const back = decide(report, { kind: "reachable", guest: "running" }, under()).state;
  assertEquals([back.phase, back.upSince], ["up", NOW - 100]);
});

Deno.test("resumeAfterDeath() comes back to a dump when a QEMU answers that was found stuck in it", () => {
  for (const kind of ["stuck", "silent"] as const) {
    const { state } = resumeAfterDeath(at("dumping"), { kind }, under());
    assertEquals(state.begun, THEN_RESTART);
    const back = decide(state, { kind: "reachable", guest: "held" }, under()).state;
    // Its end comes after that.
    const again = decide(back, { kind: "guest-ended", verdict: FOUND.held.verdict }, under());
    assertEquals([again.state.phase, again.state.begun, again.actions.at(-1)], [
      "dumping",
      THEN_RESTART,
      { kind: "follow-dump", dump: THEN_RESTART.dump },
    ]);
    // Its end is told once more, and is known already.
    assertEquals(
      decide(again.state, { kind: "guest-ended", verdict: FOUND.held.verdict }, under()).actions,
      [],
    );
    assertEquals(line(resumeAfterDeath(state, FOUND.held, under())), "dumping, wanted up: follow-dump");
    assertEquals(resumed(state, FOUND.gone), "starting, wanted up: start");
  }
});

Deno.test("resumeAfterDeath() lets a guest begin whose QEMU answers only after its supervisor died", () => {
  for (const kind of ["stuck", "silent"] as const) {
    const { state } = resumeAfterDeath(at("starting"), { kind }, under());
    const { state: begun, actions } = decide(state, { kind: "reachable", guest: "prelaunch" }, under());
    assertEquals([begun.phase, actions.at(-1)], ["up", { kind: "resume" }]);
    // One that had been up, and was reset by somebody, may be wanted so.
    const was = resumeAfterDeath(at("up"), { kind }, under()).state;
    const left = decide(was, { kind: "reachable", guest: "prelaunch" }, under());
    assertEquals([left.state.phase, left.actions.filter((action) => action.kind === "resume")], ["up", []]);
  }
});

Deno.test("resumeAfterDeath() takes an end of which nothing is known for a lost guest", () => {
  const gone: Found = { kind: "gone", verdict: null };
  assertEquals(resumed(at("up"), gone), "starting, wanted up: start");
  assertEquals(
    resumed(at("up"), gone, under({ onCause: { "lost": "stop" } })),
    "down, wanted down: give up: stopped",
  );
});
