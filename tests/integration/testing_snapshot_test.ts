import { delay } from "@std/async/delay";
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import {
  GuestFailedError,
  SnapshotError,
  type SnapshotFixture,
  snapshotFixture,
  type SnapshotProgress,
  type TestVm,
} from "../../src/testing/mod.ts";
import { QEMUS } from "./_qemus.ts";
import { ask, prepareGuest, snapshotGuest } from "./_snapshot_guest.ts";
import { look, Templates } from "./_templates.ts";
import { isAlive, soon, untilState } from "./_vm_host.ts";

for (const { binary, name, ignore } of QEMUS) {
  for (const way of ["memory", "stream"] as const) {
    Deno.test({
      name: `clone() gives each its own memory and disk, many at once, by ${way} with ${name}`,
      ignore,
      async fn() {
        await using templates = await Templates.make();
        const fixture = await templates.fixture({ binary }, { way });
        const before = await Deno.readFile(`${templates.host.dir}/disk.img`);
        const letters = ["x", "y", "z"];
        const clones = await Promise.all(letters.map(() => fixture.clone({ evidence: "never" })));
        try {
          assertEquals(templates.made, 1);
          await Promise.all(clones.map(async (vm, index) => {
            assertEquals(await ask(vm, "+"), "2");
            assertEquals(await ask(vm, "r"), "T");
            assertEquals(await ask(vm, `w${letters[index]}`), "!");
          }));
          for (const [index, vm] of clones.entries()) assertEquals(await ask(vm, "r"), letters[index]);
          for (const vm of clones) assert(!vm.console.transcript.includes("B"), "a clone has booted");
        } finally {
          for (const vm of clones) await vm[Symbol.asyncDispose]();
        }
        assertEquals(await look(fixture), "2T");
        assertEquals(await Deno.readFile(`${templates.host.dir}/disk.img`), before);
        assertEquals(fixture.how?.way, way);
        const { folders: [folder] } = await templates.names();
        const left = await Array.fromAsync(Deno.readDir(`${templates.dir}/${folder}/clones`));
        assertEquals(left, [], "clones have left files");
      },
    });
  }
}

Deno.test("clone() misses not a byte of what the guest says, from where the template was saved", async () => {
  await using templates = await Templates.make();
  const builders: TestVm[] = [];
  const fixture = snapshotFixture(await snapshotGuest(templates.host.dir), async (vm) => {
    builders.push(vm);
    await vm.console.expect(/B/);
    await vm.console.write("~");
    await vm.console.expect("0123456789");
  }, templates.options());
  for (let turn = 0; turn < 3; turn++) {
    await using vm = await fixture.clone({ evidence: "never" });
    const { text } = await vm.console.expect(/^\d{25}/);
    const said = builders[0]?.console.transcript.replace("B", "") ?? "";
    assertMatch(said + text, /^(0123456789)+\d*$/, "a byte was lost or said twice");
    assertEquals(text.slice(0, 10), text.slice(10, 20));
    const next = (Number(said.at(-1)) + 1) % 10;
    assertEquals(Number(text[0]), next);
  }
});

Deno.test("clone() finds the template again, wherever kernel and firmware are", async () => {
  await using templates = await Templates.make();
  const prepare = async (vm: TestVm) => void await vm.console.expect("READY\n");
  const clone = async (bios: string) => {
    await Deno.copyFile(templates.host.rom, bios);
    const config = { accel: "tcg", memoryMiB: 16, firmware: { bios }, name: "some" } as const;
    await using vm = await snapshotFixture(config, prepare, templates.options()).clone({ evidence: "never" });
    assertEquals(await ask(vm, "y"), "y");
  };
  await clone(`${templates.host.dir}/one.rom`);
  await clone(`${templates.host.dir}/two.rom`);
  assertEquals(templates.made, 1);
});

