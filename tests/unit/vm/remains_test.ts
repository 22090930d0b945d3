import { assertEquals, assertMatch } from "@std/assert";
import { judgeRemains, type Remains, type WatchedRun } from "../../../src/vm/remains.ts";
import { event, PANICKED, reset, RESUME, shutdown, STOP, watchdog } from "./_events.ts";

const REMAINS: Remains = {
  at: new Date(0),
  stderrTail: "",
  consoleTail: "login: ",
  tripleFault: "unknown",
  oomKill: "unknown",
};

function judged(events: WatchedRun["events"], more: Partial<Remains> = {}, run: Partial<WatchedRun> = {}) {
  return judgeRemains({ events, intent: "none", ...run }, { ...REMAINS, ...more });
}

Deno.test("judgeRemains() goes by the last SHUTDOWN in the recording", async (t) => {
  const cases = {
    "guest-shutdown": "guest-shutdown",
    "guest-reset": "guest-reset",
    "guest-panic": "guest-panic",
    "host-qmp-quit": "host-quit",
    "host-signal": "host-signal",
  };
  for (const [reason, cause] of Object.entries(cases)) {
    await t.step(reason, () => {
      const verdict = judged([RESUME, shutdown(reason)]);
      assertEquals([verdict.cause, verdict.reason, verdict.exit, verdict.process], [
        cause,
        reason,
        null,
        "ended",
      ]);
      assertEquals([verdict.events, verdict.consoleTail], [[RESUME, shutdown(reason)], "login: "]);
    });
  }
});

Deno.test("judgeRemains() without a SHUTDOWN: lost, unless something tells", () => {
  assertEquals(judged([RESUME]).cause, "lost");
  assertEquals(judged([]).cause, "lost");
  assertEquals(judged([RESUME], { oomKill: true }).cause, "killed");
  assertEquals(judged([RESUME], { stderrTail: "x.c:1: f: Assertion `a' failed.\n" }).cause, "crashed");
  assertEquals(judged([watchdog("poweroff")]).cause, "watchdog");
  assertEquals(judged([shutdown("guest-shutdown"), STOP, RESUME]).cause, "lost", "it went on after that");
});

Deno.test("judgeRemains() of a guest that was held at its end: that end if its owner had it cleared away", () => {
  const events = [RESUME, PANICKED, STOP, shutdown("host-qmp-quit")];
  assertEquals(judged(events, {}, { intent: "stop" }).cause, "guest-panic");
  const verdict = judged(events);
  assertEquals(verdict.cause, "host-quit");
  assertMatch(verdict.detail, /until then QEMU held the guest at its end \(guest-panic\)$/);
  const killed = judged([RESUME, shutdown("guest-shutdown"), STOP]);
  assertEquals(killed.cause, "lost");
  assertMatch(killed.detail, /held the guest at its end \(guest-shutdown\)$/);
  const resumed = judged([PANICKED, STOP, RESUME, shutdown("host-qmp-quit")], {}, { intent: "stop" });
  assertEquals([resumed.cause, resumed.detail], ["host-quit", "QEMU was told to quit on a monitor"]);
});

Deno.test("judgeRemains() has the triple fault of a reset that ended QEMU, or was held", () => {
  const fault = { tripleFault: true } as const;
  assertEquals(judged([shutdown("guest-reset")], fault).tripleFault, true);
  assertEquals(judged([shutdown("guest-reset"), STOP], fault).tripleFault, null, "that was not how it ended");
  const cleared = [shutdown("guest-reset"), STOP, shutdown("host-qmp-quit")];
  assertEquals(judged(cleared, fault, { intent: "stop" }).tripleFault, true);
  assertEquals(judged([reset("guest-reset"), shutdown("host-qmp-quit")], fault).tripleFault, null);
});

Deno.test("judgeRemains() keeps the last events only", () => {
  const events = Array.from({ length: 100 }, (_, ms) => event("RTC_CHANGE", {}, ms));
  assertEquals(judged(events).events, events.slice(-32));
});
