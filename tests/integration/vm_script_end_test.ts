// How a script ends, and that its QEMU ends with it.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Launched, Script, untilDead } from "./_script.ts";
import { isAlive, processesWith, soon, untilState, VmHost } from "./_vm_host.ts";

/** The QEMUs of a host's guests: not their scripts, nor what is about to become a QEMU. */
async function qemusOf(host: VmHost): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await processesWith(host.rom)) {
    const name = await Deno.readTextFile(`/proc/${pid}/comm`).catch(() => "");
    if (name.startsWith("qemu-system")) found.push(pid);
  }
  return found;
}

/** Removes what nobody was left to remove. */
async function removeRunDirs(host: VmHost): Promise<void> {
  for (const dir of await host.runDirs()) {
    await Deno.remove(`${host.dir}/qeeper/${dir}`, { recursive: true });
  }
}

/** Moments of a script that launches VMs one by one: how many, and what there is then. */
const MOMENTS: readonly [string, number, (host: VmHost) => Promise<boolean>][] = [
  ["when its QEMU is there", 1, async (host) => (await qemusOf(host)).length === 1],
  ["when its QEMU listens", 1, (host) => anyDirHas(host, "control")],
  ["when its third QEMU is there", 3, async (host) => (await qemusOf(host)).length === 3],
];

async function anyDirHas(host: VmHost, file: string): Promise<boolean> {
  for (const dir of await host.runDirs()) {
    const names = await Array.fromAsync(Deno.readDir(`${host.dir}/qeeper/${dir}`), ({ name }) => name);
    if (names.includes(file)) return true;
  }
  return false;
}

/** Waits for what nothing tells of, so it is looked for again and again. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 30_000;
  while (!await isSo()) {
    assert(performance.now() < untilMs, "it did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test("a script that is killed with SIGKILL leaves no QEMU behind", async (t) => {
  await using host = await VmHost.make();
  const cases: [string, string, number][] = [
    ["of one VM", "wait", 1],
    ["of several VMs", "wait", 3],
    ["of a VM that a worker launched", "launch in a worker", 1],
  ];
  for (const [name, how, count] of cases) {
    await t.step(name, async () => {
      await using script = new Script(host, how, { count });
      const launched = await script.launched();
      assertEquals(launched.length, count);
      script.kill("SIGKILL");
      assertEquals((await script.end()).signal, "SIGKILL");
      await untilDead(launched);
      await removeRunDirs(host);
    });
  }
  for (const [moment, count, reached] of MOMENTS) {
    await t.step(`${moment}, while it launches`, async () => {
      await using script = new Script(host, "launch one by one", { count });
      await until(() => reached(host));
      script.kill("SIGKILL");
      assertEquals((await script.end()).signal, "SIGKILL");
      await until(async () => (await processesWith(host.rom)).length === 0);
      await removeRunDirs(host);
    });
  }
});

/** A setpriv that first says its pid and then waits as long as it is held. */
class SlowSetpriv {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes it, held, in a directory that is to come first in PATH. */
  static async make(dir: string): Promise<SlowSetpriv> {
    const lines = [
      "#!/bin/sh",
      `echo $$ >${dir}/waits.new && mv ${dir}/waits.new ${dir}/waits`,
      `while [ -e ${dir}/held ]; do sleep 0.01; done`,
      'PATH=${PATH#*:} exec setpriv "$@"',
    ];
    await Deno.writeTextFile(`${dir}/held`, "");
    await Deno.writeTextFile(`${dir}/setpriv`, lines.join("\n"), { mode: 0o755 });
    return new SlowSetpriv(dir);
  }

  /** Waits until it waits. */
  async waiting(): Promise<number> {
    await until(() => exists(`${this.#dir}/waits`));
    return Number(await Deno.readTextFile(`${this.#dir}/waits`));
  }

