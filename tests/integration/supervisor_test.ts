import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import type { SupervisedVm } from "../../mod.ts";
import { tinyGuests, uniCommands, unirom } from "../../src/testing/mod.ts";
import { kill, ReportLog, supervised as test, tell, verdictOf, type Yard } from "./_supervised.ts";

const { panic, powerOff, reset, tripleFault, writeSector } = uniCommands;

test(
  "a guest that panics is reported and started again; after its power-off it is left stopped",
  async (yard, { supervisor, reports }) => {
    await supervisor.add(await yard.moody("moody"));
    await reports.until("moody", "ended guest-panic");
    await reports.until("moody", "ended guest-shutdown");
    assertEquals(reports.of("moody"), [
      "asked start -> start",
      "started",
      "guest-ended guest-panic -> clear-away",
      "ended guest-panic -> start",
      "started",
      "guest-ended guest-shutdown -> clear-away",
      "ended guest-shutdown -> give up (stopped)",
    ]);
    const { lastVerdict, ...status } = supervisor.get("moody") ?? {};
    const nothing = { liveness: null, readiness: "unknown", vm: null };
    assertEquals(status, { name: "moody", wanted: "down", phase: "down", restarts: 1, ...nothing });
    assertEquals(lastVerdict?.cause, "guest-shutdown");
    const disk = await Deno.readFile(`${yard.folder}/moody.img`);
    assertEquals(new DataView(disk.buffer).getUint32(512, true), 2);
  },
);

test(
  "a panic is answered by a reset in place: the same QEMU, the next life",
  async (yard, { supervisor, reports }) => {
    const spec = await yard.firmware("web", unirom, {
      restart: "always",
      onCause: { "guest-panic": "reset" },
    });
    const { vm } = await supervisor.add(spec);
    await tell(vm, panic);
    await reports.until("web", "guest-ended guest-panic -> reset");
    await vm?.console?.expect("READY");
    assertEquals(supervisor.get("web")?.phase, "up");
    assertEquals(supervisor.get("web")?.vm?.pid, vm?.pid);
    assertEquals((await vm?.status())?.status, "running");
    assertEquals(reports.all.filter(({ kind }) => kind === "started").length, 1);
  },
);

test(
  "resets in place count: past the limit the guest is cleared away and has failed",
  async (yard, { supervisor, reports }) => {
    const spec = await yard.firmware("doomed", tinyGuests.panic, {
      onCause: { "guest-panic": "reset" },
      limit: { restarts: 2, withinMs: 60_000 },
      backoff: { initialMs: 1 },
    });
    await supervisor.add(spec);
    await reports.until("doomed", "ended guest-panic");
    assertEquals(reports.of("doomed"), [
      "asked start -> start",
      "started",
      "guest-ended guest-panic -> reset",
      "guest-ended guest-panic -> wait 1",
      "wait-over -> reset",
      "guest-ended guest-panic -> clear-away",
      "ended guest-panic -> give up (restart-limit)",
    ]);
    assertEquals(supervisor.get("doomed")?.phase, "failed");
  },
);

test(
  "where reboots are held, a reset in place is not held, and the next reboot is",
  async (yard, { supervisor, reports }) => {
    const onCause = { "guest-panic": "reset", "guest-reset": "stop" } as const;
    const { vm } = await supervisor.add(await yard.disk("bios", { onCause }));
    await tell(vm, panic);
    await reports.until("bios", "guest-ended guest-panic -> reset");
    await tell(vm, reset);
    await reports.until("bios", "guest-ended guest-reset -> clear-away");
    await reports.until("bios", "ended");
    assertEquals(supervisor.get("bios")?.phase, "down");
  },
);

test(
  "a killed QEMU is reported and started again at once, as another process",
  async (yard, { supervisor, reports }) => {
    const { vm } = await supervisor.add(await yard.firmware("web", unirom));
    kill(vm?.pid);
    const ended = await reports.until("web", "ended killed -> start");
    assertEquals(verdictOf(ended).exit, { code: 137, signal: "SIGKILL" });
    const started = await reports.until("web", "started");
    assert(started.kind === "started");
    assertNotEquals(started.pid, vm?.pid);
    assertEquals(supervisor.get("web")?.vm?.pid, started.pid);
    await supervisor.get("web")?.vm?.console?.expect("READY");
  },
);

