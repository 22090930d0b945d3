// Whose process is it: evidence of a run's own QEMU, of impostors, and of nobody; what a script may know with narrow permissions.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { AdoptedProcess, provenStart } from "../../src/vm/adopted_process.ts";
import { type Evidence, gatherEvidence, type RememberedRun } from "../../src/vm/identity.ts";
import { readStartTime } from "../../src/vm/proc.ts";
import { decideAdoption } from "../../src/supervisor/adoption.ts";
import { Orphan } from "./_orphan.ts";
import { tellsItsStart, untilStarted } from "./_started.ts";
import { HELD, isAlive, soon, untilState, VmHost } from "./_vm_host.ts";

const UUID = "5b0bd6ea-7d2e-4c6f-9a43-2d6a3b8f7e10";

function remembered({ run: { runDir, pid, startTime } }: Orphan): RememberedRun {
  return { runDir, pid, startTime, uuid: UUID };
}

/** Some other process. */
class Stranger implements AsyncDisposable {
  readonly child = new Deno.Command("sleep", { args: ["1000"], stdin: "null", stdout: "null" }).spawn();

  get pid(): number {
    return this.child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.status;
  }
}

function inShort({ pidFile, process, lockOwner, socket, uuid }: Evidence) {
  const found = typeof process === "string" ? process : process.pid;
  return { pidFile: pidFile === "missing" ? pidFile : pidFile.pid, process: found, lockOwner, socket, uuid };
}

Deno.test("gatherEvidence() has all that names a QEMU which runs, and does not disturb it", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config({ name: "web", uuid: UUID, actions: HELD }));
  const { pid, run } = orphan;
  for (let round = 0; round < 2; round++) {
    const evidence = await gatherEvidence(remembered(orphan));
    const answers = { pidFile: pid, process: pid, lockOwner: pid, socket: "answers", uuid: UUID } as const;
    assertEquals(inShort(evidence), answers);
    assertEquals(evidence.name, "web");
    assert(typeof evidence.process !== "string");
    assertEquals([evidence.process.startTime, evidence.process.argv], [run.startTime, run.argv]);
    assertEquals(decideAdoption(remembered(orphan), evidence), {
      kind: "adopt",
      monitor: "answers",
      signals: "allowed",
    });
  }
  // Its pid was never written down: QEMU's own pidfile has it.
  const unknown = await gatherEvidence({ ...remembered(orphan), pid: null, startTime: null });
  assertEquals(inShort(unknown).process, pid);
});

Deno.test("gatherEvidence() of a monitor that is in use, and of a QEMU that is stopped: busy", async () => {
  await using host = await VmHost.make();
  await using vm = await host.obedient({ uuid: UUID }, { runDir: `${host.dir}/busy` });
  const run = { runDir: vm.runDir ?? "", uuid: UUID, pid: vm.pid, startTime: null };
  const busy = await gatherEvidence(run, { timeoutMs: 500 });
  assertEquals([busy.socket, busy.uuid, inShort(busy).process], ["busy", null, vm.pid]);
  await vm.qmp.close();
  assertEquals((await gatherEvidence(run)).socket, "answers");
  Deno.kill(vm.pid ?? 0, "SIGSTOP");
  await untilState(vm.pid ?? 0, ["T"]);
  const stopped = await gatherEvidence(run, { timeoutMs: 500 });
  assertEquals(stopped.socket, "busy");
  assert(typeof stopped.process !== "string");
  assertEquals(stopped.process.state, "T");
  assertEquals(decideAdoption(run, stopped), { kind: "adopt", monitor: "lost", signals: "allowed" });
  Deno.kill(vm.pid ?? 0, "SIGCONT");
});

