import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type SupervisedVm, Supervisor } from "../../mod.ts";
import { tinyGuests, uniCommands, unirom } from "../../src/testing/mod.ts";
import { kill, processesNaming, ReportLog, supervised as test, tell } from "./_supervised.ts";

const { panic, obeyPowerButton } = uniCommands;

test("a guest in its backoff is stopped at once", async (yard, { supervisor, reports }) => {
  const backoff = { initialMs: 1_000_000, maxMs: 1_000_000 };
  const { vm } = await supervisor.add(await yard.firmware("web", unirom, { backoff }));
  kill(vm?.pid);
  await reports.until("web", "ended killed -> start");
  await reports.until("web", "started");
  kill(supervisor.get("web")?.vm?.pid);
  await reports.until("web", "ended killed -> wait");
  assertEquals(supervisor.get("web")?.phase, "backoff");
  assertEquals((await supervisor.stop("web")).phase, "down");
  await reports.until("web", "asked stop -> end-wait, give up (stopped)");
});

test(
  "a held guest that waits for its reset is stopped at once, and started at once",
  async (yard, { supervisor, reports }) => {
    const spec = await yard.firmware("web", unirom, {
      backoff: { initialMs: 1_000_000, maxMs: 1_000_000 },
      onCause: { "guest-panic": "reset" },
    });
    const { vm } = await supervisor.add(spec);
    await tell(vm, panic);
    await tell(vm, panic);
    await reports.until("web", "guest-ended guest-panic -> wait");
    const started = await supervisor.start("web");
    assertEquals([started.phase, started.vm?.pid, started.restarts], ["up", vm?.pid, 0]);
    await tell(vm, panic);
    await reports.until("web", "guest-ended guest-panic -> reset");
    await tell(vm, panic);
    await reports.until("web", "guest-ended guest-panic -> wait");
    assertEquals((await supervisor.stop("web")).phase, "down");
    await reports.until("web", "asked stop -> end-wait, stop");
    await reports.until("web", "ended guest-panic -> give up (stopped)");
  },
);

test("a guest is stopped while it is being launched", async (yard, { supervisor, reports }) => {
  const added = supervisor.add(await yard.firmware("web", unirom, { restart: "always" }));
  assertEquals(supervisor.get("web")?.phase, "starting");
  assertEquals((await supervisor.stop("web")).phase, "down");
  assertEquals((await added).phase, "down");
  await reports.until("web", "ended");
  assertEquals(reports.of("web").slice(0, 2), ["asked start -> start", "asked stop -> stop"]);
  assertStringIncludes(reports.of("web").at(-1) ?? "", "-> give up (stopped)");
});

test("a guest is stopped while its QEMU comes up", async (yard, { supervisor }) => {
  const spec = await yard.firmware("web", unirom, { restart: "always" });
  const added = supervisor.add(spec);
  while ((await processesNaming(yard.runtimeDir)).length === 0);
  assertEquals((await supervisor.stop("web")).phase, "down");
  assertEquals(await processesNaming(yard.runtimeDir), []);
  await added;
  assertEquals(supervisor.get("web")?.phase, "down");
});

test("the last wish wins while a guest is being stopped", async (yard, { supervisor, reports }) => {
  const { vm } = await supervisor.add(await yard.firmware("web", unirom));
  const wishes = [supervisor.stop("web"), supervisor.stop("web"), supervisor.start("web")];
  assertEquals((await Promise.all(wishes)).map(({ phase }) => phase), ["up", "up", "up"]);
  assertNotEquals(supervisor.get("web")?.vm?.pid, vm?.pid);

  const others = [supervisor.restart("web"), supervisor.start("web"), supervisor.stop("web")];
  assertEquals((await Promise.all(others)).map(({ phase }) => phase), ["down", "down", "down"]);
  assertEquals(reports.of("web").filter((line) => line === "started").length, 2);
});

