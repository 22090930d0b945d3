import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { attach, Supervisor } from "../../mod.ts";
import { tinyGuests, uniCommands, unirom } from "../../src/testing/mod.ts";
import { CRASH_POINTS, readJournal, reportFromJson, StateError } from "../../src/supervisor/store/mod.ts";
import {
  kill,
  namesIn,
  processesNaming,
  type ReportLog,
  type Supervised,
  tell,
  verdictOf,
  Yard,
} from "./_supervised.ts";

const SCRIPT = new URL("_supervisor_script.ts", import.meta.url).pathname;

interface Kept {
  name: string;
  phase: string;
  pid: number | null;
}

/** Runs a supervisor in another process. */
function runSupervisor(yard: Yard, ...args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SCRIPT, args[0] ?? "", yard.folder, ...args.slice(1)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Runs a supervisor until it has said a line, and kills it. */
async function killAfterFirstLine(child: Deno.ChildProcess): Promise<string> {
  let said = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!said.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The supervisor ended: ${said}`);
    said += value;
  }
  child.kill("SIGKILL");
  while (!(await reader.read()).done);
  await child.status;
  return said.slice(0, said.indexOf("\n"));
}

/** A supervisor that takes over what another left in this yard. */
function openAgain(yard: Yard): Promise<Supervised> {
  return yard.open({ stateDir: `${yard.folder}/state` });
}

function pidsOf(supervisor: Supervisor): Record<string, number | null> {
  return Object.fromEntries(supervisor.list().map(({ name, vm }) => [name, vm?.pid ?? null]));
}

Deno.test("open() takes over what a killed supervisor left: guests that run are not touched, those that are held stay so", async () => {
  await using yard = await Yard.make();
  const kept: Kept[] = JSON.parse(await killAfterFirstLine(runSupervisor(yard, "remember")));
  const before = Object.fromEntries(kept.map(({ name, pid }) => [name, pid]));
  {
    await using again = await openAgain(yard);
    const { supervisor, reports } = again;
    assertEquals(
      supervisor.list().map(({ name, phase }) => `${name} ${phase}`),
      ["failed failed", "held held", "running up", "stopped down"],
    );
    assertEquals(pidsOf(supervisor), { ...before, failed: null, stopped: null });
    // It goes on as if nothing had been: the guest obeys, its end is seen, its policy is kept.
    const { vm } = supervisor.get("running") ?? {};
    await vm?.console?.write(uniCommands.panic);
    const end = await reports.until("running", "guest-ended guest-panic -> clear-away");
    assertEquals(verdictOf(end).events.map(({ event }) => event).slice(-2), ["GUEST_PANICKED", "STOP"]);
    await reports.until("running", "started");
    assert(pidsOf(supervisor)["running"] !== before["running"]);
    assertEquals(reports.of("running")[0], "adopted running");
    assertEquals(reports.of("held"), ["adopted held"]);
    assertEquals([...reports.of("failed"), ...reports.of("stopped")], []);
  }
  assertEquals(await processesNaming(yard.folder), []);
});

Deno.test("open() judges what ended while no supervisor was there, and goes on by the policy", async () => {
  await using yard = await Yard.make();
  const kept: Kept[] = JSON.parse(await killAfterFirstLine(runSupervisor(yard, "remember")));
  kill(kept.find(({ name }) => name === "running")?.pid);
  while ((await processesNaming(yard.folder)).some((line) => line.includes("guest=running"))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await using again = await openAgain(yard);
  const { reports } = again;
  const end = await reports.until("running", "ended lost -> start");
  assertEquals(verdictOf(end).exit, null);
  await reports.until("running", "started");
});

Deno.test("open() refuses a state directory that another supervisor has, and names that one's process", async () => {
  await using yard = await Yard.make();
  await using first = await openAgain(yard);
  const error = await assertRejects(() => Supervisor.open({ stateDir: `${yard.folder}/state` }));
  assert(error instanceof Error && error.message.includes(`${Deno.pid}`), String(error));
  assertEquals(first.supervisor.list(), []);
});

Deno.test("close({ vms: 'leave' }) leaves guests to the next supervisor, which knows how often they were restarted", async () => {
  await using yard = await Yard.make();
  let pid: number | null | undefined;
  {
    const { supervisor, reports } = await openAgain(yard);
    const { vm } = await supervisor.add(await yard.firmware("web", unirom, { restart: "always" }));
    kill(vm?.pid);
    await reports.until("web", "ended killed");
    await reports.until("web", "started");
    pid = supervisor.get("web")?.vm?.pid;
    await supervisor.close({ vms: "leave" });
    await reports.ended;
  }
  await using again = await openAgain(yard);
  const status = again.supervisor.get("web");
  assertEquals([status?.phase, status?.restarts, status?.vm?.pid], ["up", 1, pid]);
  assertEquals(await again.supervisor.stop("web").then(({ phase }) => phase), "down");
});

Deno.test("open() takes over a guest whose config has its UUID in capital letters: QEMU answers in small ones", async () => {
  await using yard = await Yard.make();
  const { config, ...policy } = await yard.firmware("web", unirom, {});
  const { supervisor, reports } = await openAgain(yard);
  const { vm } = await supervisor.add({
    ...policy,
    config: { ...config, uuid: "3B0F1C2E-5B1A-4C7E-9A43-0D2F6C8E7A11" },
  });
  const pid = vm?.pid;
  await supervisor.close({ vms: "leave" });
  await reports.ended;
  await using again = await openAgain(yard);
  assertEquals([again.supervisor.get("web")?.phase, again.supervisor.get("web")?.vm?.pid], ["up", pid]);
  assertEquals(again.reports.of("web"), ["adopted running"]);
});

Deno.test("a supervisor that is to leave its guests on SIGTERM does so, and the next one has them", async () => {
  await using yard = await Yard.make();
  const child = runSupervisor(yard, "leaveOnSignal");
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  child.kill("SIGTERM");
  while (!(await reader.read()).done);
  assertEquals((await child.status).signal, "SIGTERM");
  await using again = await openAgain(yard);
  assertEquals(again.supervisor.get("web")?.vm?.pid, parseInt(value ?? "", 10));
  await assertRejects(() => Supervisor.open({ signals: "leave" }), TypeError, "they end with this process");
});

Deno.test("a guest that was stopped with its supervisor is started by the next one, one that the operator stopped is not", async () => {
  await using yard = await Yard.make();
  {
    await using first = await openAgain(yard);
    await first.supervisor.add(await yard.firmware("web", unirom));
    await first.supervisor.add(await yard.firmware("off", unirom));
    await first.supervisor.stop("off");
  }
  assertEquals(await processesNaming(yard.folder), []);
  await using again = await openAgain(yard);
  await again.reports.until("web", "started");
  assertEquals(again.supervisor.get("off")?.phase, "down");
});

Deno.test("what the guest did while no supervisor was there is reported once, as QEMU wrote it down", async () => {
  await using yard = await Yard.make();
  const { supervisor, reports } = await openAgain(yard);
  const { vm } = await supervisor.add(await yard.firmware("web", unirom));
  const runDir = vm?.runDir ?? "";
  await tell(vm, uniCommands.reset);
  await reports.until("web", "event RESET");
  await supervisor.close({ vms: "leave" });
  await reports.ended;

  // Somebody resets it by hand meanwhile.
  {
    await using meanwhile = await attach({ transport: "unix", path: `${runDir}/control` });
    await meanwhile.reset();
  }
  {
    await using again = await openAgain(yard);
    await again.reports.until("web", "adopted");
    await again.reports.until("web", "event RESET");
    await again.supervisor.stop("web");
    assertEquals(resetsIn(again.reports), 1);
  }
  // Each of the two is in the journal once.
  const told = await Array.fromAsync(readJournal(`${yard.folder}/state`));
  const resets = told.flatMap((line) => "report" in line ? [reportFromJson(line.report)] : [])
    .filter((report) => report.kind === "event" && report.event.event === "RESET");
  assertEquals(resets.length, 2);
});

function resetsIn({ all }: ReportLog): number {
  return all.filter((report) => report.kind === "event" && report.event.event === "RESET").length;
}

Deno.test("a supervisor that dies at any crash point leaves a state from which the next one goes on", async (t) => {
  for (const point of CRASH_POINTS) {
    if (point.startsWith("adopt:") || point.includes("rotate")) continue;
    for (const times of ["1", "2", "4"]) {
      await t.step(`${point}, time ${times}`, async () => {
        await using yard = await Yard.make();
        const child = runSupervisor(yard, "crash", point, times);
        const output = await child.output();
        const survived = new TextDecoder().decode(output.stdout).includes("survived");
        assertEquals(output.signal, survived ? null : "SIGKILL");
        await using again = await openAgain(yard);
        const { supervisor } = again;
        for (const { name } of supervisor.list()) {
          assertEquals(name, "web");
          assertEquals((await supervisor.start("web")).phase, "up");
        }
        const qemus = await processesNaming(yard.folder);
        assertEquals(qemus.length, supervisor.list().length, qemus.join("\n"));
        assertEquals(
          (await namesIn(yard.runtimeDir)).filter((file) => !file.includes(".")).length,
          qemus.length,
        );
      });
    }
  }
});

Deno.test("a guest that ends at once is seen to, whatever is written down meanwhile", async () => {
  await using yard = await Yard.make();
  await using supervised = await openAgain(yard);
  const { supervisor, reports } = supervised;
  const spec = await yard.firmware("web", tinyGuests.panic, { onCause: { "guest-panic": "preserve" } });
  for (let round = 0; round < 20; round++) {
    // Whether it has started is one report, that it has ended is the other.
    await supervisor.add({ ...spec, config: { ...spec.config, name: `web${round}` } });
    await reports.until(`web${round}`, "guest-ended guest-panic");
    await supervisor.remove(`web${round}`);
  }
});

Deno.test("what QEMU writes down for the next supervisor does not grow without end", async () => {
  await using yard = await Yard.make();
  await using supervised = await openAgain(yard);
  const { supervisor, reports } = supervised;
  const { vm } = await supervisor.add(await yard.firmware("web", unirom));
  assert(vm);
  // 2,600 events, of some 350 kB.
  for (let round = 0; round < 1_300; round++) {
    await vm.pause();
    await vm.resume();
  }
  const usedBytes = async () => ((await Deno.stat(`${vm.runDir}/rec.out`)).blocks ?? 0) * 512;
  while (await usedBytes() > 256 * 1024) await new Promise((resolve) => setTimeout(resolve, 10));
  await supervisor.stop("web");
  assertEquals(
    reports.all.filter((report) => report.kind === "event" && report.event.event === "STOP").length,
    1_300,
  );
});

/** A state directory in which a supervisor left two guests that run, `a` and `b`. */
async function leaveTwo(yard: Yard): Promise<Record<string, number | null>> {
  const { supervisor } = await openAgain(yard);
  await supervisor.add(await yard.firmware("a", unirom, { restart: "always" }));
  await supervisor.add(await yard.firmware("b", unirom, { restart: "always" }));
  const pids = pidsOf(supervisor);
  await supervisor.close({ vms: "leave" });
  return pids;
}

Deno.test("open() goes on with all guests when the journal has lines of another version", async () => {
  await using yard = await Yard.make();
  const pids = await leaveTwo(yard);
  const { run } = JSON.parse(await Deno.readTextFile(`${yard.folder}/state/vms/a.json`));
  const at = new Date().toISOString();
  const strange = [{}, { at, vm: "a", kind: "event" }, { at, vm: "a", kind: "event", event: { event: "X" } }];
  const lines = strange.map((report, index) =>
    `${JSON.stringify({ seq: 100 + index, at, vm: "a", run: run.id, report })}\n`
  );
  await Deno.writeTextFile(`${yard.folder}/state/journal.jsonl`, lines.join(""), { append: true });
  await using again = await openAgain(yard);
  assertEquals(pidsOf(again.supervisor), pids);
});

Deno.test("open() goes on with the other guests when a guest's record can't be used", async () => {
  await using yard = await Yard.make();
  const pids = await leaveTwo(yard);
  const path = `${yard.folder}/state/vms/a.json`;
  const record = JSON.parse(await Deno.readTextFile(path));
  record.spec.restart = "sometimes";
  await Deno.writeTextFile(path, JSON.stringify(record));
  {
    await using again = await openAgain(yard);
    const { supervisor, reports } = again;
    assertEquals(pidsOf(supervisor), { b: pids["b"] ?? null });
    await reports.until("a", "not-adopted unverifiable");
    // There may never be two.
    const limit = { restarts: 0, withinMs: 0 };
    const { phase, lastVerdict } = await supervisor.add(await yard.firmware("a", unirom, { limit }));
    assertEquals([phase, lastVerdict?.cause], ["failed", "launch-failed"]);
    assertStringIncludes(lastVerdict?.detail ?? "", `still runs as process ${pids["a"]}`);
  }
  // A person sees to it.
  record.spec.restart = "always";
  await Deno.remove(`${path}.broken`);
  await Deno.writeTextFile(path, JSON.stringify(record));
  await using again = await openAgain(yard);
  assertEquals(again.supervisor.get("a")?.vm?.pid, pids["a"]);
});

Deno.test("open() goes on with all guests when the last report in a record can't be understood", async () => {
  await using yard = await Yard.make();
  const pids = await leaveTwo(yard);
  const path = `${yard.folder}/state/vms/a.json`;
  const record = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...record, seq: 100, lastReport: { x: 1 } }));
  await using again = await openAgain(yard);
  assertEquals(pidsOf(again.supervisor), pids);
});

Deno.test("open() writes the reports to the journal that were written down together and that only the record has", async () => {
  await using yard = await Yard.make();
  await leaveTwo(yard);
  const path = `${yard.folder}/state/vms/a.json`;
  const lines = async () => {
    const text = await Deno.readTextFile(`${yard.folder}/state/journal.jsonl`);
    return text.trimEnd().split("\n").map((line): { seq: number } => JSON.parse(line));
  };
  const { seq, ...last } = (await lines()).at(-1) ?? { seq: 0 };
  const { lastReport, ...record } = JSON.parse(await Deno.readTextFile(path));
  const later = (more: number) => ({ ...last, seq: seq + more, vm: "a", run: null });
  const earlier = [later(1), later(2)];
  // The supervisor died while it wrote them to the journal, or before.
  const text = `${JSON.stringify(later(1))}\n`;
  await Deno.writeTextFile(`${yard.folder}/state/journal.jsonl`, text, { append: true });
  await Deno.writeTextFile(path, JSON.stringify({ ...record, seq: seq + 3, lastReport, earlier }));
  await using _again = await openAgain(yard);
  const written: unknown[] = (await lines()).filter((line) => line.seq > seq && line.seq <= seq + 3);
  const run = record.run.id;
  assertEquals(written, [...earlier, { ...later(3), at: lastReport.at, run, report: lastReport }]);
});

Deno.test("open() sees the end of a guest that ends while it is being taken over, and goes on with all", async () => {
  await using yard = await Yard.make();
  const pids = await leaveTwo(yard);
  let killed = false;
  const crash = (point: string) => {
    if (point !== "adopt:before-connect" || killed) return;
    killed = true;
    kill(pids["a"]);
  };
  await using again = await yard.open({ stateDir: `${yard.folder}/state`, crash });
  await again.reports.until("a", "ended");
  await again.reports.until("a", "started");
  assertEquals(again.supervisor.get("b")?.vm?.pid, pids["b"]);
});

Deno.test("open() lets go of all guests when it can't go on with one, and can be tried again", async () => {
  await using yard = await Yard.make();
  const pids = await leaveTwo(yard);
  const { run } = JSON.parse(await Deno.readTextFile(`${yard.folder}/state/vms/a.json`));
  // A folder that can't be read as the file that it should be.
  await Deno.rename(`${run.runDir}/rec.out`, `${run.runDir}/rec.kept`);
  await Deno.mkdir(`${run.runDir}/rec.out`);
  await assertRejects(() => openAgain(yard), StateError, 'Cannot go on with VM "a"');
  await Deno.remove(`${run.runDir}/rec.out`);
  await Deno.rename(`${run.runDir}/rec.kept`, `${run.runDir}/rec.out`);
  await using again = await openAgain(yard);
  assertEquals(pidsOf(again.supervisor), pids);
});

Deno.test("a guest that can't be written down is not started: nobody would find its QEMU again", async () => {
  await using yard = await Yard.make();
  await using supervised = await openAgain(yard);
  const { supervisor } = supervised;
  const limit = { restarts: 1, withinMs: 60_000 };
  // What is in the way stands for a full disk.
  const inTheWay = `${yard.folder}/state/vms/web.json.tmp`;
  await Deno.mkdir(`${inTheWay}/full`, { recursive: true });
  const web = await supervisor.add(await yard.firmware("web", unirom, { limit }));
  assertEquals([web.phase, web.lastVerdict?.cause], ["failed", "launch-failed"]);
  assertEquals(await processesNaming(yard.runtimeDir), []);
  await Deno.remove(inTheWay, { recursive: true });
  assertEquals((await supervisor.start("web")).phase, "up");
});

Deno.test("what a guest says is reported by the next supervisor too when the clock was set back in between", async () => {
  await using yard = await Yard.make();
  const spec = await yard.firmware("web", unirom, { onCause: { "guest-panic": "reset" } });
  const inTheFuture = async (path: string) => {
    const text = await Deno.readTextFile(path);
    const later = text.replace(
      /"seconds": ?(\d+)/g,
      (_all, seconds) => `"seconds": ${Number(seconds) + 3600}`,
    );
    await Deno.writeTextFile(path, later);
  };
  {
    const { supervisor, reports } = await openAgain(yard);
    const { vm } = await supervisor.add(spec);
    await tell(vm, uniCommands.panic);
    await reports.until("web", "guest-ended guest-panic -> reset");
    await reports.until("web", "event RESUME");
    await vm?.console?.expect("READY");
    await supervisor.close({ vms: "leave" });
    // All of that was an hour later than it is now.
    for (const path of ["journal.jsonl", "vms/web.json"]) await inTheFuture(`${yard.folder}/state/${path}`);
    await inTheFuture(`${vm?.runDir}/rec.out`);
  }
  await using again = await openAgain(yard);
  const { supervisor, reports } = again;
  await supervisor.get("web")?.vm?.console?.write(uniCommands.panic);
  await reports.until("web", "event GUEST_PANICKED");
  await reports.until("web", "guest-ended guest-panic -> wait");
  await reports.until("web", "event RESUME");
});

Deno.test("what an operator wished while the disk was full is written down once there is room, and counts for the next supervisor", async (t) => {
  for (const when of ["as", "before"] as const) {
    await t.step(`${when} the supervisor closes`, async () => {
      await using yard = await Yard.make();
      const { supervisor } = await openAgain(yard);
      await supervisor.add(await yard.firmware("web", unirom, { restart: "always" }));
      const record = `${yard.folder}/state/vms/web.json`;
      const written = async () => JSON.parse(await Deno.readTextFile(record)).state.wanted;
      await Deno.mkdir(`${record}.tmp/full`, { recursive: true });
      assertEquals((await supervisor.stop("web")).phase, "down");
      assertEquals(await written(), "up");
      await Deno.remove(`${record}.tmp`, { recursive: true });
      if (when === "before") { while (await written() !== "down") await delay(20); }
      await supervisor.close({ vms: "leave" });
      await using again = await openAgain(yard);
      assertEquals(again.supervisor.list().map(({ phase, wanted }) => [phase, wanted]), [["down", "down"]]);
    });
  }
});

Deno.test("with a stateDir too, a guest that is ended for its triple faults has ended by them", async () => {
  await using yard = await Yard.make();
  await using supervised = await openAgain(yard);
  const { supervisor, reports } = supervised;
  // Thousands of resets a second, each of them told: with a high limit there are many by then.
  for (const restarts of [0, 1, 3, 200]) {
    const name = `vm${restarts}`;
    const limit = { restarts, withinMs: 60_000 };
    await supervisor.add(
      await yard.firmware(name, tinyGuests.tripleFault, { restart: "on-failure", limit }),
    );
    const ended = verdictOf(await reports.until(name, "ended guest-reset -> give up (restart-limit)"));
    assertEquals([ended.tripleFault, ended.intent, ended.oomKill], [true, "stop", null]);
    assertEquals(reports.of(name).filter((line) => line.startsWith("unreachable")), []);
  }
});

Deno.test("a guest whose monitors broke is put down at once where its policy gives it no time", async () => {
  await using yard = await Yard.make();
  await using supervised = await openAgain(yard);
  const { supervisor, reports } = supervised;
  const policy = { restart: "always", onUnreachable: { graceMs: 0 } } as const;
  const { vm } = await supervisor.add(await yard.firmware("web", unirom, policy));
  assert(vm?.pid);
  // It does not end by itself, and nobody can ask it to.
  Deno.kill(vm.pid, "SIGSTOP");
  await vm.qmp.close();
  await reports.until("web", "unreachable -> put-down");
  await reports.until("web", "ended unresponsive -> start");
  await reports.until("web", "started");
});

Deno.test("a stop whose monitors break is carried through by signals", async () => {
  await using yard = await Yard.make();
  await using supervised = await openAgain(yard);
  const { supervisor, reports } = supervised;
  const spec = await yard.firmware("web", unirom);
  const stop = { powerdownMs: 0, quitMs: 1_500, termMs: 4_000 };
  const { vm } = await supervisor.add({ ...spec, stop });
  assert(vm?.pid);
  // It answers nothing, and its monitors break before the ladder has come to SIGKILL.
  Deno.kill(vm.pid, "SIGSTOP");
  const stopping = supervisor.stop("web");
  await vm.qmp.close();
  assertEquals((await stopping).phase, "down");
  const { cause, intent } = supervisor.get("web")?.lastVerdict ?? {};
  assertEquals([cause, intent], ["killed", "stop"]);
  assertEquals(reports.of("web").filter((line) => line.startsWith("unreachable")), []);
});