Deno.test("clone() never uses a template of something that has changed since", async (t) => {
  await using templates = await Templates.make();
  const { dir } = templates.host;
  const binary = `${dir}/qemu-system-x86_64`;
  const wrapper = (comment: string) =>
    Deno.writeTextFile(binary, `#!/bin/sh\n# ${comment}\nexec qemu-system-x86_64 "$@"\n`, { mode: 0o755 });
  await wrapper("one");
  const config = await snapshotGuest(dir, { binary });
  const original = snapshotFixture(config, prepareGuest, templates.options());
  assertEquals(await look(original), "2T");

  const remakes = async (fixture: SnapshotFixture, answer: string) => {
    const before = templates.made;
    assertEquals(await look(fixture), answer);
    assertEquals(templates.made, before + 1);
    assertEquals(await look(fixture), answer);
    assertEquals(templates.made, before + 1, "it was made twice");
  };
  await t.step(
    "the machine",
    () => remakes(snapshotFixture({ ...config, memoryMiB: 17 }, prepareGuest, templates.options()), "2T"),
  );
  await t.step(
    "the version",
    () => remakes(snapshotFixture(config, prepareGuest, templates.options({ version: "2" })), "2T"),
  );
  await t.step("the preparation", () => {
    const prepare = async (vm: TestVm) => {
      await prepareGuest(vm);
      assertEquals(await ask(vm, "+"), "2");
    };
    return remakes(snapshotFixture(config, prepare, templates.options()), "3T");
  });
  await t.step("the binary, under a fixture that is in use", async () => {
    await wrapper("another one");
    await remakes(original, "2T");
  });
  await t.step("a disk's content, under a fixture that is in use", async () => {
    using disk = await Deno.open(`${dir}/disk.img`, { write: true });
    await disk.seek(4096, Deno.SeekMode.Start);
    await disk.write(new Uint8Array([1]));
    await remakes(original, "2T");
  });
  await t.step("a file that is under a disk", async () => {
    const layer = `${dir}/layer.qcow2`;
    const args = ["create", "-q", "-f", "qcow2", "-b", "disk.img", "-F", "raw", layer];
    assert((await new Deno.Command("qemu-img", { args }).output()).success);
    const fixture = snapshotFixture(
      { ...config, drives: [{ file: layer }] },
      prepareGuest,
      templates.options(),
    );
    await remakes(fixture, "2T");
    using disk = await Deno.open(`${dir}/disk.img`, { write: true });
    await disk.seek(4096, Deno.SeekMode.Start);
    await disk.write(new Uint8Array([2]));
    await remakes(fixture, "2T");
  });
});

Deno.test("clone() makes a template anew when a part of it was lost or damaged, beside a clone that lives", async (t) => {
  await using templates = await Templates.make();
  const fixture = await templates.fixture();
  await using first = await fixture.clone({ evidence: "never" });
  const remade = async (damage: (names: Awaited<ReturnType<Templates["names"]>>) => Promise<unknown>) => {
    const before = templates.made;
    await damage(await templates.names());
    assertEquals(await look(fixture), "2T");
    assertEquals(templates.made, before + 1);
  };
  const { dir, ramDir } = templates;
  const [ramFolder] = await Array.fromAsync(Deno.readDir(ramDir));
  const latest = async (folders: string[]) => {
    const times = await Promise.all(
      folders.map(async (name) => ({
        name,
        at: (await Deno.stat(`${dir}/${name}/state`)).mtime?.getTime() ?? 0,
      })),
    );
    return `${dir}/${times.toSorted((a, b) => b.at - a.at)[0]?.name}`;
  };
  await t.step(
    "its memory",
    () => remade(({ memories }) => Deno.remove(`${ramDir}/${ramFolder?.name}/${memories[0]}`)),
  );
  await t.step(
    "its state",
    () => remade(async ({ folders }) => Deno.truncate(`${await latest(folders)}/state`, 1000)),
  );
  await t.step(
    "its disk",
    () => remade(async ({ folders }) => Deno.remove(`${await latest(folders)}/disk0.qcow2`)),
  );
  await t.step(
    "its manifest",
    () => remade(({ manifests: [name] }) => Deno.truncate(`${dir}/${name}`, 100)),
  );
  assertEquals(await ask(first, "+") + await ask(first, "r"), "2T");
});

