import { assert, assertEquals, assertRejects } from "@std/assert";
import { runPaths } from "../../src/machine/mod.ts";
import { QmpCommandError, type QmpCommands, silentLogger } from "../../src/qmp/mod.ts";
import { FakePeer, type PeerAnswerStep, qemuScript } from "../../src/testing/mod.ts";
import { LaunchError } from "../../src/vm/errors.ts";
import { closeAll } from "../../src/vm/monitors.ts";
import type { SpawnedProcess } from "../../src/vm/qemu_process.ts";
import { type Connected, untilReady } from "../../src/vm/ready.ts";
import type { ExitStatus } from "../../src/vm/verdict_types.ts";

// What QEMU does about `cont` can't be had from a real one at will: it says RESUME, and answers some tenths of a millisecond later.

/** A process that is none. */
function processThat(ends: Promise<ExitStatus>): SpawnedProcess {
  let exit: ExitStatus | null = null;
  const exited = ends.then((status) => exit = status);
  return {
    ...{ pid: 1, lifetime: "owned", signals: "allowed", exited, stdio: null },
    get exit() {
      return exit;
    },
    ...{ stderrTail: () => "its last words", signal() {}, unref() {} },
  };
}

/** Makes a VM ready whose control monitor does this about `cont`. */
async function ready(
  cont: readonly PeerAnswerStep<QmpCommands["cont"]["returns"]>[],
  look: (connected: Connected) => Promise<void> = async () => {},
): Promise<void> {
  await using control = await FakePeer.listen();
  await using watch = await FakePeer.listen();
  control.serve(qemuScript({ answers: { cont } }));
  watch.serve(qemuScript());
  const ends = cont.some(({ kind }) => kind === "end");
  const connected = await untilReady({
    // Where its monitor ends, it does.
    process: processThat(
      control.played().then(() =>
        ends ? { code: 1, signal: null } : Promise.withResolvers<ExitStatus>().promise
      ),
    ),
    config: { machine: "none" },
    paths: { ...runPaths("/run/vm"), control: control.address.path, watch: watch.address.path },
    ...{ name: "web", argv: [], listening: null, resetLog: null, untilRecording: null, paused: false },
    ...{ signal: undefined, logger: silentLogger, wire: undefined },
  });
  try {
    await look(connected);
  } finally {
    await closeAll(connected.monitors.all.values());
  }
}

Deno.test("a launch is over when QEMU says RESUME, though it has not answered cont yet", async () => {
  await ready([{ kind: "event", event: "RESUME" }, { kind: "hold" }], async ({ monitors }) => {
    assert((await monitors.control.execute("query-status")).running);
  });
});

Deno.test("a launch is over when QEMU answers cont, though there was nothing to resume", async () => {
  await ready([{ kind: "reply" }]);
});

Deno.test("a launch fails with QEMU's own words when it refuses cont", async () => {
  const desc = "Resetting the Virtual Machine is required";
  const error = await assertRejects(() => ready([{ kind: "fail", desc }]), LaunchError);
  assert(error.cause instanceof QmpCommandError);
  assertEquals([error.cause.command, error.cause.desc], ["cont", desc]);
});

Deno.test("a launch fails when the monitor ends between cont and anything that QEMU says about it", async () => {
  const error = await assertRejects(() => ready([{ kind: "end" }]), LaunchError);
  assertEquals(
    error.message,
    'Cannot start VM "web": QEMU ended before it was ready (exit code 1); it said:\n  its last words',
  );
});
