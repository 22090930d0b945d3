import { assert, assertEquals, assertMatch } from "@std/assert";
import type { AnyQmpEvent } from "../../../src/qmp/mod.ts";
import { type Evidence, judge, judgeLaunch, judgeRelease } from "../../../src/vm/verdict.ts";
import type { ExitStatus, Intent, Verdict, VerdictCause } from "../../../src/vm/verdict_types.ts";
import { event, PANICKED, reset, RESUME, shutdown, STOP, watchdog } from "./_events.ts";

const AT = new Date(0);
const EXITED: ExitStatus = { code: 0, signal: null };

function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    at: AT,
    exit: EXITED,
    events: [],
    stderrTail: "",
    intent: "none",
    rung: null,
    held: null,
    debugExit: false,
    tripleFault: "unknown",
    oomKill: "unknown",
    consoleTail: "",
    seen: "process",
    ...more,
  };
}

function exit(code: number): ExitStatus {
  return { code, signal: null };
}

function signal(name: string, number: number): ExitStatus {
  return { code: 128 + number, signal: name };
}

/** A verdict on an end that is held, such as `ends()` gives. */
function held(cause: VerdictCause, more: Partial<Verdict> = {}): Verdict {
  return {
    ...{
      cause,
      detail: `held: ${cause}`,
      at: AT,
      process: "held",
      exit: null,
      reason: null,
      tripleFault: null,
    },
    ...{ oomKill: null, intent: "none", rung: null, stderrTail: "", consoleTail: "", events: [] },
    ...more,
  };
}

Deno.test("judge() goes by the reason of the SHUTDOWN, whatever the exit code", async (t) => {
  const reasons: Record<string, VerdictCause> = {
    "guest-shutdown": "guest-shutdown",
    "guest-reset": "guest-reset",
    "guest-panic": "guest-panic",
    "host-qmp-quit": "host-quit",
    "host-qmp-system-reset": "guest-reset",
    "host-signal": "host-signal",
    "host-ui": "host-quit",
    "host-error": "internal-error",
    "subsystem-reset": "guest-reset",
    "snapshot-load": "guest-reset",
    // QEMUs to come.
    "host-whim": "host-quit",
    "guest-whim": "guest-shutdown",
  };
  for (const [reason, cause] of Object.entries(reasons)) {
    await t.step(reason, () => {
      for (const how of [exit(0), exit(1), signal("SIGKILL", 9), null]) {
        const verdict = judge(evidence({ exit: how, events: [RESUME, shutdown(reason)] }));
        assertEquals([verdict.cause, verdict.reason, verdict.process, verdict.exit], [
          cause,
          reason,
          "ended",
          how,
        ]);
      }
    });
  }
});

Deno.test("judge() without a SHUTDOWN goes by the signal, then by the exit code", async (t) => {
  const cases: [ExitStatus | null, VerdictCause, RegExp][] = [
    [signal("SIGKILL", 9), "killed", /^QEMU was killed with SIGKILL, by somebody else$/],
    [signal("SIGUSR1", 10), "killed", /SIGUSR1/],
    [signal("SIGSEGV", 11), "crashed", /^QEMU crashed with SIGSEGV$/],
    [signal("SIGABRT", 6), "crashed", /SIGABRT/],
    [signal("SIGBUS", 7), "crashed", /SIGBUS/],
    [signal("SIGFPE", 8), "crashed", /SIGFPE/],
    [signal("SIGILL", 4), "crashed", /SIGILL/],
    [signal("SIGQUIT", 3), "crashed", /SIGQUIT/],
    [signal("SIGTRAP", 5), "crashed", /SIGTRAP/],
    [signal("SIGSYS", 31), "crashed", /its own sandbox \(SIGSYS\)/],
    [signal("SIGTERM", 15), "host-signal", /^QEMU was ended by SIGTERM before it could say so$/],
    [signal("SIGINT", 2), "host-signal", /SIGINT/],
    [signal("SIGHUP", 1), "host-signal", /SIGHUP/],
    [exit(0), "lost", /said nothing about why/],
    [exit(1), "crashed", /^QEMU gave up with exit code 1$/],
    [exit(33), "crashed", /exit code 33/],
    [null, "lost", /^QEMU was killed or crashed: it is gone without a word/],
  ];
  for (const [how, cause, detail] of cases) {
    await t.step(how === null ? "no exit status" : how.signal ?? `exit code ${how.code}`, () => {
      const verdict = judge(evidence({ exit: how, events: [RESUME] }));
      assertEquals([verdict.cause, verdict.reason, verdict.exit], [cause, null, how]);
      assertMatch(verdict.detail, detail);
    });
  }
});