Deno.test("clone() boots each when a device can't be saved, names it, and remembers that", async () => {
  await using templates = await Templates.make();
  const file = `${templates.host.dir}/nvme.img`;
  await Deno.writeFile(file, new Uint8Array(1024 * 1024));
  const config = await snapshotGuest(templates.host.dir);
  const drives = [...config.drives ?? [], { file, interface: "nvme" }];
  const options = templates.options();
  const details: string[] = [];
  const onProgress = (progress: SnapshotProgress) => {
    details.push(progress.detail);
    options.onProgress?.(progress);
  };
  const fixture = () => snapshotFixture({ ...config, drives }, prepareGuest, { ...options, onProgress });
  const one = fixture();
  const said: string[] = [];
  const { writeSync } = Deno.stderr;
  Deno.stderr.writeSync = (bytes) => {
    said.push(new TextDecoder().decode(bytes));
    return bytes.length;
  };
  try {
    assertEquals([await look(one), await look(one)], ["2T", "2T"]);
  } finally {
    Deno.stderr.writeSync = writeSync;
  }
  assertEquals(said, [
    `Each clone of a snapshot fixture is booted: ${one.how?.way === "boot" && one.how.why}\n`,
  ]);
  assertEquals(details.at(-1), "There can be none, which is remembered");
  assert(one.how?.way === "boot");
  assertMatch(one.how.why, /QEMU can't save this guest: .*non-migratable device.*nvme/);
  const tried = templates.steps.filter((step) => step === "booting").length;
  const other = fixture();
  assertEquals(await look(other), "2T");
  assertEquals(other.how?.way, "boot");
  assertEquals(templates.steps.filter((step) => step === "booting").length, tried, "it was tried again");
  assertEquals(await templates.counts(), [1, 0, 0]);
});

Deno.test("clone() boots each when it is asked to, and its writes reach no file of the user's", async () => {
  await using templates = await Templates.make();
  const fixture = await templates.fixture({}, { way: "boot" });
  const before = await Deno.readFile(`${templates.host.dir}/disk.img`);
  assertEquals(await look(fixture), "2T");
  assertEquals(await Deno.readFile(`${templates.host.dir}/disk.img`), before);
  assertEquals(fixture.how, { way: "boot", why: "it was asked for" });
});

Deno.test("clone() keeps templates within their bound, those used longest ago go first, and none that is in use", async () => {
  await using templates = await Templates.make();
  const maxBytes = 16 * 1024 * 1024;
  const version = (name: string) => templates.fixture({}, { version: name, maxBytes });
  const one = await version("1");
  {
    await using inUse = await one.clone({ evidence: "never" });
    assertEquals(await look(await version("2")), "2T");
    assertEquals(await templates.counts(), [2, 2, 2]);
    assertEquals(await look(await version("3")), "2T");
    // There was no room for 2 beside what 3 might have taken; 1 is in use.
    assertEquals(await templates.counts(), [2, 2, 2]);
    assertEquals(await ask(inUse, "r"), "T");
  }
  const made = templates.made;
  assertEquals(await look(one), "2T");
  assertEquals(templates.made, made, "what was in use was removed");
  assertEquals(await look(await version("4")), "2T");
  assertEquals(await templates.counts(), [1, 1, 1]);
});

Deno.test("clone() removes templates that nobody has used for long", async () => {
  await using templates = await Templates.make();
  const old = await templates.fixture({}, { version: "old" });
  assertEquals(await look(old), "2T");
  const { manifests: [manifest] } = await templates.names();
  const longAgo = new Date(Date.now() - 3_600_000);
  await Deno.utime(`${templates.dir}/${manifest}`, longAgo, longAgo);
  assertEquals(await look(await templates.fixture({}, { version: "new", maxIdleMs: 60_000 })), "2T");
  assertNotEquals((await templates.names()).manifests, [manifest]);
  assertEquals(await templates.counts(), [1, 1, 1]);
});

Deno.test("clone() boots each when the template would be larger than all may be", async () => {
  await using templates = await Templates.make();
  const fixture = await templates.fixture({}, { maxBytes: 100_000 });
  assertEquals(await look(fixture), "2T");
  assert(fixture.how?.way === "boot");
  assertMatch(fixture.how.why, /would take \d+ MiB, and maxBytes allows/);
  assertEquals(await look(fixture), "2T");
  assertEquals(templates.steps.filter((step) => step === "booting").length, 1);
  assertEquals(await templates.counts(), [0, 0, 0]);
});

Deno.test("clone() passes on what the preparation throws, leaves nothing, and tries again", async () => {
  await using templates = await Templates.make();
  let fail: "yes" | "no" = "yes";
  const fixture = snapshotFixture(await snapshotGuest(templates.host.dir), async (vm) => {
    await prepareGuest(vm);
    if (fail === "yes") throw new Error("not today");
  }, templates.options());
  await assertRejects(() => fixture.clone({ evidence: "never" }), Error, "not today");
  assertEquals(await templates.counts(), [0, 0, 0]);
  fail = "no";
  assertEquals(await look(fixture), "2T");
});

Deno.test("clone() with paused leaves the guest where it was saved until it is resumed", async () => {
  await using templates = await Templates.make();
  const fixture = await templates.fixture();
  await using vm = await fixture.clone({ paused: true, evidence: "never" });
  assertEquals((await vm.status()).running, false);
  await vm.resume();
  assertEquals(await ask(vm, "+"), "2");
});

Deno.test("clone() gives up when its signal is aborted, while it makes a template as while it waits for one", async () => {
  await using templates = await Templates.make();
  const preparing = Promise.withResolvers<void>();
  const fixture = snapshotFixture(await snapshotGuest(templates.host.dir), async (vm) => {
    preparing.resolve();
    await vm.console.expect("never said");
  }, templates.options());
  const makes = new AbortController();
  const making = fixture.clone({ signal: makes.signal, evidence: "never" });
  await soon(preparing.promise);
  const waits = new AbortController();
  const waiting = fixture.clone({ signal: waits.signal, evidence: "never" });
  waits.abort(new Error("enough waiting"));
  await assertRejects(() => soon(waiting), Error, "enough waiting");
  makes.abort(new Error("enough making"));
  await assertRejects(() => soon(making), Error, "enough making");
  assertEquals(await templates.counts(), [0, 0, 0]);
});

Deno.test("clone() lets go of everything when QEMU is killed", async () => {
  await using templates = await Templates.make();
  const fixture = await templates.fixture();
  {
    await using vm = await fixture.clone({ evidence: "never" });
    const { pid } = vm;
    assert(pid !== null && await isAlive(pid));
    assertEquals((await vm.kill()).cause, "killed");
    await untilState(pid, ["gone", "Z"]);
    const { folders: [folder] } = await templates.names();
    assertEquals(await Array.fromAsync(Deno.readDir(`${templates.dir}/${folder}/clones`)), []);
  }
  assertEquals(await look(fixture), "2T");
});

Deno.test("clone() gives a test's VM: a guest that panics fails what waits for it, and leaves evidence", async () => {
  await using templates = await Templates.make();
  const { host } = templates;
  const fixture = snapshotFixture(host.config(), async (vm) => {
    await vm.console.expect("READY\n");
  }, templates.options());
  const evidenceDir = `${host.dir}/evidence`;
  await using vm = await fixture.clone({ evidenceDir });
  const waiting = vm.console.expect("login:");
  await vm.console.write("X");
  const error = await assertRejects(() => soon(waiting), GuestFailedError, "guest panicked");
  assert(error.evidence?.startsWith(evidenceDir));
  const files = (await Array.fromAsync(Deno.readDir(evidenceDir))).map(({ name }) => name);
  assertEquals(files.length, 1, "the template's own VM has left evidence");
});

/** Waits until a socket of a QEMU that is starting takes a client. */
async function connected(path: string, child: Deno.ChildProcess): Promise<Deno.UnixConn> {
  let ended = false;
  child.status.then(() => ended = true);
  for (;;) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (ended) throw error;
      await delay(10);
    }
  }
}