test("restart() is another process, and no failure", async (yard, { supervisor, reports }) => {
  const { vm } = await supervisor.add(await yard.firmware("web", unirom, { restart: "no" }));
  const status = await supervisor.restart("web");
  assertEquals([status.phase, status.wanted, status.restarts], ["up", "up", 0]);
  assertNotEquals(status.vm?.pid, vm?.pid);
  await status.vm?.console?.expect("READY");
  await supervisor.stop("web");
  assertEquals((await supervisor.restart("web")).phase, "up");
  await reports.until("web", "asked restart -> stop");
  await reports.until("web", "ended host-quit -> start");
  await reports.until("web", "asked restart -> start");
});

test(
  "a stop gives the guest the time to obey its power button, and is no reason to restart it",
  async (yard, { supervisor, reports }) => {
    const { vm } = await supervisor.add(
      await yard.firmware("web", unirom, { restart: "always", stop: { powerdownMs: 20_000 } }),
    );
    await tell(vm, obeyPowerButton);
    await vm?.console?.expect("g");
    const status = await supervisor.stop("web");
    assertEquals([status.phase, status.wanted], ["down", "down"]);
    assertEquals([status.lastVerdict?.cause, status.lastVerdict?.rung], ["guest-shutdown", "powerdown"]);
    await reports.until("web", "ended guest-shutdown -> give up (stopped)");
  },
);

test("a stop wins over a crash at the same moment", async (yard, { supervisor, reports }) => {
  await supervisor.add(await yard.firmware("web", unirom, { restart: "always" }));
  for (let round = 0; round < 6; round++) {
    const { vm } = await supervisor.start("web");
    const stopping = round % 2 === 0 ? supervisor.stop("web") : null;
    kill(vm?.pid);
    // In the third kind of round the end of the process is known and not yet reported.
    if (round % 3 === 0) await vm?.stopped;
    assertEquals((await (stopping ?? supervisor.stop("web"))).phase, "down");
    assertEquals(supervisor.get("web")?.wanted, "down");
  }
  await supervisor.close({ vms: "stop" });
  await reports.ended;
  const lines = reports.of("web");
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith("asked stop")) continue;
    const next = lines.findIndex((later, at) => at > index && later.startsWith("asked start"));
    const until = lines.slice(index, next < 0 ? undefined : next);
    assertEquals(until.filter((later) => later.endsWith("-> start")), [], lines.join("\n"));
  }
});

test(
  "add() refuses a config or a policy that is wrong, and adds nothing",
  async (yard, { supervisor, reports }) => {
    const spec = await yard.firmware("web", unirom);
    const cases: [SupervisedVm, string, string][] = [
      [{ config: { name: "web", memoryMib: 16 } as SupervisedVm["config"] }, "ConfigError", "memoryMib"],
      [{ config: { name: "web", cpus: 0 } }, "ConfigError", "cpus"],
      [{ ...spec, limit: { restarts: -1, withinMs: 0 } }, "RangeError", "limit.restarts"],
      [{ ...spec, restart: "sometimes" as "always" }, "TypeError", "sometimes"],
    ];
    for (const [wrong, name, words] of cases) {
      const error = await assertRejects(() => supervisor.add(wrong), Error, words);
      assertEquals(error.name, name);
    }
    assertEquals([supervisor.list(), reports.all], [[], []]);
  },
);