  async letGo(): Promise<void> {
    await Deno.remove(`${this.#dir}/held`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a script that is killed with SIGKILL before setpriv has tied its QEMU to it leaves no QEMU behind", async () => {
  await using host = await VmHost.make();
  const setpriv = await SlowSetpriv.make(host.dir);
  await using script = new Script(host, "launch one by one", { path: host.dir });
  const pid = await setpriv.waiting();
  script.kill("SIGKILL");
  assertEquals((await script.end()).signal, "SIGKILL");
  await setpriv.letGo();
  await untilState(pid, ["gone", "Z"]);
  await removeRunDirs(host);
});

Deno.test("a worker that is terminated before setpriv has tied its QEMU to it leaves no QEMU behind", async () => {
  await using host = await VmHost.make();
  const setpriv = await SlowSetpriv.make(host.dir);
  const path = Deno.env.get("PATH") ?? "";
  Deno.env.set("PATH", `${host.dir}:${path}`);
  try {
    const worker = new Worker(new URL("_launching_worker.ts", import.meta.url), { type: "module" });
    worker.postMessage({ bios: host.rom });
    const pid = await setpriv.waiting();
    // Deno kills what a worker spawned: this one, by its pid, before it is a QEMU.
    worker.terminate();
    await untilState(pid, ["gone", "Z"]);
  } finally {
    Deno.env.set("PATH", path);
  }
  await removeRunDirs(host);
});

Deno.test("a script that is asked to end takes its QEMUs and their directories with it, and ends by that signal", async (t) => {
  await using host = await VmHost.make();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    // What it waits for breaks when QEMU ends, which is not what the script ends by.
    for (const how of ["wait", "wait for a reply", "wait for the end", "launch in a worker"]) {
      await t.step(`${signal}, ${how}`, async () => {
        const count = how === "launch in a worker" ? 1 : 3;
        await using script = new Script(host, how, { count });
        const launched = await script.launched();
        script.kill(signal);
        const end = await script.end();
        assertEquals([end.signal, end.stderr], [signal, ""]);
        await untilDead(launched);
        assertEquals(await host.runDirs(), []);
      });
    }
  }
  for (const [moment, count, reached] of MOMENTS) {
    await t.step(`SIGTERM ${moment}, while it launches`, async () => {
      await using script = new Script(host, "launch one by one", { count });
      await until(() => reached(host));
      script.kill("SIGTERM");
      const end = await script.end();
      assertEquals([end.signal, end.stderr], ["SIGTERM", ""]);
      assertEquals(await processesWith(host.rom), []);
      assertEquals(await host.runDirs(), []);
    });
  }
});

Deno.test("a script that is asked twice does not wait for a QEMU that does not listen", async () => {
  await using host = await VmHost.make();
  await using script = new Script(host, "wait", { count: 2 });
  const launched = await script.launched();
  for (const { pid } of launched) {
    Deno.kill(pid, "SIGSTOP");
    await untilState(pid, ["T"]);
  }
  script.kill("SIGINT");
  // One at a time would be one signal for both: the first has to be at work.
  const ended = script.end();
  const again = setInterval(() => script.killIfThere("SIGINT"), 50);
  const { signal } = await ended.finally(() => clearInterval(again));
  assertEquals(signal, "SIGINT");
  await untilDead(launched);
  assertEquals(await host.runDirs(), []);
});

Deno.test("a script that exits takes its QEMUs and their directories with it", async (t) => {
  await using host = await VmHost.make();
  for (const how of ["exit", "exit while launching", "kill, then exit"]) {
    await t.step(how, async () => {
      await using script = new Script(host, how);
      const launched = await script.said() as Launched[];
      const end = await script.end();
      assertEquals([end.code, end.stderr], [3, ""]);
      await untilDead(launched);
      assertEquals(await host.runDirs(), []);
      await until(async () => (await processesWith(host.rom)).length === 0);
    });
  }
});

Deno.test("a script that ends by an error that nobody catches leaves no QEMU behind", async (t) => {
  await using host = await VmHost.make();
  const ways: [string, RegExp][] = [
    ["throw", /^error: Uncaught Error: nobody catches this/],
    ["reject", /^error: Uncaught \(in promise\) Error: nobody awaits this/],
  ];
  for (const [how, stderr] of ways) {
    await t.step(how, async () => {
      await using script = new Script(host, how, { count: 2 });
      const launched = await script.said() as Launched[];
      const end = await script.end();
      assertEquals(end.code, 1);
      assertMatch(end.stderr, stderr);
      await untilDead(launched);
      // Whether an error ends the script is not known before it has: Node's handlers have their say after all of the web's. Nothing of
      // the script runs then, and only the directories stay.
      await removeRunDirs(host);
    });
  }
});

Deno.test("a script that survives an error keeps its QEMU and its directory", async () => {
  await using host = await VmHost.make();
  await using script = new Script(host, "survive a throw and a rejection");
  const launched = await script.launched();
  assertEquals(await script.said(), "running");
  assertEquals((await host.runDirs()).length, 1);
  script.kill("SIGTERM");
  assertEquals((await script.end()).signal, "SIGTERM");
  await untilDead(launched);
});

Deno.test("a worker's QEMU ends with the worker", async () => {
  await using host = await VmHost.make();
  const worker = new Worker(new URL("_launching_worker.ts", import.meta.url), { type: "module" });
  worker.postMessage({ bios: host.rom });
  const { pid } = await soon(
    new Promise<Launched>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    }),
  );
  assert(await isAlive(pid));
  worker.terminate();
  await untilState(pid, ["gone", "Z"]);
  await removeRunDirs(host);
});
