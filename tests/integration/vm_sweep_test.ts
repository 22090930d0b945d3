// What scripts that were killed have left: a launch into the same run root clears it away, and nothing else.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { attach, launch, type Vm } from "../../mod.ts";
import { silentLogger } from "../../src/qmp/mod.ts";
import { sweep } from "../../src/vm/sweep.ts";
import { type Launched, Script, untilDead } from "./_script.ts";
import { isAlive, soon, untilState, VmHost } from "./_vm_host.ts";

/** A logger that keeps what it is told, and tells when a sweep is through. */
class SweepLog {
  readonly said: string[] = [];
  readonly #through: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly through: Promise<void> = this.#through.promise;
  readonly logger = {
    debug: (message: string) => {
      if (message.startsWith("Looked for what killed scripts")) this.#through.resolve();
    },
    info: (message: string) => this.said.push(message),
    warn: (message: string) => this.said.push(message),
    error: (message: string) => this.said.push(message),
  };
}

/** Launches a VM, waits until it has swept the root, and ends it. Tells what was said of it. */
async function sweepByLaunch(host: VmHost): Promise<string[]> {
  const log = new SweepLog();
  await using vm = await launch(host.config(), { logger: log.logger });
  await soon(log.through);
  assertEquals((await vm.status()).status, "running");
  return log.said;
}

const CLEARED = "Cleared away what a killed script has left";

/** Launches VMs from a script that may not use setpriv, and kills the script: its QEMUs live on. */
async function orphans(host: VmHost, count: number): Promise<Launched[]> {
  const dir = host.dir;
  const flags = ["--allow-run=qemu-system-x86_64", "--allow-net", "--allow-env", "--allow-sys=uid"];
  flags.push(`--allow-read=${dir}`, `--allow-write=${dir}`);
  await using script = new Script(host, "wait", { count, flags });
  const launched = await script.launched();
  script.kill("SIGKILL");
  await script.end();
  for (const { pid } of launched) assert(await isAlive(pid));
  return launched;
}

