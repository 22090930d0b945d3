// Who was it: the kernel, because memory was short, or somebody else. With a control group that is too small where one can be made.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { QmpInterruptedError } from "../../mod.ts";
import { countOomKills, wasOomKilled } from "../../src/vm/oom_kill.ts";
import { Orphan } from "./_orphan.ts";
import { soon, VmHost } from "./_vm_host.ts";

/** A host's `/proc` and `/sys`, as files. */
class Root implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(files: Record<string, string>): Promise<Root> {
    const root = new Root(await Deno.makeTempDir({ prefix: "qeeper-oom-" }));
    for (const [file, text] of Object.entries(files)) await root.write(file, text);
    return root;
  }

  async write(file: string, text: string): Promise<void> {
    await Deno.mkdir(`${this.path}${file.slice(0, file.lastIndexOf("/"))}`, { recursive: true });
    await Deno.writeTextFile(`${this.path}${file}`, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("countOomKills() reads the count of the process's control group, of either version", async (t) => {
  await t.step("version 2", async () => {
    await using root = await Root.make({
      "/proc/7/cgroup": "0::/system.slice/a.service\n",
      "/sys/fs/cgroup/system.slice/a.service/memory.events": "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n",
      "/sys/fs/cgroup/system.slice/a.service/cgroup.procs": "6\n7\n",
    });
    const file = `${root.path}/sys/fs/cgroup/system.slice/a.service/memory.events`;
    assertEquals(await countOomKills(7, root.path), { file, kills: 2, alone: false });
    await root.write("/sys/fs/cgroup/system.slice/a.service/cgroup.procs", "7\n");
    assertEquals((await countOomKills(7, root.path))?.alone, true);
  });
  await t.step("version 1, beside a version 2 that has no memory", async () => {
    await using root = await Root.make({
      "/proc/7/cgroup": "9:cpu:/x\n4:memory,hugetlb:/vm\n0::/\n",
      "/sys/fs/cgroup/memory/vm/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n",
      "/sys/fs/cgroup/memory/vm/cgroup.procs": "7\n",
    });
    const file = `${root.path}/sys/fs/cgroup/memory/vm/memory.oom_control`;
    assertEquals(await countOomKills(7, root.path), { file, kills: 5, alone: true });
  });
  await t.step("none", async () => {
    await using root = await Root.make({ "/proc/7/cgroup": "0::/\n" });
    assertEquals(await countOomKills(7, root.path), null);
    assertEquals(await countOomKills(8, root.path), null);
  });
});

Deno.test("wasOomKilled() is sure that it was not the kernel where its count has not grown", async () => {
  await using root = await Root.make({
    "/proc/7/cgroup": "0::/a\n",
    "/sys/fs/cgroup/a/memory.events": "oom_kill 2\n",
    "/sys/fs/cgroup/a/cgroup.procs": "7\n",
  });
  const before = await countOomKills(7, root.path);
  assertEquals(await wasOomKilled(7, before, { forMs: 1 }), false);
});

/** Where control groups of version 1 are made. */
const GROUPS = "/sys/fs/cgroup/memory";

/** Whether this is root, and may make a control group. */
async function mayMakeGroups(): Promise<boolean> {
  const group = `${GROUPS}/qeeper-test-${Deno.pid}`;
  try {
    await Deno.mkdir(group);
    await Deno.remove(group);
    return true;
  } catch {
    return false;
  }
}

/** A process is in its group until its parent has asked for its end, which may take a while. */
async function removeGroup(group: string): Promise<void> {
  for (const untilMs = performance.now() + 30_000;;) {
    try {
      return await Deno.remove(group);
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

Deno.test(
  "the verdict on a QEMU that the kernel killed for want of memory says so (where this is root, and /sys/fs/cgroup/memory has groups of version 1)",
  {
    ignore: !(await mayMakeGroups()),
  },
  async () => {
    await using host = await VmHost.make();
    await using orphan = await Orphan.make(host.config());
    const group = `${GROUPS}/qeeper-test-${orphan.pid}`;
    await Deno.mkdir(group);
    try {
      // What QEMU has already counts elsewhere.
      await Deno.writeTextFile(`${group}/memory.limit_in_bytes`, `${4 * 1024 ** 2}`);
      await Deno.writeTextFile(`${group}/cgroup.procs`, `${orphan.pid}`);
      await using vm = await orphan.adopt();
      const memory = {
        "qom-type": "memory-backend-ram",
        id: "more",
        size: 64 * 1024 ** 2,
        prealloc: true,
      } as const;
      await assertRejects(() => vm.qmp.execute("object-add", memory), QmpInterruptedError);
      const verdict = await soon(vm.stopped);
      assertEquals([verdict.cause, verdict.oomKill, verdict.exit], ["killed", true, null]);
      assertMatch(verdict.detail, /^QEMU was killed by the kernel, because memory was short$/);
    } finally {
      await orphan.gone();
      await removeGroup(group);
    }
  },
);

Deno.test("the verdict on a QEMU that somebody killed never says that it was the kernel", async () => {
  await using host = await VmHost.make();
  for (const recorder of ["on", "off"] as const) {
    await using vm = await host.obedient({}, { recorder });
    Deno.kill(vm.pid ?? 0, "SIGKILL");
    const verdict = await soon(vm.stopped);
    assertEquals([verdict.cause, verdict.exit?.signal], ["killed", "SIGKILL"]);
    assert([false, "unknown"].includes(verdict.oomKill ?? true), `oomKill is ${verdict.oomKill}`);
    assertMatch(verdict.consoleTail, /READY\n$/);
  }
});