/** Writes to a socket, and reads until it has answered so. */
async function converse(conn: Deno.Conn, text: string, answer: RegExp): Promise<string> {
  await conn.write(new TextEncoder().encode(text));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let heard = "";
  while (!answer.test(heard)) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error(`It said ${JSON.stringify(heard)} and closed`);
    heard += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return heard;
}

for (const way of ["memory", "stream"] as const) {
  Deno.test(`the script in a clone's evidence starts it again from where it was restored by ${way}`, async () => {
    await using templates = await Templates.make();
    const evidenceDir = `${templates.host.dir}/evidence`;
    const fixture = await templates.fixture({}, { way });
    // The guest of which the template is made would leave evidence of its own.
    assertEquals(await look(fixture), "2T");
    {
      await using vm = await fixture.clone({ evidence: "always", evidenceDir });
      assertEquals([await ask(vm, "wx"), await ask(vm, "+")], ["!", "2"]);
    }
    const [folder] = await Array.fromAsync(Deno.readDir(evidenceDir));
    const script = `${evidenceDir}/${folder?.name}/argv.sh`;
    const [, restore = ""] = /printf '%s\\n' (.*) \| socat/.exec(await Deno.readTextFile(script)) ?? [];
    const commands = [...restore.matchAll(/'([^']*)'/g)].map(([, command]) => command);
    const child = new Deno.Command("sh", {
      args: [script],
      stdin: "null",
      stderr: "piped",
      env: { TMPDIR: templates.host.dir },
    }).spawn();
    try {
      const words = child.stderr.getReader();
      const run = /^run=(.*)\n/.exec(new TextDecoder().decode((await words.read()).value))?.[1];
      words.releaseLock();
      using hmp = await soon(connected(`${run}/hmp`, child));
      using serial = await soon(connected(`${run}/console`, child));
      const prompt = /\r\n\(qemu\) $/;
      await soon(converse(hmp, "", prompt));
      for (const command of commands) await soon(converse(hmp, `${command}\n`, prompt));
      let status: string;
      do status = await soon(converse(hmp, "info status\n", /status: [^]*\(qemu\) $/)); while (
        status.includes("inmigrate")
      );
      await soon(converse(hmp, "cont\n", prompt));
      assertEquals(await soon(converse(serial, "+", /[^]/)), "2", "it has booted");
      assertEquals(await soon(converse(serial, "r", /[^]/)), "T", "it has the disk of the clone");
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await child.stderr.cancel();
    }
  });
}

