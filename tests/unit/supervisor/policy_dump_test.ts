import { assertEquals } from "@std/assert";
import type { ActionWord } from "../../../src/supervisor/action.ts";
import { decide, type Incident, type PolicyState } from "../../../src/supervisor/policy.ts";
import type { VerdictCause } from "../../../src/vm/mod.ts";
import { at, decided, line, NOW, under, USED, verdict } from "./_policy.ts";

const DUMP = { dir: "/dumps", keep: 2 };
const held = (cause: VerdictCause): Incident => ({
  kind: "guest-ended",
  verdict: verdict(cause, { process: "held" }),
});
const gone: Incident = { kind: "ended", verdict: verdict("killed") };

/** What the policy says where it dumps first. */
const first = (then: ActionWord) => under({ onCause: { "guest-panic": { dump: DUMP, then } } });

Deno.test("decide() dumps a guest that QEMU holds before anything else is done about it", async (t) => {
  for (const then of ["restart", "reset", "resume", "preserve", "stop"] as const) {
    await t.step(then, () => {
      const decision = decide(at("up"), held("guest-panic"), first(then));
      assertEquals(decision.actions, [{ kind: "dump", dump: DUMP }]);
      assertEquals(decision.state.phase, "dumping");
      assertEquals(decision.state.begun, {
        kind: "dump",
        dump: DUMP,
        then: { kind: "act", action: then, ranMs: 100 },
      });
    });
  }
});

Deno.test("decide() does what follows a dump whether it worked or not", async (t) => {
  const follows: Record<ActionWord, string> = {
    "restart": "stopping, wanted up: clear-away",
    "reset": "up, wanted up: reset",
    "resume": "up, wanted up: resume",
    "preserve": "held, wanted up: give up: preserved",
    "stop": "stopping, wanted down: clear-away",
  };
  for (const [then, expected] of Object.entries(follows) as [ActionWord, string][]) {
    await t.step(then, () => {
      const { state } = decide(at("up"), held("guest-panic"), first(then));
      for (const kind of ["dumped", "dump-failed"] as const) {
        assertEquals(decided(state, { kind }, first(then)), expected);
        // What is done in place has then begun in its turn.
        const begun = then === "reset" || then === "resume" ? { kind: then } : null;
        assertEquals(decide(state, { kind }, first(then)).state.begun, begun);
      }
    });
  }
});

Deno.test("decide() goes on without a dump where there is nothing left to dump", async (t) => {
  const goneThen: Record<ActionWord, string> = {
    "restart": "starting, wanted up: start",
    "reset": "starting, wanted up: start",
    "resume": "starting, wanted up: start",
    "preserve": "down, wanted down: give up: stopped",
    "stop": "down, wanted down: give up: stopped",
  };
  for (const [then, expected] of Object.entries(goneThen) as [ActionWord, string][]) {
    await t.step(`QEMU is gone, then ${then}`, () => {
      const policy = under({ onCause: { "killed": { dump: DUMP, then } } });
      assertEquals(decided(at("up"), gone, policy), expected);
    });
    await t.step(`QEMU goes while it dumps, then ${then}`, () => {
      const { state } = decide(at("up"), held("guest-panic"), first(then));
      assertEquals(decided(state, gone, first(then)), expected);
    });
  }
  await t.step("QEMU has reset it already", () => {
    const reset: Incident = { kind: "guest-ended", verdict: verdict("guest-reset", { process: "running" }) };
    const words = (["restart", "stop", "reset"] as const).map((then) =>
      decided(at("up"), reset, under({ onCause: { "guest-reset": { dump: DUMP, then } } }))
    );
    assertEquals(words, [
      "stopping, wanted up: clear-away",
      "stopping, wanted down: clear-away",
      "up, wanted up: nothing",
    ]);
  });
});

Deno.test("decide() stops a guest that is being dumped, and forgets what was to follow", () => {
  const { state, actions } = decide(at("dumping"), { kind: "stop-asked" }, under());
  assertEquals([state.phase, state.wanted, state.begun, actions], [
    "stopping",
    "down",
    null,
    [{ kind: "stop" }],
  ]);
  assertEquals(decided(state, { kind: "dump-failed" }), "stopping, wanted down: nothing");
  assertEquals(decided(state, gone), "down, wanted down: give up: stopped");
});

Deno.test("decide() finishes the dump before it starts a guest as the operator asked, and forgets earlier restarts", () => {
  for (const kind of ["start-asked", "restart-asked"] as const) {
    const stops: PolicyState = at("dumping", {
      history: USED,
      begun: { kind: "dump", dump: DUMP, then: { kind: "act", action: "stop", ranMs: 100 } },
    });
    const { state } = decide(stops, { kind }, under());
    assertEquals(line({ state, actions: [] }), "dumping, wanted up: nothing");
    const clearing = decide(state, { kind: "dumped" }, under());
    assertEquals(line(clearing), "stopping, wanted up: clear-away");
    const next = decide(clearing.state, gone, under());
    assertEquals([line(next), next.state.history.attempts], ["starting, wanted up: start", 0]);
    // Or at once, where there is nothing to finish.
    assertEquals(decided(state, gone), "starting, wanted up: start");
  }
});

Deno.test("decide() counts a restart after a dump once, by how long the guest ran before it", () => {
  const backoff = { resetAfterMs: 1_000 };
  const waits = [999, 1_000].map((ranMs) => {
    const ran = at("up", { upSince: NOW - ranMs, history: USED });
    const policy = { ...under({ backoff, onCause: { "guest-panic": { dump: DUMP, then: "restart" } } }) };
    const dumping = decide(ran, held("guest-panic"), policy).state;
    const later = { ...policy, now: NOW + 30_000 };
    const clearing = decide(dumping, { kind: "dumped" }, later).state;
    return line(decide(clearing, gone, later));
  });
  assertEquals(waits, ["backoff, wanted up: wait 100", "starting, wanted up: start"]);
});

Deno.test("decide() dumps the last life as well, and then gives up", () => {
  const limit = { restarts: 1, withinMs: 60_000 };
  const policy = under({ limit, onCause: { "guest-panic": { dump: DUMP, then: "reset" } } });
  const { state, actions } = decide(at("up", { history: USED }), held("guest-panic"), policy);
  assertEquals(actions, [{ kind: "dump", dump: DUMP }]);
  assertEquals(decided(state, { kind: "dumped" }, policy), "stopping, wanted up: clear-away");
});

Deno.test("decide() takes a guest that a person lets run after its dump for up", () => {
  const { state } = decide(at("dumping"), { kind: "resumed" }, under());
  assertEquals([state.phase, state.upSince, state.begun], ["up", NOW, null]);
  assertEquals(decided(state, { kind: "dumped" }), "up, wanted up: nothing");
});
