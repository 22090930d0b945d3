// Whether a real QEMU is healthy, busy, stopped or gone, as far as can be told from outside.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { launch, type Vm } from "../../mod.ts";
import {
  type Liveness,
  type LivenessListener,
  LivenessWatch,
  NoAnswerError,
} from "../../src/supervisor/liveness/mod.ts";
import { isFrozen, readProcessState } from "../../src/supervisor/liveness/process_state.ts";
import type { Rhythm } from "../../src/supervisor/liveness/rhythm.ts";
import { readStartTime } from "../../src/vm/proc.ts";
import { HeldLoop } from "./_held_loop.ts";
import { QEMUS } from "./_qemus.ts";
import { qmpOf, soon, untilState, VmHost } from "./_vm_host.ts";

/** As ever, but ten times as often, and as patient as this has to be on a busy host. */
const RHYTHM: Rhythm = { roundMs: 1_000, closeMs: 100, inBandMs: 500, outOfBandMs: 500 };

/** The words that were told, and waits for them. */
class Words implements LivenessListener {
  readonly all: Liveness[] = [];
  #told: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  changed(liveness: Liveness): void {
    this.all.push(liveness);
    this.#wake();
  }

  lasting(liveness: Liveness): void {
    this.all.push(liveness);
    this.#wake();
  }

  /** The words by themselves, each as often as it was another than before. */
  get kinds(): string[] {
    return this.all.map(({ kind }) => kind).filter((kind, i, kinds) => kind !== kinds[i - 1]);
  }

  async until(is: (liveness: Liveness) => boolean): Promise<Liveness> {
    for (;;) {
      const found = this.all.find(is);
      if (found !== undefined) return found;
      await soon(this.#told.promise);
    }
  }

  #wake(): void {
    this.#told.resolve();
    this.#told = Promise.withResolvers<void>();
  }
}

const lastsFor = (kind: Liveness["kind"], ms: number) => (liveness: Liveness) =>
  liveness.kind === kind && "forMs" in liveness && liveness.forMs >= ms;

function pidOf({ pid }: Vm): number {
  assert(pid !== null);
  return pid;
}

for (const { binary, name, ignore } of QEMUS) {
  Deno.test({
    name:
      `LivenessWatch knows a QEMU that runs from one that is stopped by a signal, and from one that is gone, on ${name}`,
    ignore,
    async fn() {
      await using host = await VmHost.make();
      await using vm = await launch(host.config({ binary }));
      await using watch = new LivenessWatch({ rhythm: RHYTHM });
      const words = new Words();
      const watched = watch.add({ vm, startTime: readStartTime(pidOf(vm)) }, words);
      assertEquals(await soon(watched.check()), { kind: "healthy" });
      assertEquals(watched.runState, "running");

      Deno.kill(pidOf(vm), "SIGSTOP");
      const stopped = await words.until(lastsFor("stopped", 1_000));
      assertEquals("by" in stopped && stopped.by, "signal");
      Deno.kill(pidOf(vm), "SIGCONT");
      await words.until(({ kind }) => kind === "healthy");

      await vm.pause();
      assertEquals(await soon(watched.check()), { kind: "healthy" });
      assertEquals(watched.runState, "paused");

      await vm.kill();
      await words.until(({ kind }) => kind === "gone");
      // Its I/O thread may be awake before its main loop is.
      const kinds = words.kinds.filter((kind, at) => kind !== "busy" || words.kinds[at - 1] !== "stopped");
      assertEquals(kinds, ["stopped", "healthy", "gone"]);
      assertEquals(await watched.check(), { kind: "gone" });
    },
  });

  Deno.test({
    name: `LivenessWatch knows a QEMU whose main loop is held up, and for how long at least, on ${name}`,
    ignore,
    async fn() {
      await using host = await VmHost.make();
      await using vm = await launch(host.config({ binary }));
      await using watch = new LivenessWatch({ rhythm: RHYTHM });
      const words = new Words();
      const watched = watch.add({ vm }, words);
      const beginMs = performance.now();
      await using loop = await HeldLoop.begin(vm);
      const first = await words.until(({ kind }) => kind === "busy");
      const later = await words.until(lastsFor("busy", 2_000));
      for (const word of [first, later]) {
        assert(word.kind === "busy" && word.proof === "answers-out-of-band");
        assert(word.forMs <= performance.now() - beginMs);
      }
      await loop.free();
      await words.until(({ kind }) => kind === "healthy");
      assertEquals(await soon(watched.check()), { kind: "healthy" });
      assertEquals(words.kinds, ["busy", "healthy"]);
    },
  });

  Deno.test({
    name: `LivenessWatch asks out of band what QEMU allows there and what changes nothing, on ${name}`,
    ignore,
    async fn() {
      await using host = await VmHost.make();
      await using vm = await launch(host.config({ binary }));
      const { raw } = await vm.qmp.schema();
      const asked = raw.find((entity) => entity.name === "query-yank");
      assert(asked?.["meta-type"] === "command");
      assertEquals([asked["allow-oob"], (await vm.qmp.schema()).features("query-yank")], [true, []]);
    },
  });
}

Deno.test("LivenessWatch is told by the process alone when it may look, also before QEMU is found not to answer", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config());
  const pid = pidOf(vm);
  const startTime = readStartTime(pid);
  assertEquals(await readProcessState(pid, startTime), "runs");
  assertEquals(await readProcessState(pid, `${startTime}0`), "ended", "another process of this pid");
  Deno.kill(pid, "SIGSTOP");
  await untilState(pid, ["T"]);
  assertEquals(await readProcessState(pid, startTime), "stopped");
  Deno.kill(pid, "SIGCONT");
  await vm.kill();
  assertEquals(await readProcessState(pid, startTime), "missing");
});