Deno.test("gatherEvidence() of a QEMU that is gone has nothing that could be taken for it, however it went", async (t) => {
  await using host = await VmHost.make();
  const ends: [
    name: string,
    end: (orphan: Orphan) => void,
    pidFile: "kept" | "missing",
    socket: Evidence["socket"],
  ][] = [
    ["killed, which leaves its files", ({ pid }) => Deno.kill(pid, "SIGKILL"), "kept", "refused"],
    ["ended by SIGTERM, which removes them", ({ pid }) => Deno.kill(pid, "SIGTERM"), "missing", "missing"],
  ];
  for (const [name, end, pidFile, socket] of ends) {
    await t.step(name, async () => {
      await using orphan = await Orphan.make(host.config({ uuid: UUID }));
      end(orphan);
      await orphan.gone();
      const evidence = await gatherEvidence(remembered(orphan));
      const { process } = evidence;
      assert(process === "none" || (typeof process !== "string" && process.state === "Z"));
      assertEquals(evidence.pidFile, pidFile === "kept" ? { pid: orphan.pid } : "missing");
      assertEquals([evidence.lockOwner, evidence.socket, evidence.uuid], [null, socket, null]);
      assertEquals(decideAdoption(remembered(orphan), evidence).kind, "gone");
    });
  }
  const nowhere = { runDir: `${host.dir}/nowhere`, uuid: UUID, pid: null, startTime: null };
  const nothing = {
    pidFile: "missing",
    process: "none",
    lockOwner: null,
    socket: "missing",
    uuid: null,
  } as const;
  assertEquals(inShort(await gatherEvidence(nowhere)), nothing);
});

