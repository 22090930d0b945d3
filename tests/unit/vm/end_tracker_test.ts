import { assertEquals } from "@std/assert";
import type { AnyQmpEvent, Open, RunState } from "../../../src/qmp/mod.ts";
import { heldEnd, trackEnd } from "../../../src/vm/end_tracker.ts";
import type { VerdictCause } from "../../../src/vm/verdict_types.ts";
import { event, PANICKED, reset, RESUME, shutdown, STOP, watchdog } from "./_events.ts";

Deno.test("trackEnd() asks for the run state after a STOP, looks at each RESET, and only takes note of the rest", () => {
  assertEquals(trackEnd([], STOP).step, { kind: "ask-run-state" });
  for (
    const other of [RESUME, PANICKED, shutdown("guest-shutdown"), watchdog("reset"), event("NEW_IN_QEMU_11")]
  ) {
    assertEquals(trackEnd([], other), { events: [other], step: { kind: "none" } });
  }
  assertEquals(trackEnd([], reset("guest-reset", 1234.5)).step, {
    kind: "reset",
    reset: { atMs: 1234.5, by: "guest", watchdog: false },
  });
  assertEquals(trackEnd([RESUME], reset("host-qmp-system-reset", 7)).step, {
    kind: "reset",
    reset: { atMs: 7, by: "host", watchdog: false },
  });
});

Deno.test("trackEnd() blames the watchdog for the first RESET after it, not for the next", () => {
  let events: readonly AnyQmpEvent[] = [];
  const blamed: boolean[] = [];
  for (const next of [RESUME, watchdog("reset"), reset("guest-reset", 1), reset("guest-reset", 2)]) {
    const { events: after, step } = trackEnd(events, next);
    events = after;
    if (step.kind === "reset") blamed.push(step.reset.watchdog);
  }
  assertEquals(blamed, [true, false]);
  for (const action of ["none", "debug", "pause"]) {
    const { step } = trackEnd([watchdog(action)], reset("guest-reset"));
    assertEquals(step.kind === "reset" && step.reset.watchdog, false, action);
  }
});

Deno.test("trackEnd() keeps the last 32 events", () => {
  let events: readonly AnyQmpEvent[] = [];
  for (let at = 1; at <= 100; at++) events = trackEnd(events, event("RTC_CHANGE", {}, at * 1000)).events;
  assertEquals(
    events.map(({ timestamp }) => timestamp.seconds),
    Array.from({ length: 32 }, (_, i) => 69 + i),
  );
});

Deno.test("heldEnd() goes by the run state, and for `shutdown` by what led to it", async (t) => {
  const cases: [Open<RunState>, AnyQmpEvent[], VerdictCause | null, string | null][] = [
    ["shutdown", [shutdown("guest-shutdown"), STOP], "guest-shutdown", "guest-shutdown"],
    ["shutdown", [shutdown("guest-reset"), STOP], "guest-reset", "guest-reset"],
    ["shutdown", [shutdown("host-qmp-system-reset"), STOP], "guest-reset", "host-qmp-system-reset"],
    ["shutdown", [shutdown("guest-panic"), STOP], "guest-panic", "guest-panic"],
    ["shutdown", [watchdog("reset"), shutdown("guest-reset"), STOP], "watchdog", "guest-reset"],
    ["shutdown", [watchdog("shutdown"), shutdown("guest-shutdown"), STOP], "watchdog", "guest-shutdown"],
    ["shutdown", [watchdog("none"), shutdown("guest-shutdown"), STOP], "guest-shutdown", "guest-shutdown"],
    ["shutdown", [STOP], "guest-shutdown", null],
    ["guest-panicked", [PANICKED, STOP], "guest-panic", null],
    ["guest-panicked", [STOP], "guest-panic", null],
    ["watchdog", [watchdog("pause"), STOP], "watchdog", null],
    // An event may be rate-limited away: the state is enough.
    ["watchdog", [STOP], "watchdog", null],
    ["io-error", [STOP], "io-error", null],
    ["internal-error", [STOP], "internal-error", null],
    ["paused", [STOP], null, null],
    ["running", [STOP], null, null],
    ["prelaunch", [STOP], null, null],
    ["suspended", [STOP], null, null],
    ["postmigrate", [STOP], null, null],
    ["inmigrate", [STOP], null, null],
    ["finish-migrate", [STOP], null, null],
    ["save-vm", [STOP], null, null],
    ["restore-vm", [STOP], null, null],
    ["debug", [STOP], null, null],
    ["colo", [STOP], null, null],
    ["state-of-a-new-qemu", [STOP], null, null],
  ];
  for (const [status, events, cause, reason] of cases) {
    const told = events.map(({ event, data }) => `${event} ${data?.action ?? data?.reason ?? ""}`.trim());
    await t.step(`${status} after ${told.join(", ")}: ${cause}`, () => {
      const end = heldEnd(status, events);
      assertEquals(end && [end.cause, end.reason, end.process], cause && [cause, reason, "held"]);
    });
  }
});

Deno.test("heldEnd() goes by the events when nobody can be asked", async (t) => {
  const diskFailed = event("BLOCK_IO_ERROR", { action: "stop" });
  const cases: [AnyQmpEvent[], VerdictCause | null][] = [
    [[RESUME, shutdown("guest-shutdown"), STOP], "guest-shutdown"],
    [[RESUME, shutdown("guest-reset"), STOP], "guest-reset"],
    [[RESUME, PANICKED, STOP], "guest-panic"],
    [[RESUME, watchdog("pause"), STOP], "watchdog"],
    [[RESUME, diskFailed, STOP], "io-error"],
    // What else happens just then does not hide it.
    [[RESUME, diskFailed, event("RTC_CHANGE"), STOP], "io-error"],
    [[RESUME, STOP], null],
    [[STOP], null],
    [[RESUME, event("GUEST_PANICKED", { action: "run" }), STOP], null],
    [[RESUME, watchdog("none"), STOP], null],
    [[RESUME, event("BLOCK_IO_ERROR", { action: "report" }), STOP], null],
    // What came before the guest last went on is an old story.
    [[RESUME, PANICKED, STOP, RESUME, STOP], null],
    [[RESUME, shutdown("guest-shutdown"), STOP, reset("host-qmp-system-reset"), STOP], null],
  ];
  for (const [events, cause] of cases) {
    await t.step(`${events.map(({ event }) => event).join(", ")}: ${cause}`, () => {
      assertEquals(heldEnd(null, events)?.cause ?? null, cause);
    });
  }
});