Deno.test("add() refuses a name that is too long for its record, where there is a stateDir", async () => {
  const dir = await Deno.makeTempDir({ prefix: "q" });
  try {
    const dirs = { stateDir: `${dir}/state`, runtimeDir: `${dir}/run` };
    await using supervisor = await Supervisor.open({ ...dirs, signals: "ignore" });
    const name = "\u754c".repeat(25);
    await assertRejects(
      () => supervisor.add({ config: { name, machine: "none", accel: "tcg" } }),
      RangeError,
      "its name has 225 bytes as a file name, and 220 is the most",
    );
    assertEquals(supervisor.list(), []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

test("add() refuses a name that is taken; remove() frees it", async (yard, { supervisor, reports }) => {
  const spec = await yard.firmware("web", unirom);
  const { vm } = await supervisor.add(spec);
  await assertRejects(
    () => supervisor.add(spec),
    TypeError,
    'Cannot add VM "web": there is one of that name already',
  );
  for (const nothing of [undefined, null, "web", []] as unknown as SupervisedVm[]) {
    const expected = "expected { config, ... }, found ";
    await assertRejects(() => supervisor.add(nothing), TypeError, `Cannot add a VM: ${expected}`);
    await assertRejects(
      () => supervisor.update("web", nothing),
      TypeError,
      `Cannot update VM "web": ${expected}`,
    );
  }
  const removing = Promise.all([supervisor.remove("web"), supervisor.remove("web")]);
  await assertRejects(() => supervisor.start("web"), TypeError, 'Cannot start VM "web": it is being removed');
  await assertRejects(
    () => supervisor.restart("web"),
    TypeError,
    'Cannot restart VM "web": it is being removed',
  );
  assertEquals((await supervisor.stop("web")).phase, "down");
  await removing;
  assertEquals([supervisor.get("web"), supervisor.list()], [undefined, []]);
  const again = await supervisor.add(spec);
  assertEquals(again.phase, "up");
  assertNotEquals(again.vm?.pid, vm?.pid);
  assertEquals(reports.of("web").filter((line) => line === "started").length, 2);
});

test("a name that nobody has is refused with those that there are", async (yard, { supervisor }) => {
  await assertRejects(
    () => supervisor.start("web"),
    TypeError,
    "there is none of that name; there are: none",
  );
  await supervisor.add(await yard.firmware("one", tinyGuests.halt));
  await supervisor.add(await yard.firmware("two", tinyGuests.halt));
  const words = 'VM "web": there is none of that name; there are: "one", "two"';
  await assertRejects(() => supervisor.start("web"), TypeError, `Cannot start ${words}`);
  await assertRejects(() => supervisor.stop("web"), TypeError, `Cannot stop ${words}`);
  await assertRejects(() => supervisor.restart("web"), TypeError, `Cannot restart ${words}`);
  await assertRejects(() => supervisor.remove("web"), TypeError, `Cannot remove ${words}`);
  assertEquals(supervisor.get("web"), undefined);
});

test("a signal gives up a wait, and not what was asked for", async (yard, { supervisor }) => {
  const spec = await yard.firmware("web", unirom);
  const before = AbortSignal.abort(new Error("too early"));
  await assertRejects(() => supervisor.add(spec, { signal: before }), Error, "too early");
  assertEquals(supervisor.list(), []);

  const giveUp = new AbortController();
  const added = supervisor.add(spec, { signal: giveUp.signal });
  giveUp.abort(new Error("no more patience"));
  await assertRejects(() => added, Error, "no more patience");
  assertEquals((await supervisor.start("web")).phase, "up");
});

test(
  "reports() has what happens from its call on, in order, for each of its readers, and ends with the supervisor",
  async (yard, { supervisor, reports }) => {
    await supervisor.add(await yard.firmware("web", unirom));
    const late = new ReportLog(supervisor.reports());
    using left = supervisor.reports();
    for await (const report of left) {
      // A reader who leaves does not keep the others from reading.
      if (report.vm === "web") break;
      await supervisor.stop("web");
    }
    await supervisor.restart("web");
    await supervisor.close({ vms: "stop" });
    await Promise.all([reports.ended, late.ended]);
    assertEquals(late.of("web"), reports.of("web").slice(2));
    const times = reports.all.map(({ at }) => at.getTime());
    assertEquals(times, times.toSorted((a, b) => a - b));
    assertEquals(await Array.fromAsync(supervisor.reports()), []);
  },
);
