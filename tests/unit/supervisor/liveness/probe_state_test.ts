import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Liveness } from "../../../../src/supervisor/liveness/oracle.ts";
import type { WholeProbe } from "../../../../src/supervisor/liveness/probe.ts";
import {
  type Gate,
  newProbeState,
  noteProbe,
  passGrace,
  probeGate,
  type ProbeOutcome,
  type ProbeState,
  readinessOf,
} from "../../../../src/supervisor/liveness/probe_state.ts";

const PROBE: WholeProbe = {
  kind: "agent",
  for: "liveness",
  everyMs: 1_000,
  timeoutMs: 100,
  failures: 3,
  graceMs: 5_000,
};
const HEALTHY: Liveness = { kind: "healthy" };
const BUSY: Liveness = { kind: "busy", forMs: 1, proof: "presumed" };
const STOPPED: Liveness = { kind: "stopped", forMs: 1, by: "signal" };
const PASSED: ProbeOutcome = { kind: "passed" };
const MISSED: ProbeOutcome = { kind: "missed", why: "silence" };
const VOID: ProbeOutcome = { kind: "void" };

/** What the outcomes led to, in short. */
function follow(outcomes: readonly ProbeOutcome[], graceMs = 0): (string | null)[] {
  const probe = { ...PROBE, graceMs };
  let state = newProbeState(probe);
  return outcomes.map((outcome) => {
    const noted = noteProbe(probe, state, outcome);
    state = noted.state;
    return noted.change?.kind ?? null;
  });
}

Deno.test("noteProbe() lets a probe fail after so many in a row that were not passed, and pass by one", () => {
  assertEquals(
    follow([PASSED, MISSED, MISSED, PASSED, MISSED, MISSED, MISSED, MISSED, PASSED, PASSED]),
    ["passing", null, null, null, null, null, "failing", null, "passing", null],
  );
  assertEquals(follow([MISSED, MISSED, MISSED]), [null, null, "failing"]);
});

Deno.test("noteProbe() makes nothing of what a guest could not pass", () => {
  assertEquals(follow([MISSED, VOID, MISSED, VOID, VOID]), Array(5).fill(null));
  assertEquals(follow([MISSED, MISSED, VOID, MISSED]).at(-1), "failing");
});

Deno.test("noteProbe() counts nothing in the time of grace, until the probe has passed once", () => {
  assertEquals(follow(Array(9).fill(MISSED), 1), Array(9).fill(null));
  assertEquals(follow([PASSED, MISSED, MISSED, MISSED], 60_000).at(-1), "failing");
});

Deno.test("passGrace() stands while the guest is held or QEMU is busy, and not while QEMU is stopped", () => {
  const TABLE: [gate: Gate, liveness: Liveness, left: number][] = [
    ["open", HEALTHY, 3_000],
    ["shut", HEALTHY, 5_000],
    ["shut", BUSY, 5_000],
    ["shut", STOPPED, 3_000],
  ];
  for (const [gate, liveness, left] of TABLE) {
    assertEquals(passGrace(newProbeState(PROBE), 2_000, gate, liveness).graceLeftMs, left);
  }
  assertEquals(passGrace(newProbeState(PROBE), 9_000, "open", HEALTHY).graceLeftMs, 0);
});

Deno.test("probeGate() is open only for a guest that runs in a QEMU that is healthy", () => {
  assertEquals(probeGate(HEALTHY, "running"), "open");
  const held = ["paused", "suspended", "inmigrate", "postmigrate", "finish-migrate", "save-vm", "restore-vm"];
  const ended = ["prelaunch", "shutdown", "guest-panicked", "watchdog", "io-error", "internal-error"];
  for (const runState of [...held, ...ended, "a word of a later QEMU's"]) {
    assertEquals(probeGate(HEALTHY, runState), "shut", runState);
  }
  for (const liveness of [BUSY, STOPPED, { kind: "gone" } as const]) {
    assertEquals(probeGate(liveness, "running"), "shut");
  }
  assertEquals(probeGate(HEALTHY, null), "shut");
});

Deno.test("noteProbe() changes its word by turns, and fails only after as many misses as it must", () => {
  const anOutcome = fc.constantFrom(PASSED, MISSED, MISSED, VOID);
  fc.assert(fc.property(fc.array(anOutcome), fc.integer({ min: 1, max: 5 }), (outcomes, failures) => {
    const probe = { ...PROBE, failures, graceMs: 0 };
    let state = newProbeState(probe);
    let word: string | null = null;
    let missed = 0;
    for (const outcome of outcomes) {
      missed = outcome.kind === "missed" ? missed + 1 : outcome.kind === "passed" ? 0 : missed;
      const noted = noteProbe(probe, state, outcome);
      state = noted.state;
      if (noted.change === null) continue;
      assert(noted.change.kind !== word);
      word = noted.change.kind;
      assertEquals(missed, word === "failing" ? failures : 0);
    }
  }));
});

Deno.test("readinessOf() is ready when all pass, not ready when one fails, and else not known", () => {
  const states = (...phases: ProbeState["phase"][]) =>
    phases.map((phase): ProbeState => ({ phase, missed: 0, graceLeftMs: 0 }));
  assertEquals(readinessOf([]), "ready");
  assertEquals(readinessOf(states("passing", "passing")), "ready");
  assertEquals(readinessOf(states("passing", "waiting")), "unknown");
  assertEquals(readinessOf(states("waiting", "failing", "passing")), "not-ready");
});