test(
  "a guest that fails too often has failed, which can be seen; start clears it",
  async (yard, { supervisor, reports }) => {
    const limit = { restarts: 1, withinMs: 60_000 };
    await supervisor.add(await yard.firmware("doomed", tinyGuests.panic, { limit }));
    await reports.until("doomed", "ended guest-panic -> start");
    await reports.until("doomed", "ended guest-panic -> give up (restart-limit)");
    const failed = supervisor.get("doomed");
    assertEquals([failed?.phase, failed?.wanted, failed?.restarts], ["failed", "up", 1]);
    assertEquals([failed?.vm, failed?.lastVerdict?.cause], [null, "guest-panic"]);

    const again = await supervisor.start("doomed");
    assertEquals([again.phase, again.restarts], ["up", 0]);
    await reports.until("doomed", "ended guest-panic -> start");
    await reports.until("doomed", "ended guest-panic -> give up (restart-limit)");
    assertEquals((await supervisor.stop("doomed")).phase, "down");
  },
);

test(
  "a QEMU that can't start is reported in its own words, tried again after longer and longer waits, and has failed",
  async (_yard, { supervisor, reports }) => {
    const status = await supervisor.add({
      config: { name: "broken", accel: "tcg", machine: "no-such-board" },
      backoff: { initialMs: 2, factor: 3, jitter: 0 },
      limit: { restarts: 3, withinMs: 60_000 },
    });
    assertEquals([status.phase, status.vm], ["failed", null]);
    assertStringIncludes(status.lastVerdict?.detail ?? "", "unsupported machine type");
    assertStringIncludes(status.lastVerdict?.stderrTail ?? "", "qemu-system-x86_64: unsupported");
    assertEquals(status.lastVerdict?.exit?.code, 1);
    await reports.until("broken", "ended launch-failed -> give up");
    assertEquals(reports.of("broken"), [
      "asked start -> start",
      "ended launch-failed -> start",
      "ended launch-failed -> wait 2",
      "wait-over -> start",
      "ended launch-failed -> wait 6",
      "wait-over -> start",
      "ended launch-failed -> give up (restart-limit)",
    ]);
  },
);

test(
  "a file that is missing is a launch that failed, and is found when it is there",
  async (yard, { supervisor, reports }) => {
    const spec = await yard.firmware("late", unirom, { backoff: { initialMs: 1_000_000, maxMs: 1_000_000 } });
    const bios = `${yard.folder}/${unirom.name}.rom`;
    await Deno.rename(bios, `${bios}.away`);
    const added = supervisor.add(spec);
    const waiting = await reports.until("late", "ended launch-failed -> wait");
    assertStringIncludes(verdictOf(waiting).detail, "firmware.bios: there is no file");
    await Deno.rename(`${bios}.away`, bios);
    // Started by hand, it does not wait for the quarter of an hour.
    assertEquals((await supervisor.start("late")).phase, "up");
    assertEquals((await added).phase, "up");
  },
);

test(
  "a guest's reboot stays a reboot, is reported once though SeaBIOS resets twice, and leaves the guest up",
  async (yard, { supervisor, reports }) => {
    const { vm } = await supervisor.add(await yard.disk("bios", { restart: "always" }));
    await tell(vm, reset);
    await tell(vm, panic);
    await reports.until("bios", "ended guest-panic -> start");
    const lines = reports.of("bios");
    assertEquals(lines.filter((line) => line.startsWith("guest-ended guest-reset")), [
      "guest-ended guest-reset",
    ]);
    const resets = reports.all.filter((report) => report.kind === "event" && report.event.event === "RESET");
    assert(resets.length >= 2, "SeaBIOS did not reset twice: this tests nothing");
  },
);

test(
  "a guest's reboot becomes a cold restart where the policy says so, and counts once",
  async (yard, { supervisor, reports }) => {
    const onCause = { "guest-reset": "restart" } as const;
    const { vm } = await supervisor.add(await yard.disk("bios", { onCause }));
    await tell(vm, reset);
    const ended = await reports.until("bios", "ended guest-reset -> start");
    assertEquals(verdictOf(ended).tripleFault, false);
    const started = await reports.until("bios", "started");
    assert(started.kind === "started" && started.pid !== vm?.pid);
    await supervisor.get("bios")?.vm?.console?.expect("READY");
    assertEquals(supervisor.get("bios")?.restarts, 1);
    assertEquals(reports.of("bios").filter((line) => line.startsWith("guest-ended")), [
      "guest-ended guest-reset -> clear-away",
    ]);
  },
);

