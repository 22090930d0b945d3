import fc from "fast-check";
import { assertEquals, assertThrows } from "@std/assert";
import {
  checkBudgets,
  DEFAULT_STOP,
  DISPOSE_STOP,
  stopLadder,
  type StopOptions,
  type StopSituation,
} from "../../../src/vm/stop_ladder.ts";

const RUNNING: StopSituation = { guestRuns: "yes", monitor: "open", agent: "none" };

Deno.test("stopLadder() climbs from the power button to SIGKILL, and leaves out what can't work", async (t) => {
  const all = { powerdownMs: 5, agentMs: 4, quitMs: 3, termMs: 2 };
  const agent = "there" as const;
  const cases: [string, StopOptions, StopSituation, string[]][] = [
    ["a running guest", all, RUNNING, ["powerdown 5", "quit 3", "sigterm 2", "sigkill Infinity"]],
    ["one with an agent", all, { ...RUNNING, agent }, [
      ...["powerdown 5", "agent 4", "quit 3", "sigterm 2", "sigkill Infinity"],
    ]],
    ["no agent wanted", { ...all, agentMs: 0 }, { ...RUNNING, agent }, [
      ...["powerdown 5", "quit 3", "sigterm 2", "sigkill Infinity"],
    ]],
    ["an agent, and no power button wanted", { ...all, powerdownMs: 0 }, { ...RUNNING, agent }, [
      ...["quit 3", "sigterm 2", "sigkill Infinity"],
    ]],
    ["a paused or held guest", all, { guestRuns: "no", monitor: "open", agent: "none" }, [
      "quit 3",
      "sigterm 2",
      "sigkill Infinity",
    ]],
    ["one that does not answer", all, { guestRuns: "unknown", monitor: "open", agent: "none" }, [
      "quit 3",
      "sigterm 2",
      "sigkill Infinity",
    ]],
    ["no monitor", all, { guestRuns: "unknown", monitor: "closed", agent: "none" }, [
      "sigterm 2",
      "sigkill Infinity",
    ]],
    ["no power button wanted", { ...all, powerdownMs: 0 }, RUNNING, [
      "quit 3",
      "sigterm 2",
      "sigkill Infinity",
    ]],
    ["no quit wanted", { ...all, quitMs: 0 }, RUNNING, ["powerdown 5", "sigterm 2", "sigkill Infinity"]],
    ["no SIGTERM wanted", { ...all, termMs: 0 }, RUNNING, ["powerdown 5", "quit 3", "sigkill Infinity"]],
    ["nothing wanted", { powerdownMs: 0, quitMs: 0, termMs: 0 }, RUNNING, ["sigkill Infinity"]],
    ["nothing said", {}, RUNNING, ["powerdown 10000", "quit 3000", "sigterm 1500", "sigkill Infinity"]],
    ["all the time of the world", { powerdownMs: Infinity }, RUNNING, [
      "powerdown Infinity",
      "quit 3000",
      "sigterm 1500",
      "sigkill Infinity",
    ]],
  ];
  for (const [name, options, situation, rungs] of cases) {
    await t.step(name, () => {
      assertEquals(stopLadder(options, situation).map(({ rung, ms }) => `${rung} ${ms}`), rungs);
    });
  }
});

Deno.test("stopLadder() always ends with SIGKILL and never goes back, whatever the budgets and the guest", () => {
  const order = ["powerdown", "agent", "quit", "sigterm", "sigkill"];
  const ms = fc.oneof(fc.constant(0), fc.double({ min: 0, noNaN: true }), fc.constant(Infinity));
  const budgets = fc.record({ powerdownMs: ms, agentMs: ms, quitMs: ms, termMs: ms }, { requiredKeys: [] });
  const situations = fc.record({
    guestRuns: fc.constantFrom("yes" as const, "no" as const, "unknown" as const),
    monitor: fc.constantFrom("open" as const, "closed" as const),
    agent: fc.constantFrom("there" as const, "none" as const),
  });
  fc.assert(fc.property(budgets, situations, (options, situation) => {
    const ladder = stopLadder(options, situation);
    const places = ladder.map(({ rung }) => order.indexOf(rung));
    assertEquals(places, [...new Set(places)].toSorted((a, b) => a - b));
    assertEquals(ladder.at(-1), { rung: "sigkill", ms: Infinity });
    for (const rung of ladder) assertEquals(rung.ms > 0, true);
    // A rung that is left out was not wanted, or could not work.
    const has = (name: string) => ladder.some(({ rung }) => rung === name);
    const wanted = { ...DEFAULT_STOP, ...options };
    const monitor = situation.monitor === "open";
    assertEquals(has("powerdown"), monitor && situation.guestRuns === "yes" && wanted.powerdownMs > 0);
    const agent = situation.agent === "there" && wanted.agentMs > 0;
    assertEquals(has("agent"), has("powerdown") && agent);
    assertEquals(has("quit"), monitor && wanted.quitMs > 0);
    assertEquals(has("sigterm"), wanted.termMs > 0);
  }));
});

Deno.test("stopLadder() and checkBudgets() refuse budgets that are no times", () => {
  for (const name of ["powerdownMs", "agentMs", "quitMs", "termMs"] as const) {
    for (const value of [-1, -0.001, NaN, -Infinity]) {
      const message = `Cannot stop as '${name}' must be 0 or more milliseconds: current value is ${value}`;
      assertThrows(() => stopLadder({ [name]: value }, RUNNING), RangeError, message);
      assertThrows(() => checkBudgets({ [name]: value }), RangeError, message);
    }
    checkBudgets({ [name]: 0 });
    checkBudgets({ [name]: Infinity });
  }
  checkBudgets({});
});

Deno.test("DISPOSE_STOP has no power button, and leaves time for SIGKILL within 5 s", () => {
  assertEquals(DISPOSE_STOP.powerdownMs, 0);
  assertEquals(DISPOSE_STOP.quitMs + DISPOSE_STOP.termMs <= 4_000, true);
});