Deno.test("LivenessWatch goes on by the monitor that is left, and by the process alone when none is", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config());
  await using watch = new LivenessWatch({ rhythm: RHYTHM });
  const words = new Words();
  const watched = watch.add({ vm }, words);
  await qmpOf(vm, "watch").close();
  assertEquals(await soon(watched.check()), { kind: "healthy" });
  assertEquals(watched.runState, "running");
  await vm.qmp.close();
  Deno.kill(pidOf(vm), "SIGSTOP");
  await words.until(({ kind }) => kind === "stopped");
  Deno.kill(pidOf(vm), "SIGCONT");
  await words.until(({ kind }) => kind === "busy");
  await vm.kill();
  await words.until(({ kind }) => kind === "gone");
});

Deno.test("LivenessWatch neither waits for the commands of others nor comes between them", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config());
  await using watch = new LivenessWatch({ rhythm: RHYTHM });
  const watched = watch.add({ vm }, new Words());
  const answered: number[] = [];
  const others = Array.from(
    { length: 1_000 },
    (_, n) => vm.qmp.execute("query-name").then(() => answered.push(n)),
  );
  assertEquals(await soon(watched.check()), { kind: "healthy" });
  assert(answered.length < others.length, "it waited for all of them");
  await soon(Promise.all(others));
  assertEquals(answered, others.map((_, n) => n));
});

Deno.test("Watched.patiently() lets a command take as long as QEMU is busy, and gives it up when QEMU is stopped", async () => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config());
  await using watch = new LivenessWatch({ rhythm: RHYTHM });
  const words = new Words();
  const watched = watch.add({ vm }, words);
  const ask = (signal: AbortSignal) => vm.qmp.execute("query-name", {}, { signal });
  await using loop = await HeldLoop.begin(vm);
  const patient = watched.patiently(ask, { timeoutMs: 700, capMs: 30_000 });
  await words.until(lastsFor("busy", 1_500));
  await loop.free();
  assertEquals(await soon(patient), { name: "vm" });

  Deno.kill(pidOf(vm), "SIGSTOP");
  const error = await soon(
    assertRejects(() => watched.patiently(ask, { timeoutMs: 700, capMs: 30_000 }), NoAnswerError),
  );
  assertEquals(error.liveness.kind, "stopped");
  Deno.kill(pidOf(vm), "SIGCONT");
});

Deno.test("isFrozen() reads both versions of control groups", async () => {
  const root = await Deno.makeTempDir();
  const group = async (groups: string, files: Record<string, string>) => {
    await Deno.mkdir(`${root}/proc/7`, { recursive: true });
    await Deno.writeTextFile(`${root}/proc/7/cgroup`, groups);
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/sys/fs/cgroup/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/sys/fs/cgroup/${path}`, text);
    }
    return await isFrozen(7, root);
  };
  assertEquals(await isFrozen(7, root), false);
  assertEquals(await group("0::/vms/a:b\n", { "vms/a:b/cgroup.events": "populated 1\nfrozen 0\n" }), false);
  assertEquals(await group("0::/vms/a:b\n", { "vms/a:b/cgroup.events": "populated 1\nfrozen 1\n" }), true);
  assertEquals(await group("0::/\n", { "unified/cgroup.events": "frozen 1\n" }), true);
  const v1 = "3:cpu,cpuacct:/\n2:freezer:/vms\n";
  assertEquals(await group(v1, { "freezer/vms/freezer.state": "FREEZING\n" }), false);
  assertEquals(await group(v1, { "freezer/vms/freezer.state": "FROZEN\n" }), true);
  await Deno.remove(root, { recursive: true });
});

/** Where a control group can be made, and how it is frozen. */
interface ControlGroup {
  readonly dir: string;
  readonly file: string;
  readonly on: string;
  readonly off: string;
}

/** A place for a control group of this test's own; null where none can be made. */
async function findControlGroup(): Promise<ControlGroup | null> {
  const name = `qeeper-test-${Deno.pid}`;
  const places: ControlGroup[] = [
    { dir: `/sys/fs/cgroup/freezer/${name}`, file: "freezer.state", on: "FROZEN", off: "THAWED" },
    { dir: `/sys/fs/cgroup/${name}`, file: "cgroup.freeze", on: "1", off: "0" },
  ];
  for (const place of places) {
    try {
      await Deno.mkdir(place.dir);
    } catch {
      continue;
    }
    const isHere = await Deno.stat(`${place.dir}/${place.file}`).then(() => true, () => false);
    await Deno.remove(place.dir);
    if (isHere) return place;
  }
  return null;
}

const GROUP = await findControlGroup();

Deno.test({
  name: GROUP === null
    ? "LivenessWatch knows a QEMU in a frozen control group (no control group can be made here)"
    : "LivenessWatch knows a QEMU in a frozen control group",
  ignore: GROUP === null,
  async fn() {
    assert(GROUP !== null);
    const { dir, file, on, off } = GROUP;
    await using host = await VmHost.make();
    await Deno.mkdir(dir);
    try {
      await using vm = await launch(host.config());
      await using watch = new LivenessWatch({ rhythm: RHYTHM });
      const words = new Words();
      watch.add({ vm }, words);
      await Deno.writeTextFile(`${dir}/cgroup.procs`, `${pidOf(vm)}`);
      await Deno.writeTextFile(`${dir}/${file}`, on);
      const stopped = await words.until(({ kind }) => kind === "stopped");
      assertEquals("by" in stopped && stopped.by, "freezer");
      await Deno.writeTextFile(`${dir}/${file}`, off);
      await words.until(({ kind }) => kind === "healthy");
    } finally {
      await Deno.remove(dir);
    }
  },
});