test(
  "a guest that faults for ever is failed at its limit, though QEMU resets it each time by itself",
  async (yard, { supervisor, reports }) => {
    const limit = { restarts: 3, withinMs: 60_000 };
    await supervisor.add(
      await yard.firmware("web", tinyGuests.tripleFault, { restart: "on-failure", limit }),
    );
    const ended = verdictOf(await reports.until("web", "ended guest-reset -> give up (restart-limit)"));
    assertEquals([ended.tripleFault, ended.intent, ended.process], [true, "stop", "ended"]);
    assertStringIncludes(ended.detail, "a triple fault");
    const faults = reports.of("web").filter((line) => line.startsWith("guest-ended"));
    assertEquals(faults.slice(0, 4), [
      ...Array(3).fill("guest-ended guest-reset"),
      "guest-ended guest-reset -> clear-away",
    ]);
    assertEquals(supervisor.get("web")?.phase, "failed");
  },
);

test(
  "where QEMU holds reboots, on-abnormal restarts after a triple fault and not after a reset",
  async (yard, { supervisor, reports }) => {
    const spec = await yard.firmware("web", unirom, { restart: "on-abnormal" });
    spec.config.actions = { reboot: "shutdown" };
    const { vm } = await supervisor.add(spec);
    await tell(vm, tripleFault);
    const ended = await reports.until("web", "guest-ended guest-reset -> clear-away");
    assertEquals(verdictOf(ended).tripleFault, true);
    await reports.until("web", "ended guest-reset -> start");
    await reports.until("web", "started");
    await tell(supervisor.get("web")?.vm, reset);
    assertEquals(
      verdictOf(await reports.until("web", "guest-ended guest-reset -> clear-away")).tripleFault,
      false,
    );
    await reports.until("web", "ended guest-reset -> give up (stopped)");
  },
);

test(
  "a guest whose disk is full is held with its evidence, and runs on when a person resumes it",
  async (yard, { supervisor, reports }) => {
    const { vm } = await supervisor.add(await fullDisk(yard, "full", { restart: "always" }));
    await tell(vm, writeSector);
    const ended = await reports.until("full", "guest-ended io-error -> give up (preserved)");
    const failure = verdictOf(ended).events.find(({ event }) => event === "BLOCK_IO_ERROR");
    assertEquals(failure?.data?.reason, "No space left on device");
    const held = supervisor.get("full");
    assertEquals([held?.phase, held?.wanted, held?.vm?.pid], ["held", "up", vm?.pid]);
    assertEquals((await vm?.status())?.status, "io-error");

    await vm?.resume();
    await vm?.console?.expect("+");
    await reports.until("full", "event RESUME");
    assertEquals(supervisor.get("full")?.phase, "up");
    // It is kept again, from then on.
    kill(vm?.pid);
    await reports.until("full", "ended killed -> start");
  },
);

test(
  "a guest whose disk was full for a moment is resumed where the policy says so",
  async (yard, { supervisor, reports }) => {
    const { vm } = await supervisor.add(await fullDisk(yard, "full", { onCause: { "io-error": "resume" } }));
    await tell(vm, writeSector);
    await reports.until("full", "guest-ended io-error -> resume");
    await vm?.console?.expect("+");
    assertEquals([supervisor.get("full")?.phase, supervisor.get("full")?.restarts], ["up", 1]);
  },
);

/** A guest whose first write finds no space, and its second one does. */
async function fullDisk(yard: Yard, name: string, more: Partial<SupervisedVm>): Promise<SupervisedVm> {
  const spec = await yard.disk(name, more);
  const { drives: _, ...config } = spec.config;
  const error =
    "inject-error.0.event=none,inject-error.0.iotype=write,inject-error.0.errno=28,inject-error.0.once=on";
  const image = `image.driver=file,image.filename=${yard.folder}/${name}.img`;
  return {
    ...spec,
    config: {
      ...config,
      extraArgs: [
        ...["-blockdev", `driver=blkdebug,node-name=d0,${error},${image}`],
        ...["-device", "ide-hd,drive=d0"],
      ],
    },
  };
}

test(
  "preserve keeps QEMU with what it knows of the end, until somebody starts or stops the guest",
  async (yard, { supervisor, reports }) => {
    const onCause = { "guest-panic": "preserve" } as const;
    const { vm } = await supervisor.add(await yard.firmware("web", unirom, { restart: "always", onCause }));
    await tell(vm, `the end${panic}`);
    await reports.until("web", "guest-ended guest-panic -> give up (preserved)");
    const held = supervisor.get("web");
    assertEquals([held?.phase, held?.vm?.pid, held?.lastVerdict?.process], ["held", vm?.pid, "held"]);
    assertEquals((await vm?.status())?.status, "guest-panicked");
    assertStringIncludes(await vm?.hmp("info registers") ?? "", "EIP=");
    await vm?.console?.expect("the end");
    assertStringIncludes(await Deno.readTextFile(`${vm?.runDir}/console.log`), "the end");

    const fresh = await supervisor.start("web");
    assertEquals(fresh.phase, "up");
    assertNotEquals(fresh.vm?.pid, vm?.pid);
    await tell(fresh.vm, panic);
    await reports.until("web", "guest-ended guest-panic -> give up (preserved)");
    assertEquals((await supervisor.stop("web")).phase, "down");
  },
);

