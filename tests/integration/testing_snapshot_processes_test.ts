import { assert, assertEquals } from "@std/assert";
import { snapshotFixture } from "../../src/testing/mod.ts";
import { tryLockFile } from "../../src/testing/snapshot/file_lock.ts";
import { killIfThere } from "./_kill_if_there.ts";
import { QEMUS } from "./_qemus.ts";
import type { ChildOrders } from "./_snapshot_child.ts";
import { prepareGuest, snapshotGuest } from "./_snapshot_guest.ts";
import { look, Templates } from "./_templates.ts";
import { isAlive, processesWith, soon, untilState } from "./_vm_host.ts";

/** A process of its own that makes a clone. */
class Child implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;
  #unread = "";

  private constructor(orders: ChildOrders) {
    const script = new URL("_snapshot_child.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--no-check", "-A", script, JSON.stringify(orders)],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  static async start(templates: Templates, more: Partial<ChildOrders> = {}): Promise<Child> {
    const { dir, ramDir, host } = templates;
    const file = `${host.dir}/disk.img`;
    // Written once: both children are to find the same file.
    const config = await Deno.stat(file).then(
      () => ({ accel: "tcg" as const, memoryMiB: 16, drives: [{ file }] }),
      () => snapshotGuest(host.dir),
    );
    return new Child({ config, dir, ramDir, ...more });
  }

  /** The next thing that it says; null when it has ended. */
  async said(): Promise<unknown> {
    while (!this.#unread.includes("\n")) {
      const { value, done } = await soon(this.#output.read());
      if (done) return null;
      this.#unread += value;
    }
    const [line = "", ...rest] = this.#unread.split("\n");
    this.#unread = rest.join("\n");
    return JSON.parse(line);
  }

  /** All that it says from now on, up to what is wanted, or its end. */
  async until(wanted: string): Promise<unknown[]> {
    const all: unknown[] = [];
    for (let said = await this.said(); said !== null; said = await this.said()) {
      all.push(said);
      if (said === wanted) return all;
    }
    assertEquals(wanted, "the end", await this.#stderr);
    return all;
  }

  async goOn(): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new Uint8Array([10]));
    writer.releaseLock();
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await soon(this.#child.status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfThere(this.#child, "SIGKILL");
    await soon(this.#child.status);
    await this.#child.stdin.close().catch(() => {});
    await soon(this.#output.cancel());
    await soon(this.#stderr);
  }
}

const made = (said: readonly unknown[]) => said.filter((step) => step === "committed").length;

/** A fixture of this process, on the disk that the children use. */
function sameFixture(templates: Templates) {
  const config = {
    accel: "tcg",
    memoryMiB: 16,
    drives: [{ file: `${templates.host.dir}/disk.img` }],
  } as const;
  return snapshotFixture(config, prepareGuest, templates.options());
}

Deno.test("clone() never uses what a process that was killed has begun, at whichever step, and clears it away", async (t) => {
  for (const dieAt of ["copying disks", "booting", "preparing", "saving", "committing"] as const) {
    await t.step(dieAt, async () => {
      await using templates = await Templates.make();
      await using child = await Child.start(templates, { dieAt });
      assertEquals(await child.until("the end").then((said) => said.at(-1)), dieAt);
      assertEquals(await look(sameFixture(templates)), "2T");
      assertEquals(templates.made, 1);
      assertEquals(await templates.counts(), [1, 1, 1]);
    });
  }
});

Deno.test("clone() uses the template of a process that was killed once it had committed it", async () => {
  await using templates = await Templates.make();
  await using child = await Child.start(templates, { dieAt: "committed" });
  await child.until("the end");
  assertEquals(await look(sameFixture(templates)), "2T");
  assertEquals(templates.made, 0);
  assertEquals(await templates.counts(), [1, 1, 1]);
});

Deno.test("clone() makes a template once for two processes: the other waits, and says so", async () => {
  await using templates = await Templates.make();
  await using one = await Child.start(templates, { holdAt: "saving" });
  const before = await one.until("saving");
  await using other = await Child.start(templates);
  assertEquals(await other.until("waiting"), ["waiting"]);
  await one.goOn();
  const [ofOne, ofOther] = [await one.until("the end"), await other.until("the end")];
  assertEquals([made([...before, ...ofOne]), made(ofOther)], [1, 0]);
  assertEquals([ofOne.at(-1), ofOther.at(-1)], [{ answer: "2" }, { answer: "2" }]);
  assertEquals(await templates.counts(), [1, 1, 1]);
});

Deno.test("clone() takes over when the process that it waits for dies", async () => {
  await using templates = await Templates.make();
  await using one = await Child.start(templates, { holdAt: "saving" });
  await one.until("saving");
  await using other = await Child.start(templates);
  await other.until("waiting");
  await one.kill();
  const said = await other.until("the end");
  assertEquals(made(said), 1);
  assertEquals(said.at(-1), { answer: "2" });
  // What the dead one had begun goes with the next fixture.
  assertEquals(await look(sameFixture(templates)), "2T");
  assertEquals(await templates.counts(), [1, 1, 1]);
});

Deno.test("clone() clears away what clones of a killed process have left, whose QEMUs are gone", async () => {
  await using templates = await Templates.make();
  await using child = await Child.start(templates, { dieAt: "cloned" });
  const last = (await child.until("the end")).at(-1);
  assert(typeof last === "object" && last !== null && "pid" in last && typeof last.pid === "number");
  await untilState(last.pid, ["gone", "Z"]);
  const { folders: [folder] } = await templates.names();
  const clones = () => Array.fromAsync(Deno.readDir(`${templates.dir}/${folder}/clones`));
  assertEquals((await clones()).length, 1);
  assertEquals(await look(sameFixture(templates)), "2T");
  assertEquals(await clones(), []);
  assertEquals(templates.made, 0);
  for (const pid of await processesWith(templates.dir)) assert(!await isAlive(pid), `${pid} is left`);
});

Deno.test("clone() removes memory of templates whose store is gone", async () => {
  await using templates = await Templates.make();
  const { host, ramDir } = templates;
  const fixture = (dir: string) => snapshotFixture(config, prepareGuest, templates.options({ dir }));
  const config = await snapshotGuest(host.dir);
  assertEquals(await look(fixture(`${host.dir}/gone`)), "2T");
  await Deno.remove(`${host.dir}/gone`, { recursive: true });
  assertEquals(await look(fixture(templates.dir)), "2T");
  assertEquals((await Array.fromAsync(Deno.readDir(ramDir))).length, 1);
});

const [, ten] = QEMUS;
Deno.test({
  name: `clone() does not give a template to another QEMU behind the same binary (${ten?.name})`,
  ignore: ten === undefined || ten.ignore,
  async fn() {
    await using templates = await Templates.make();
    const { dir } = templates.host;
    const binary = `${dir}/qemu-system-x86_64`;
    const behind = (path: string) => Deno.writeTextFile(`${dir}/behind`, path);
    await Deno.writeTextFile(binary, `#!/bin/sh\nexec "$(cat ${dir}/behind)" "$@"\n`, { mode: 0o755 });
    await behind("qemu-system-x86_64");
    const fixture = await templates.fixture({ binary });
    assertEquals(await look(fixture), "2T");
    await behind(ten?.binary ?? "");
    assertEquals(await look(fixture), "2T");
    assertEquals([templates.made, fixture.how?.way], [2, "memory"]);
    assertEquals(await look(fixture), "2T");
    assertEquals(templates.made, 2);
  },
});

Deno.test("tryLockFile() gives no lock on a file that was removed meanwhile", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/lock`;
  {
    using first = await tryLockFile(path, "exclusive", "create");
    assert(first !== null);
    assertEquals(await tryLockFile(path, "exclusive", "create"), null);
    assertEquals(await tryLockFile(path, "shared", "create"), null);
    await Deno.remove(path);
    assertEquals(await tryLockFile(path, "shared", "give-up"), null);
    using second = await tryLockFile(path, "shared", "create");
    using third = await tryLockFile(path, "shared", "create");
    assert(second !== null && third !== null);
  }
  await Deno.remove(dir, { recursive: true });
});