Deno.test("judge() without a word and without an exit status goes by what is known beside that", async (t) => {
  const cases: { name: string; found: Partial<Evidence>; cause: VerdictCause; detail: RegExp }[] = [
    {
      name: "only the connection is known to have ended",
      found: { seen: "connection", oomKill: true, stderrTail: "x: Assertion `y' failed.\n" },
      cause: "lost",
      detail: /^The monitor's connection ended without a word, and the process can't be asked$/,
    },
    {
      name: "its owner sent SIGKILL",
      found: { intent: "kill", rung: "sigkill", oomKill: true },
      cause: "killed",
      detail: /^QEMU was killed with SIGKILL, by its owner$/,
    },
    {
      name: "its owner only asked it to quit",
      found: { intent: "stop", rung: "quit" },
      cause: "lost",
      detail: /^QEMU was killed or crashed/,
    },
    {
      name: "the kernel killed it",
      found: { oomKill: true },
      cause: "killed",
      detail: /^QEMU was killed by the kernel, because memory was short$/,
    },
    {
      name: "an assertion of C's",
      found: { stderrTail: "warning: old\nqemu: ../hw/core/x.c:12: f: Assertion `a < b' failed.\n" },
      cause: "crashed",
      detail: /^QEMU aborted: qemu: \.\.\/hw\/core\/x\.c:12: f: Assertion `a < b' failed\.$/,
    },
    {
      name: "an assertion of GLib's",
      found: { stderrTail: "ERROR:../block.c:7:f: assertion failed: (a)\nBail out! ERROR\n" },
      cause: "crashed",
      detail: /^QEMU aborted: ERROR:.*assertion failed/,
    },
    {
      name: "words that say nothing of an end",
      found: { stderrTail: "qemu: warning: TCG doesn't support requested feature\n" },
      cause: "lost",
      detail: /^QEMU was killed or crashed/,
    },
  ];
  for (const { name, found, cause, detail } of cases) {
    await t.step(name, () => {
      const verdict = judge(evidence({ exit: null, events: [RESUME], ...found }));
      assertEquals([verdict.cause, verdict.exit, verdict.process], [cause, null, "ended"]);
      assertMatch(verdict.detail, detail);
    });
  }
});

Deno.test("judge() says whether the kernel killed it only where a SIGKILL may have been the end", () => {
  const oomKill = (more: Partial<Evidence>) => judge(evidence({ events: [RESUME], ...more })).oomKill;
  for (const known of [true, false, "unknown"] as const) {
    assertEquals(oomKill({ exit: signal("SIGKILL", 9), oomKill: known }), known);
    assertEquals(oomKill({ exit: null, oomKill: known }), known);
    assertEquals(oomKill({ exit: null, seen: "connection", oomKill: known }), known);
    assertEquals(oomKill({ exit: signal("SIGUSR1", 10), oomKill: known }), false);
    const byOwner = { intent: "kill", rung: "sigkill", oomKill: known } as const;
    assertEquals(oomKill({ exit: signal("SIGKILL", 9), ...byOwner }), false);
    assertEquals(oomKill({ exit: null, ...byOwner }), false);
    assertEquals(oomKill({ exit: null, events: [shutdown("host-qmp-quit")], oomKill: known }), null);
    assertEquals(oomKill({ exit: exit(0), oomKill: known }), null);
    assertEquals(oomKill({ exit: signal("SIGSEGV", 11), oomKill: known }), null);
  }
  const kernels = judge(evidence({ exit: signal("SIGKILL", 9), oomKill: true }));
  assertEquals([kernels.cause, kernels.detail], [
    "killed",
    "QEMU was killed by the kernel, because memory was short",
  ]);
});

Deno.test("judge() takes an odd exit code for the guest's own word only where there is an isa-debug-exit", () => {
  const cause = (more: Partial<Evidence>) => judge(evidence({ events: [RESUME], ...more })).cause;
  assertEquals(cause({ exit: exit(33), debugExit: true }), "guest-shutdown");
  assertEquals(cause({ exit: exit(33), debugExit: false }), "crashed");
  assertEquals(cause({ exit: exit(32), debugExit: true }), "crashed"); // it makes odd codes only
  assertEquals(cause({ exit: exit(0), debugExit: true }), "lost");
  assertEquals(cause({ exit: signal("SIGKILL", 9), debugExit: true }), "killed");
  assertEquals(cause({ exit: null, debugExit: true }), "lost");
  // 1 is the guest's 0, and also how QEMU gives up.
  assertEquals(cause({ exit: exit(1), debugExit: true }), "guest-shutdown");
  assertEquals(
    cause({ exit: exit(1), debugExit: true, stderrTail: "load of migration failed\n" }),
    "crashed",
  );
});

Deno.test("judge() names isa-debug-exit where a newer QEMU also says SHUTDOWN, and a plain power-off otherwise", () => {
  const events = [RESUME, shutdown("guest-shutdown")];
  assertMatch(
    judge(evidence({ events, exit: exit(33), debugExit: true })).detail,
    /isa-debug-exit, with code 33/,
  );
  assertEquals(judge(evidence({ events, exit: exit(33), debugExit: true })).reason, "guest-shutdown");
  assertMatch(judge(evidence({ events, exit: exit(0), debugExit: true })).detail, /powered itself off/);
});

Deno.test("judge() blames the watchdog where its action led to the end", async (t) => {
  const cases: { events: AnyQmpEvent[]; exit?: ExitStatus; cause: VerdictCause }[] = [
    { events: [watchdog("reset"), shutdown("guest-reset")], cause: "watchdog" },
    { events: [watchdog("shutdown"), event("POWERDOWN"), shutdown("guest-shutdown")], cause: "watchdog" },
    { events: [watchdog("poweroff")], cause: "watchdog" },
    { events: [watchdog("poweroff")], exit: signal("SIGKILL", 9), cause: "killed" },
    { events: [watchdog("poweroff"), shutdown("host-qmp-quit")], cause: "watchdog" },
    // These actions end nothing.
    { events: [watchdog("none"), shutdown("guest-shutdown")], cause: "guest-shutdown" },
    { events: [watchdog("debug"), shutdown("guest-reset")], cause: "guest-reset" },
    { events: [watchdog("inject-nmi"), shutdown("guest-panic")], cause: "guest-panic" },
    { events: [watchdog("pause"), STOP, shutdown("host-qmp-quit")], cause: "host-quit" },
    // It reset, and the guest then ended in its own way.
    { events: [watchdog("reset"), reset("guest-reset"), shutdown("guest-reset")], cause: "guest-reset" },
    { events: [watchdog("shutdown"), STOP, RESUME, shutdown("guest-shutdown")], cause: "guest-shutdown" },
    // What it did does not fit how it ended.
    { events: [watchdog("reset"), shutdown("guest-shutdown")], cause: "guest-shutdown" },
    { events: [watchdog("shutdown"), shutdown("host-signal")], cause: "host-signal" },
  ];
  for (const { events, cause, exit = EXITED } of cases) {
    const told = events.map(({ event, data }) => `${event} ${data?.action ?? data?.reason ?? ""}`.trim());
    await t.step(`${told.join(", ")}, ${exit.signal ?? exit.code}: ${cause}`, () => {
      assertEquals(judge(evidence({ events: [RESUME, ...events], exit })).cause, cause);
    });
  }
});

Deno.test("judge() does not take a SHUTDOWN that the guest survived for the end of its process", async (t) => {
  const survived: Record<string, AnyQmpEvent[]> = {
    "held, then killed": [shutdown("guest-shutdown"), STOP],
    "held and reset, then killed": [shutdown("guest-shutdown"), STOP, reset("host-qmp-system-reset"), RESUME],
    "held by a reset and resumed, then killed": [shutdown("guest-reset"), STOP, RESUME],
  };
  for (const [name, events] of Object.entries(survived)) {
    await t.step(name, () => {
      const verdict = judge(evidence({ events: [RESUME, ...events], exit: signal("SIGKILL", 9) }));
      assertEquals([verdict.cause, verdict.reason, verdict.tripleFault], ["killed", null, null]);
    });
  }
  await t.step("and one after it counts again", () => {
    const events = [
      shutdown("guest-shutdown"),
      STOP,
      reset("host-qmp-system-reset"),
      RESUME,
      shutdown("guest-panic"),
    ];
    assertEquals(judge(evidence({ events })).cause, "guest-panic");
  });
});

Deno.test("judge() of a held guest: its own end if its owner cleared it away, what ended QEMU if somebody else did", async (t) => {
  const ends: { exit: ExitStatus; events: AnyQmpEvent[]; byOther: VerdictCause }[] = [
    { exit: EXITED, events: [PANICKED, STOP, shutdown("host-qmp-quit")], byOther: "host-quit" },
    { exit: EXITED, events: [PANICKED, STOP, shutdown("host-signal")], byOther: "host-signal" },
    { exit: signal("SIGKILL", 9), events: [PANICKED, STOP], byOther: "killed" },
  ];
  for (const { exit, events, byOther } of ends) {
    for (const intent of ["none", "stop", "kill"] as const satisfies readonly Intent[]) {
      await t.step(`${byOther}, intent ${intent}`, () => {
        const verdict = judge(evidence({ exit, events, intent, held: held("guest-panic") }));
        assertEquals(verdict.cause, intent === "none" ? byOther : "guest-panic");
        assert(verdict.detail.includes("guest-panic"), "the held end is part of the evidence");
      });
    }
  }
});

Deno.test("judge() has the triple fault of a reset only, and that of the held reset where that is what counts", () => {
  const fault = (more: Partial<Evidence>) => judge(evidence({ tripleFault: true, ...more }));
  assertEquals(fault({ events: [shutdown("guest-reset")] }).tripleFault, true);
  assertMatch(fault({ events: [shutdown("guest-reset")] }).detail, /\(a triple fault\)$/);
  assertEquals(fault({ events: [shutdown("guest-reset")], tripleFault: false }).tripleFault, false);
  assertEquals(fault({ events: [shutdown("guest-reset")], tripleFault: "unknown" }).tripleFault, "unknown");
  for (const reason of ["guest-shutdown", "guest-panic", "host-qmp-system-reset", "host-qmp-quit"]) {
    assertEquals(fault({ events: [shutdown(reason)] }).tripleFault, null, reason);
  }
  assertEquals(fault({ events: [watchdog("reset"), shutdown("guest-reset")] }).tripleFault, null);
  const heldReset = held("guest-reset", { reason: "guest-reset", tripleFault: false });
  assertEquals(fault({ held: heldReset, intent: "stop", events: [] }).tripleFault, false);
  assertEquals(fault({ held: heldReset, intent: "none", exit: signal("SIGKILL", 9) }).tripleFault, null);
  const detail = "The guest reset itself (a triple fault)";
  const heldFault = held("guest-reset", { reason: "guest-reset", tripleFault: true, detail });
  assertEquals(fault({ held: heldFault, intent: "stop", events: [] }).detail, detail, "it is said once");
});

Deno.test("judge() says by whom QEMU was killed", () => {
  const detail = (intent: Intent, rung: Evidence["rung"]) =>
    judge(evidence({ exit: signal("SIGKILL", 9), intent, rung })).detail;
  assertMatch(detail("none", null), /by somebody else$/);
  assertMatch(detail("kill", "sigkill"), /by its owner$/);
  assertMatch(detail("stop", "sigkill"), /by its owner$/);
  // While it was asked to quit, something else killed it.
  assertMatch(detail("stop", "quit"), /by somebody else$/);
});

Deno.test("judge() keeps the evidence", () => {
  const events = [RESUME, shutdown("guest-shutdown")];
  const verdict = judge(evidence({ events, stderrTail: "words", intent: "stop", rung: "powerdown" }));
  assertEquals(
    [verdict.at, verdict.events, verdict.stderrTail, verdict.intent, verdict.rung],
    [AT, events, "words", "stop", "powerdown"],
  );
});

Deno.test("judgeLaunch() is launch-failed, unless a signal from outside ended QEMU", async (t) => {
  const cases: [ExitStatus | null, VerdictCause][] = [
    [null, "launch-failed"],
    [exit(1), "launch-failed"],
    [exit(0), "launch-failed"],
    [signal("SIGKILL", 9), "killed"],
    [signal("SIGTERM", 15), "host-signal"],
    [signal("SIGABRT", 6), "crashed"],
    [signal("SIGSYS", 31), "crashed"],
  ];
  for (const [how, cause] of cases) {
    await t.step(how === null ? "never ran" : how.signal ?? `exit code ${how.code}`, () => {
      const verdict = judgeLaunch({ at: AT, detail: "why", exit: how, stderrTail: "words", intent: "none" });
      assertEquals([verdict.cause, verdict.exit, verdict.process], [cause, how, "ended"]);
      assertEquals([verdict.events, verdict.rung, verdict.stderrTail], [[], null, "words"]);
      if (cause === "launch-failed") assertEquals(verdict.detail, "why");
    });
  }
});

Deno.test("judgeRelease() says that nothing has ended", () => {
  const verdict = judgeRelease(AT, [RESUME]);
  assertEquals([verdict.cause, verdict.process, verdict.exit, verdict.events], ["lost", "running", null, [
    RESUME,
  ]]);
});