Deno.test("clone() gives each its own UEFI variables, however it comes to be", async (t) => {
  await using templates = await Templates.make();
  const vars = `${templates.host.dir}/vars.fd`;
  await Deno.writeFile(vars, new Uint8Array(64 * 1024).fill(0xff));
  const firmware = { code: templates.host.rom, vars };
  for (const way of ["memory", "stream", "boot"] as const) {
    await t.step(way, async () => {
      const fixture = snapshotFixture({ accel: "tcg", memoryMiB: 16, firmware }, async (vm) => {
        await vm.console.expect("READY\n");
      }, templates.options({ way }));
      // QEMU locks what it writes to.
      await using one = await fixture.clone({ evidence: "never" });
      await using other = await fixture.clone({ evidence: "never" });
      assertEquals([await ask(one, "y"), await ask(other, "z"), fixture.how?.way], ["y", "z", way]);
      for (const { argv } of [one, other]) assert(!argv?.some((arg) => arg.includes(vars)));
    });
  }
  assertEquals(
    (await Array.fromAsync(Deno.readDir(templates.dir))).filter(({ name }) => /^vars/.test(name)),
    [],
  );
});

Deno.test("clone() keeps to the directory that is named, also when it makes the template first", async () => {
  await using templates = await Templates.make();
  const fixture = await templates.fixture();
  const runDir = `${templates.host.dir}/mine`;
  await using vm = await fixture.clone({ runDir, evidence: "never" });
  assertEquals([vm.runDir, await ask(vm, "+")], [runDir, "2"]);
});

Deno.test("clone() puts the memory beside the template when its folder has no room, or is not there", async () => {
  await using templates = await Templates.make();
  const { host, dir } = templates;
  const config = await snapshotGuest(host.dir);
  const fixture = snapshotFixture(config, prepareGuest, templates.options({ ramDir: `${host.dir}/missing` }));
  assertEquals(await look(fixture), "2T");
  assertEquals(fixture.how?.way, "memory");
  const files = (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
  assertEquals(files.filter((name) => name.endsWith(".ram")).length, 1);
  // It is cleared away with the template.
  assertEquals(await look(await templates.fixture({}, { version: "2", maxBytes: 16 * 1024 * 1024 })), "2T");
  assertEquals((await Array.fromAsync(Deno.readDir(dir))).filter(({ name }) => name.endsWith(".ram")), []);
});

Deno.test("snapshotFixture() refuses bounds that are none, and a folder that everybody can write to", async () => {
  await using templates = await Templates.make();
  const config = await snapshotGuest(templates.host.dir);
  assertThrows(() => snapshotFixture(config, prepareGuest, { maxBytes: -1 }), RangeError, "'maxBytes'");
  assertThrows(() => snapshotFixture(config, prepareGuest, { maxIdleMs: NaN }), RangeError, "'maxIdleMs'");
  await Deno.mkdir(templates.dir);
  await Deno.chmod(templates.dir, 0o777);
  const fixture = snapshotFixture(config, prepareGuest, templates.options());
  await assertRejects(() => fixture.clone(), SnapshotError, "everybody can write to it");
});
