// What is known of a QEMU that ended while nobody looked.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Verdict, VmConfig } from "../../mod.ts";
import { uniCommands } from "../../src/testing/mod.ts";
import { type DeadRun, judgeDead } from "../../src/vm/dead_run.ts";
import { readRecording } from "../../src/vm/recorder.ts";
import { Orphan } from "./_orphan.ts";
import { HELD, VmHost } from "./_vm_host.ts";

async function deadRun({ run }: Orphan, intent: DeadRun["intent"] = "none"): Promise<DeadRun> {
  const { runDir, stderrFile, pid, startTime, argv } = run;
  return { runDir, stderrFile, pid, startTime, argv, events: await readRecording(runDir), intent };
}

/** Has somebody tell QEMU something on its monitor for people. */
async function hmp({ run }: Orphan, command: string): Promise<void> {
  using monitor = await Deno.connect({ transport: "unix", path: `${run.runDir}/hmp` });
  await monitor.write(new TextEncoder().encode(`${command}\n`));
  // To its end: QEMU closes it when it quits.
  const buffer = new Uint8Array(1024);
  while (await monitor.read(buffer).catch(() => null) !== null);
}

Deno.test("judgeDead() finds out why a QEMU ended while nobody looked", async (t) => {
  await using host = await VmHost.make();
  interface Case {
    name: string;
    config?: VmConfig;
    act: (orphan: Orphan) => Promise<unknown>;
    expected: Pick<Verdict, "cause" | "reason" | "tripleFault">;
    detail: RegExp;
    stderr?: RegExp;
  }
  const type = (command: string) => (orphan: Orphan) => orphan.type(command);
  const signal = (name: Deno.Signal) => ({ pid }: Orphan) => Promise.resolve(Deno.kill(pid, name));
  const known = { tripleFault: null } as const;
  const cases: Case[] = [
    {
      name: "the guest powered itself off",
      act: type(uniCommands.powerOff),
      expected: { ...known, cause: "guest-shutdown", reason: "guest-shutdown" },
      detail: /^The guest powered itself off$/,
    },
    {
      name: "the guest panicked",
      act: type(uniCommands.panic),
      expected: { ...known, cause: "guest-panic", reason: "guest-panic" },
      detail: /panicked$/,
    },
    {
      name: "a triple fault, and QEMU ends at a reset",
      config: { actions: { reboot: "shutdown" } },
      act: type(uniCommands.tripleFault),
      expected: { ...known, cause: "guest-reset", reason: "guest-reset", tripleFault: true },
      detail: /\(a triple fault\)$/,
    },
    {
      name: "a reset, and QEMU ends at a reset",
      config: { actions: { reboot: "shutdown" } },
      act: type(uniCommands.reset),
      expected: { ...known, cause: "guest-reset", reason: "guest-reset", tripleFault: false },
      detail: /^The guest reset itself/,
    },
    {
      name: "SIGTERM",
      act: signal("SIGTERM"),
      expected: { ...known, cause: "host-signal", reason: "host-signal" },
      detail: /by a signal$/,
      stderr: /terminating on signal 15/,
    },
    {
      name: "quit",
      act: (orphan) => hmp(orphan, "quit"),
      expected: { ...known, cause: "host-quit", reason: "host-qmp-quit" },
      detail: /told to quit/,
    },
    {
      name: "SIGKILL",
      act: signal("SIGKILL"),
      expected: { ...known, cause: "lost", reason: null },
      detail: /^QEMU was killed or crashed/,
    },
    {
      name: "SIGKILL, while it held the guest at its end",
      config: { actions: HELD },
      act: async (orphan) => {
        await orphan.type(uniCommands.panic);
        await orphan.untilRecorded("STOP");
        Deno.kill(orphan.pid, "SIGKILL");
      },
      expected: { ...known, cause: "lost", reason: null },
      detail: /until then QEMU held the guest at its end \(guest-panic\)$/,
    },
  ];
  await Promise.all(cases.map(async ({ name, config, act, expected, detail, stderr = /^$/ }) => {
    const step = async () => {
      await using orphan = await Orphan.make(host.config(config));
      await act(orphan);
      await orphan.gone();
      const verdict = await judgeDead(await deadRun(orphan));
      const { cause, reason, tripleFault } = verdict;
      assertEquals({ cause, reason, tripleFault }, expected);
      // Not every host lets its kernel's log be read; that it was the kernel is never said without proof.
      assert(
        cause === "lost" ? [false, "unknown"].includes(verdict.oomKill ?? true) : verdict.oomKill === null,
      );
      assertEquals([verdict.exit, verdict.process, verdict.intent], [null, "ended", "none"]);
      assertMatch(verdict.detail, detail);
      assertMatch(verdict.stderrTail, stderr);
      assertMatch(verdict.consoleTail, /READY\n/);
      assertEquals(verdict.events[0]?.event, "RESUME");
    };
    await t.step({ name, fn: step, sanitizeOps: false, sanitizeResources: false, sanitizeExit: false });
  }));
});

Deno.test("judgeDead() knows that the owner wanted the end of a guest that was held", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config({ actions: HELD }));
  await orphan.type(uniCommands.panic);
  await orphan.untilRecorded("STOP");
  await hmp(orphan, "quit");
  await orphan.gone();
  const verdict = await judgeDead(await deadRun(orphan, "stop"));
  assertEquals([verdict.cause, verdict.intent], ["guest-panic", "stop"]);
});

Deno.test("judgeDead() of a run of which nothing is left says so", async () => {
  const run = { runDir: "/nowhere", stderrFile: "/nowhere/stderr.log", events: [], intent: "none" } as const;
  const verdict = await judgeDead(run);
  assertEquals([verdict.cause, verdict.consoleTail, verdict.oomKill], ["lost", "", "unknown"]);
  assertMatch(verdict.stderrTail, /^\(stderr could not be read from \/nowhere\/stderr\.log: /);
});
