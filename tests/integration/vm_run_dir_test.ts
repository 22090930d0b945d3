// The run directory: where it is, whose it is, and what is left of it.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { launch } from "../../mod.ts";
import { VmHost } from "./_vm_host.ts";

Deno.test("launch() makes a run directory of mode 0700, which is gone after the dispose", async () => {
  await using host = await VmHost.make();
  let runDir: string;
  {
    await using vm = await launch(host.config());
    runDir = vm.runDir ?? "";
    assert(runDir.startsWith(`${host.dir}/qeeper/`));
    assertEquals(((await Deno.stat(runDir)).mode ?? 0) & 0o777, 0o700);
    assertEquals(((await Deno.stat(`${host.dir}/qeeper`)).mode ?? 0) & 0o777, 0o700);
  }
  await assertRejects(() => Deno.stat(runDir), Deno.errors.NotFound);
});

Deno.test("launch() in a directory that is named: made, or taken if it is empty; the logs stay", async () => {
  await using host = await VmHost.make();
  await Deno.mkdir(`${host.dir}/there`, { mode: 0o755 });
  for (const runDir of [`${host.dir}/made/for/it`, `${host.dir}/there/`]) {
    {
      await using vm = await host.obedient({}, { runDir });
      assertEquals(vm.runDir, runDir.replace(/\/$/, ""));
      assertEquals(((await Deno.stat(runDir)).mode ?? 0) & 0o777, 0o700);
    }
    const left = (await Array.fromAsync(Deno.readDir(runDir))).map(({ name }) => name);
    assertEquals(left.toSorted(), ["console.log", "resets.log"]);
    assertEquals(await Deno.readTextFile(`${runDir}/console.log`), "READY\n");
    const error = await assertRejects(() => launch(host.config(), { runDir }), Error);
    assertMatch(
      error.message,
      /^Cannot use \/.* as a run directory: it already holds "(console|resets)\.log"/,
    );
  }
});

Deno.test("launch() in a relative directory starts at the current one", async () => {
  await using host = await VmHost.make();
  const before = Deno.cwd();
  Deno.chdir(host.dir);
  try {
    await using vm = await launch({ ...host.config(), firmware: { bios: "unirom.rom" } }, { runDir: "here" });
    assertEquals(vm.runDir, `${Deno.cwd()}/here`);
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("launch() refuses a directory that is in use, too long, or no directory, and leaves it as it was", async (t) => {
  await using host = await VmHost.make();
  await using vm = await launch(host.config());
  const long = `${host.dir}/${"x".repeat(100)}`;
  const cases: [string, string, RegExp][] = [
    [
      "another VM's",
      vm.runDir ?? "",
      /it already holds .*since a second QEMU on the same sockets takes them/,
    ],
    [
      "too long",
      long,
      /a socket in it would have a path of up to \d+ bytes, and 107 are allowed; name a shorter runDir/,
    ],
    ["one that QEMU's log would not be in", `${host.dir}/a%b`, /QEMU's log can't be in a path with a "%"/],
    ["one in which nothing can be made", "/proc", /nothing can be made in it \(.*\); name another one/],
    ["a file", host.rom, /there is a file of that name, or on the way to it/],
    ["below a file", `${host.rom}/x`, /there is a file of that name, or on the way to it/],
  ];
  for (const [name, runDir, message] of cases) {
    await t.step(name, async () => {
      const error = await assertRejects(() => launch(host.config(), { runDir }), Error);
      assertMatch(error.message, message);
      assertMatch(error.message, /^Cannot use \/.* as a run directory: .*[^.]$/s);
    });
  }
  await assertRejects(() => Deno.lstat(long), Deno.errors.NotFound);
  assertEquals((await vm.status()).status, "running");
});

Deno.test("launch() twice at once in one directory that is named: one has it, the other is refused and takes nothing away", async () => {
  await using host = await VmHost.make();
  const stderrFile = `${host.dir}/said`;
  for (const lifetime of [{ kind: "owned" }, { kind: "detached", stderrFile }] as const) {
    for (const made of ["before", "by them"]) {
      const runDir = `${host.dir}/${lifetime.kind} ${made}`;
      if (made === "before") await Deno.mkdir(runDir);
      const both = await Promise.allSettled([1, 2].map(() => launch(host.config(), { runDir, lifetime })));
      const [vm, ...more] = both.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
      assert(vm && more.length === 0);
      await using _ = vm;
      const reasons = both.flatMap((one) => one.status === "rejected" ? [`${one.reason}`] : []);
      assertMatch(reasons.join(), /it already holds "claim"/);
      const there = (await Array.fromAsync(Deno.readDir(runDir))).map(({ name }) => name);
      assertEquals(["control", "hmp", "pid", "watch"].filter((name) => !there.includes(name)), []);
    }
  }
});

Deno.test("launch() refuses a run root that others can write to", async () => {
  await using host = await VmHost.make();
  await Deno.mkdir(`${host.dir}/qeeper`);
  await Deno.chmod(`${host.dir}/qeeper`, 0o777);
  await assertRejects(
    () => launch(host.config()),
    Error,
    "others can write to it; remove it, or name a runDir",
  );
  await Deno.remove(`${host.dir}/qeeper`);
  await Deno.symlink(host.dir, `${host.dir}/qeeper`);
  await assertRejects(() => launch(host.config()), Error, "it is no directory");
  await Deno.remove(`${host.dir}/qeeper`);
});