Deno.test("an impostor is not taken for the QEMU: not by its pid, not by the pidfile, not by the socket's path", async (t) => {
  await using host = await VmHost.make();
  await using stranger = new Stranger();
  const startTime = readStartTime(stranger.pid);
  const runDir = `${host.dir}/run`;
  await Deno.mkdir(runDir);
  await Deno.writeTextFile(`${runDir}/pid`, `${stranger.pid}\n`);

  await t.step("a process with the pid that is remembered, and in the pidfile as well", async () => {
    for (const started of [startTime, "12345", null]) {
      const run = { runDir, uuid: UUID, pid: stranger.pid, startTime: started };
      const evidence = await gatherEvidence(run);
      assertEquals([inShort(evidence).process, evidence.lockOwner], [stranger.pid, null]);
      assertEquals(decideAdoption(run, evidence).kind, "gone");
      assertEquals(await provenStart(stranger.pid, started, `${runDir}/pid`), null);
    }
  });

  await t.step("another QEMU that took the socket's path from the one that still runs", async () => {
    await using orphan = await Orphan.make(host.config({ uuid: UUID }));
    const other = "00000000-0000-4000-8000-000000000000";
    const path = `${orphan.run.runDir}/control`;
    const qmp = `unix:${path},server=on,wait=off`;
    const thief = new Deno.Command("qemu-system-x86_64", {
      args: [
        "-accel",
        "tcg",
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "none",
        "-uuid",
        other,
        "-qmp",
        qmp,
        ...tellsItsStart(host.dir),
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await untilStarted(host.dir, thief);
      const evidence = await gatherEvidence(remembered(orphan));
      assertEquals(evidence.uuid, other);
      // Its process speaks for it; the monitor is lost, and what answers there is left alone.
      assertEquals(inShort(evidence).process, orphan.pid);
      assertEquals(decideAdoption(remembered(orphan), evidence), {
        kind: "adopt",
        monitor: "lost",
        signals: "allowed",
      });
      Deno.kill(orphan.pid, "SIGKILL");
      await orphan.gone();
      const after = await gatherEvidence(remembered(orphan));
      assertEquals([after.socket, decideAdoption(remembered(orphan), after).kind], ["answers", "foreign"]);
    } finally {
      thief.kill("SIGKILL");
      await thief.status;
    }
  });
});

Deno.test("AdoptedProcess.signal() reaches the process that it was made for, and never a later one with its pid", async () => {
  await using stranger = new Stranger();
  const startTime = readStartTime(stranger.pid);
  const known = { pid: stranger.pid, signals: "allowed", stderrFile: "/dev/null", sockets: [] } as const;
  const never = new Promise<void>(() => {});
  const reused = new AdoptedProcess({ ...known, startTime: "1" }, [never]);
  reused.signal("SIGKILL");
  const unproven = new AdoptedProcess({ ...known, startTime, signals: "not-allowed" }, [never]);
  unproven.signal("SIGKILL");
  const unknown = new AdoptedProcess({ ...known, startTime: null }, [never]);
  unknown.signal("SIGKILL");
  assertEquals([reused, unproven, unknown].map(({ signals }) => signals), [
    "allowed",
    "not-allowed",
    "not-allowed",
  ]);
  assert(await isAlive(stranger.pid));

  const proven = new AdoptedProcess({ ...known, startTime }, [never]);
  proven.signal("SIGSTOP");
  await untilState(stranger.pid, ["T"]);
  proven.signal("SIGCONT");
  await untilState(stranger.pid, ["S"]);
  for (const process of [reused, unproven, unknown, proven]) process.unref();
});

Deno.test("AdoptedProcess.exited resolves when a connection has ended and the process is gone, a zombie too", async () => {
  // Not waited for by anybody, it stays a zombie.
  const parent = new Deno.Command("sh", {
    args: ["-c", "sleep 1000 & echo $!; kill -STOP $$"],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = parent.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  await reader.cancel();
  const closed = Promise.withResolvers<void>();
  const stderrFile = await Deno.makeTempFile();
  await Deno.writeTextFile(stderrFile, "last words\n");
  const startTime = readStartTime(pid);
  const process = new AdoptedProcess(
    { pid, startTime, signals: "allowed", stderrFile, sockets: [] },
    [closed.promise],
  );
  let ended = false;
  process.exited.then(() => ended = true);
  closed.resolve(); // only a connection has ended
  await untilState(pid, ["S"]);
  assertEquals(ended, false);
  process.signal("SIGKILL");
  await untilState(pid, ["Z"]);
  assertEquals(await soon(process.exited), null);
  assertEquals(process.stderrTail(), "last words\n");
  parent.kill("SIGKILL");
  await parent.status;
  await Deno.remove(stderrFile);
});

/** Runs a script that may do little more than talk to QEMU. */
function narrow(orphan: Orphan, ...args: string[]): Deno.ChildProcess {
  const script = new URL("_narrow_adopter.ts", import.meta.url).pathname;
  const folder = orphan.run.runDir.replace(/\/run$/, "");
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check", "--allow-net"],
      ...[
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
        script,
        JSON.stringify(orphan.run),
        UUID,
        ...args,
      ],
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

Deno.test("without -A a script adopts by what QEMU says on its socket, stops it by that, and does not kill it", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config({ uuid: UUID, name: "web" }));
  const { stdout } = await narrow(orphan).output();
  const [evidence, startTime, killed, stubborn, letGo, stopped] = new TextDecoder().decode(stdout).trim()
    .split("\n").map((line) => JSON.parse(line));
  assertEquals(evidence, {
    pidFile: { pid: orphan.pid },
    process: "not-permitted",
    lockOwner: "not-permitted",
    socket: "answers",
    uuid: UUID,
    name: "web",
  });
  assertEquals(decideAdoption(remembered(orphan), evidence), {
    kind: "adopt",
    monitor: "answers",
    signals: "not-allowed",
  });
  assertEquals(startTime, null);
  assertMatch(killed, /^TypeError: Cannot kill VM "web": it was adopted, and this script may not look/);
  assertMatch(stubborn, /^Error: Cannot stop VM "web": QEMU obeyed neither its power button nor quit/);
  assertEquals(letGo, { cause: "lost", process: "running", rung: null, exit: null, oomKill: null });
  assertEquals(stopped, { cause: "host-quit", process: "ended", rung: "quit", exit: null, oomKill: null });
  await orphan.gone();
});

Deno.test("without -A a script sees the end of what it adopted by its sockets, where nobody listens any more", async () => {
  await using host = await VmHost.make();
  await using orphan = await Orphan.make(host.config({ uuid: UUID }));
  const child = narrow(orphan, "watch");
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await soon(reader.read())).value, '"adopted"\n');
  Deno.kill(orphan.pid, "SIGKILL");
  const { value = "" } = await soon(reader.read());
  assertEquals(JSON.parse(value), {
    cause: "lost",
    process: "ended",
    rung: null,
    exit: null,
    oomKill: "unknown",
  });
  assertEquals((await soon(child.status)).code, 0);
  await reader.cancel();
});