/** A directory as a killed script leaves it. */
async function makeDead(root: string, name: string): Promise<string> {
  const dir = `${root}/${name}`;
  await Deno.mkdir(dir, { recursive: true });
  for (const file of ["owner", "pid", "console.log"]) await Deno.writeTextFile(`${dir}/${file}`, "");
  return dir;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

Deno.test("a launch removes the run directories of a script that was killed with SIGKILL", async () => {
  await using host = await VmHost.make();
  await using script = new Script(host, "wait", { count: 2 });
  const launched = await script.launched();
  script.kill("SIGKILL");
  await script.end();
  await untilDead(launched);
  assertEquals((await host.runDirs()).length, 2);
  assertEquals(await sweepByLaunch(host), [CLEARED, CLEARED]);
  assertEquals(await host.runDirs(), []);
});

Deno.test("a launch ends the QEMUs that outlived their script, and removes their directories", async () => {
  await using host = await VmHost.make();
  const launched = await orphans(host, 2);
  assertEquals(await sweepByLaunch(host), [CLEARED, CLEARED]);
  await untilDead(launched);
  assertEquals(await host.runDirs(), []);
});

Deno.test("a launch leaves alone what is not a dead script's", async (t) => {
  await using host = await VmHost.make();
  const root = `${host.dir}/qeeper`;
  await using stack = new AsyncDisposableStack();

  const script = stack.use(new Script(host, "wait"));
  const [living] = await script.launched();
  const lifetime = { kind: "detached", stderrFile: `${host.dir}/stderr` } as const;
  const detached: Vm = stack.use(await launch(host.config(), { lifetime }));
  const beingMade = `${root}/making`;
  await Deno.mkdir(beingMade);
  using owner = await Deno.open(`${beingMade}/owner.new`, { write: true, createNew: true });
  await owner.lock(true);
  await Deno.writeTextFile(`${root}/accel-x.json`, "");

  // The script may still be looking, and be the one that finds it.
  const dead = await makeDead(root, "dead");
  assertEquals((await sweepByLaunch(host)).filter((message) => message !== CLEARED), []);
  for (const until = Date.now() + 10_000; await exists(dead);) {
    assert(Date.now() < until, "it is still there");
  }
  await t.step("a living script's VM", async () => {
    assert(living !== undefined && await isAlive(living.pid) && await exists(`${living.runDir}/owner`));
  });
  await t.step("a VM that is to outlive its script", async () => {
    assertEquals((await detached.status()).status, "running");
    assert(await exists(`${detached.runDir}/control`));
    assertEquals(await exists(`${detached.runDir}/owner`), false);
  });
  await t.step("a directory that is only being made", async () => {
    assert(await exists(`${beingMade}/owner.new`));
  });
  await t.step("a file", async () => assert(await exists(`${root}/accel-x.json`)));

  await Deno.remove(beingMade, { recursive: true });
  await Deno.remove(`${root}/accel-x.json`);
  script.kill("SIGTERM");
  await script.end();
});

Deno.test("a launch leaves a QEMU alone whose monitor somebody has; the next launch after that ends it", async () => {
  await using host = await VmHost.make();
  const [orphan] = await orphans(host, 1);
  assert(orphan !== undefined);
  {
    await using theirs = await attach({ transport: "unix", path: `${orphan.runDir}/control` });
    const [said, ...more] = await sweepByLaunch(host);
    assertMatch(said ?? "", /^The script of this QEMU was killed, and it can't be told to quit/);
    assertEquals(more, []);
    assertEquals((await theirs.status()).status, "running");
    assert(await exists(orphan.runDir));
  }
  assertEquals(await sweepByLaunch(host), [CLEARED]);
  await untilDead([orphan]);
});

Deno.test("disposing of a VM does not wait for a QEMU that its launch has found and that does not answer", async () => {
  await using host = await VmHost.make();
  const [orphan] = await orphans(host, 1);
  assert(orphan !== undefined);
  Deno.kill(orphan.pid, "SIGSTOP");
  await untilState(orphan.pid, ["T"]);
  const log = new SweepLog();
  const startedMs = performance.now();
  {
    await using _vm = await launch(host.config(), { logger: log.logger });
  }
  // It was not even found not to answer, unless that took longer.
  if (performance.now() - startedMs < 900) assertEquals(log.said, []);
  assert(await exists(orphan.runDir));
  Deno.kill(orphan.pid, "SIGCONT");
  assertEquals(await sweepByLaunch(host), [CLEARED]);
  await untilDead([orphan]);
});

Deno.test("sweep() removes what a script has left that was killed before its QEMU was there, and no launch that is under way", async () => {
  await using host = await VmHost.make();
  const root = `${host.dir}/qeeper`;
  const made: [name: string, files: readonly string[], minutes: number][] = [
    ["tie", ["tie"], 11],
    ["secret", ["tie", "key.secret", "owner.new", "rec.in", "rec.out"], 11],
    ["young", ["tie"], 9],
    ["detached", ["tie", "pid"], 11],
    ["empty", [], 11], // a group's, whose helpers are not started yet
  ];
  for (const [name, files, minutes] of made) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
    for (const file of files) await Deno.writeTextFile(`${root}/${name}/${file}`, "");
    const at = Date.now() / 1000 - minutes * 60;
    await Deno.utime(`${root}/${name}`, at, at);
  }
  const log = new SweepLog();
  await sweep(root, new AbortController().signal, log.logger);
  assertEquals(log.said, [CLEARED, CLEARED]);
  const left = (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name);
  assertEquals(left.toSorted(), ["detached", "empty", "young"]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("sweep() shares the work with another one that is at it", async () => {
  await using host = await VmHost.make();
  const root = `${host.dir}/qeeper`;
  const logs = [new SweepLog(), new SweepLog(), new SweepLog()];
  for (let index = 0; index < 40; index++) await makeDead(root, `dead${index}`);
  const { signal } = new AbortController();
  await Promise.all(logs.map(({ logger }) => sweep(root, signal, logger)));
  const said = logs.flatMap((log) => log.said);
  assertEquals(said.filter((message) => message !== CLEARED), []);
  assert(said.length >= 40);
  assertEquals(await host.runDirs(), []);
});

Deno.test("sweep() of a root that is not there says so, and does not reject", async () => {
  const log = new SweepLog();
  await sweep("/nowhere/qeeper", new AbortController().signal, log.logger);
  assertEquals(log.said, ["Cannot look for what killed scripts have left"]);
});

Deno.test("launch() locks its directory's owner file until it is removed; one VM of a process sweeps for all", async () => {
  await using host = await VmHost.make();
  const root = `${host.dir}/qeeper`;
  const log = new SweepLog();
  const first = await launch(host.config(), { logger: log.logger });
  await soon(log.through);
  {
    using owner = await Deno.open(`${first.runDir}/owner`, { write: true });
    assertEquals(await owner.tryLock(true), false);
  }
  const dead = await makeDead(root, "dead");
  {
    await using second = await launch(host.config(), { logger: silentLogger });
    assert(await exists(`${second.runDir}/owner`));
  }
  assert(await exists(dead), "the first one's sweep is the process's");
  await first[Symbol.asyncDispose]();
  assertEquals(await sweepByLaunch(host), [CLEARED]);
});

Deno.test("launch() in a directory that is named owns no more than it", async () => {
  await using host = await VmHost.make();
  const dead = await makeDead(`${host.dir}/qeeper`, "dead");
  {
    await using vm = await launch(host.config(), { runDir: `${host.dir}/qeeper/named` });
    assertEquals(await exists(`${vm.runDir}/owner`), false);
  }
  assert(await exists(dead));
  await Deno.remove(`${host.dir}/qeeper`, { recursive: true });
});