test("what can't be done in place becomes a restart", async (yard, { supervisor, reports }) => {
  // A guest that powered itself off can't be resumed.
  const onCause = { "guest-shutdown": "resume" } as const;
  const { vm } = await supervisor.add(await yard.firmware("web", unirom, { onCause }));
  await tell(vm, powerOff);
  await reports.until("web", "guest-ended guest-shutdown -> resume");
  const failed = await reports.until("web", "action-failed resume -> clear-away");
  assert(failed.kind === "action-failed");
  assertStringIncludes(failed.error.message, "Resetting the Virtual Machine is required");
  await reports.until("web", "ended guest-shutdown -> wait");
  await reports.until("web", "started");
  assertNotEquals(supervisor.get("web")?.vm?.pid, vm?.pid);
});

test(
  "a QEMU that dies under a reset was killed: that the reset failed is no news",
  async (yard, { supervisor, reports }) => {
    const backoff = { initialMs: 1_000_000, maxMs: 1_000_000 };
    const { vm } = await supervisor.add(
      await yard.firmware("web", unirom, { backoff, onCause: { "guest-panic": "reset" } }),
    );
    await tell(vm, panic);
    await tell(vm, panic);
    await reports.until("web", "guest-ended guest-panic -> wait");
    // It does not read what it is told any more.
    Deno.kill(vm?.pid ?? 0, "SIGSTOP");
    await supervisor.start("web");
    await reports.until("web", "asked start -> end-wait, reset");
    kill(vm?.pid);
    const { cause, intent } = verdictOf(await reports.until("web", "ended killed -> start"));
    assertEquals([cause, intent], ["killed", "none"]);
    await reports.until("web", "started");
    assertEquals(reports.of("web").filter((line) => line.startsWith("action-failed")), []);
  },
);

test("eight guests are kept at once, each by its own policy", async (yard, { supervisor, reports }) => {
  const guests: [string, Partial<SupervisedVm>, string, string[]][] = [
    ["no", { restart: "no" }, panic, ["ended guest-panic -> give up (stopped)"]],
    ["on-success", { restart: "on-success" }, powerOff, ["ended guest-shutdown -> start", "started"]],
    ["on-failure", { restart: "on-failure" }, panic, ["ended guest-panic -> start", "started"]],
    ["on-abnormal", { restart: "on-abnormal" }, panic, ["ended guest-panic -> give up (stopped)"]],
    ["always", { restart: "always" }, powerOff, ["ended guest-shutdown -> start", "started"]],
    ["reset", { onCause: { "guest-shutdown": "reset" } }, powerOff, ["guest-ended guest-shutdown -> reset"]],
    ["stop", { restart: "always", onCause: { "guest-panic": "stop" } }, panic, [
      "ended guest-panic -> give up (stopped)",
    ]],
    ["watchdog", { restart: "on-abnormal", config: { watchdog: "ib700" } }, uniCommands.armWatchdog, [
      "guest-ended watchdog -> clear-away",
      "ended watchdog -> start",
      "started",
    ]],
  ];
  const specs = await Promise.all(guests.map(([name, spec]) => yard.firmware(name, unirom, spec)));
  await Promise.all(specs.map((spec) => supervisor.add(spec)));
  assertEquals(
    supervisor.list().map(({ name, phase }) => `${name} ${phase}`),
    guests.map(([name]) => `${name} up`),
  );
  const logs = guests.map(() => new ReportLog(supervisor.reports()));
  await Promise.all(guests.map(async ([name, , command, expected], index) => {
    await tell(supervisor.get(name)?.vm, command);
    for (const beginning of expected) await logs[index]?.until(name, beginning);
  }));
  assertEquals(supervisor.list().map(({ name, phase }) => `${name} ${phase}`), [
    ...["no down", "on-success up", "on-failure up", "on-abnormal down"],
    ...["always up", "reset up", "stop down", "watchdog up"],
  ]);
  await supervisor.close({ vms: "stop" });
  assertEquals(supervisor.list().filter(({ phase, vm }) => phase !== "down" || vm !== null), []);
  for (const log of [reports, ...logs]) await log.ended;
});
