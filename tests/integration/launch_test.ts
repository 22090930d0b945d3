import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { attach, ConfigError, HmpMonitor, launch, LaunchError, type Vm, type VmConfig } from "../../mod.ts";
import { QmpClient } from "../../src/qmp/mod.ts";
import { rom, unirom } from "../../src/testing/mod.ts";

/** The guest of most tests: obeys one-byte commands on its console. */
async function withGuest(test: (config: VmConfig, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "qeeper-launch-" });
  try {
    await Deno.writeFile(`${folder}/unirom.rom`, rom(unirom.code));
    await test({ accel: "tcg", memoryMiB: 16, firmware: { bios: `${folder}/unirom.rom` } }, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Gone, or only waiting to be reaped: a signal can't tell, since a zombie takes it. */
async function isDead(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

async function untilDead(pid: number): Promise<void> {
  while (!await isDead(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function entries(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name);
  return names.sort();
}

Deno.test("launch() is ready when QMP is negotiated on every control-mode monitor, the config's own included", async () => {
  await withGuest(async (config) => {
    const monitors: VmConfig["monitors"] = [
      { id: "plain" },
      { id: "pretty", pretty: true },
      { id: "pipes", address: { transport: "stdio" } },
      { id: "person", mode: "readline" },
    ];
    await using vm = await launch({ ...config, monitors });
    assertEquals([...vm.monitors.keys()].sort(), [
      "control",
      "hmp",
      "person",
      "pipes",
      "plain",
      "pretty",
      "watch",
    ]);
    for (const monitor of vm.monitors.values()) {
      if (monitor instanceof QmpClient) {
        assertEquals((await monitor.execute("query-status")).status, "running");
      } else assertStringIncludes(await monitor.execute("info status"), "VM status: running");
    }
    assert(vm.monitors.get("hmp") instanceof HmpMonitor);
  });
});

Deno.test("launch() rejects with QEMU's own words when QEMU dies early", async () => {
  const table: readonly [VmConfig, string][] = [
    [{ machine: "abacus" }, "unsupported machine type"],
    [{ machine: "pc", extraArgs: ["-device", "abacus"] }, "'abacus' is not a valid device model name"],
    [{ machine: "pc", extraArgs: ["--abacus"] }, "-abacus: invalid option"],
    [{ machine: "none", extraArgs: ["-incoming", "abacus:"] }, "abacus"],
  ];
  for (const [config, words] of table) {
    const error = await assertRejects(() => launch({ accel: "tcg", ...config }), LaunchError);
    assertStringIncludes(error.message, words);
    assertStringIncludes(error.stderrTail, words);
    assertEquals(error.exit?.code, 1, JSON.stringify(config));
    assertEquals(error.argv[0], "qemu-system-x86_64");
  }
});

Deno.test("launch() rejects within 100 ms of QEMU's early death", async () => {
  const folder = await Deno.makeTempDir();
  // A stand-in for the binary that notes when QEMU ended, in nanoseconds.
  const binary = `${folder}/qemu-system-x86_64`;
  const script = `#!/bin/sh\nqemu-system-x86_64 "$@"\ncode=$?\ndate +%s%N >${folder}/ended\nexit $code\n`;
  await Deno.writeTextFile(binary, script, { mode: 0o700 });
  const lateMs: number[] = [];
  for (let times = 0; times < 5; times++) {
    await assertRejects(
      () => launch({ binary, accel: "tcg", machine: "abacus" }),
      LaunchError,
      "unsupported machine type",
    );
    const nowMs = performance.timeOrigin + performance.now();
    lateMs.push(nowMs - Number(await Deno.readTextFile(`${folder}/ended`)) / 1e6);
  }
  await Deno.remove(folder, { recursive: true });
  assertLess(Math.min(...lateMs), 100, `${lateMs}`);
});

Deno.test("launch() names the place in the config of what is wrong with it", async () => {
  const wrong = (config: unknown) => () => launch(config as VmConfig);
  await assertRejects(wrong({ memoryMib: 16 }), ConfigError, "memoryMib");
  await assertRejects(wrong({ memoryMiB: "16" }), ConfigError, "memoryMiB");
  await assertRejects(wrong({ drives: [{ file: "/no/such/disk" }] }), ConfigError, "drives[0].file");
});

Deno.test("launch() says what to install when there is no such QEMU, and what to do when it can't be executed", async () => {
  await assertRejects(
    () => launch({ binary: "qemu-system-abacus", accel: "tcg" }),
    LaunchError,
    "install QEMU",
  );
  const file = await Deno.makeTempFile();
  await Deno.chmod(file, 0o600);
  await assertRejects(() => launch({ binary: file, arch: "x86_64", accel: "tcg" }), LaunchError, "execut");
  await Deno.remove(file);
});

Deno.test("launch() that is aborted at any moment rejects with the reason and leaves no process and no directory", async () => {
  await withGuest(async (config, folder) => {
    const reason = new Error("changed my mind");
    for (const afterMs of [0, 1, 5, 10, 15, 20, 25, 30]) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(reason), afterMs);
      const runDir = `${folder}/run${afterMs}`;
      let vm: Vm | null = null;
      try {
        vm = await launch(config, { signal: controller.signal, runDir });
      } catch (error) {
        assertEquals(error, reason);
      }
      clearTimeout(timer);
      await vm?.[Symbol.asyncDispose]();
    }
    await assertRejects(
      () => launch(config, { signal: AbortSignal.abort(reason) }),
      Error,
      "changed my mind",
    );
    const left = await new Deno.Command("pgrep", { args: ["-f", folder] }).output();
    assertEquals(new TextDecoder().decode(left.stdout), "");
  });
});

Deno.test("launch() makes a directory of mode 0700 that is gone after dispose, and refuses one that is in use", async () => {
  await withGuest(async (config, folder) => {
    const vm = await launch(config);
    const dir = vm.runDir ?? "";
    assertEquals(((await Deno.stat(dir)).mode ?? 0) & 0o777, 0o700);
    await vm[Symbol.asyncDispose]();
    await assertRejects(() => Deno.stat(dir), Deno.errors.NotFound);
    await assertRejects(() => launch(config, { runDir: folder }), Error, "already holds");
    await assertRejects(() => launch(config, { runDir: `${folder}/${"x".repeat(90)}` }), Error, "107");
    assertEquals(await entries(folder), ["unirom.rom"]);
  });
});

Deno.test("launch() of 8 guests at once gives each its own", async () => {
  await withGuest(async (config) => {
    const vms = await Promise.all(
      Array.from({ length: 8 }, (_, n) => launch({ ...config, name: `guest-${n}` })),
    );
    for (const [n, vm] of vms.entries()) {
      assertEquals((await vm.qmp.execute("query-name")).name, `guest-${n}`);
      await vm.console?.expect("READY");
    }
    assertEquals(new Set(vms.map((vm) => vm.runDir)).size, 8);
    await Promise.all(vms.map((vm) => vm[Symbol.asyncDispose]()));
  });
});

Deno.test("a guest's first byte is on the console, 20 times of 20", async () => {
  await withGuest(async (config) => {
    for (let times = 0; times < 20; times++) {
      await using vm = await launch(config);
      const { before } = await vm.console?.expect("READY\n", { timeoutMs: 10_000 }) ??
        { before: "no console" };
      assertEquals(before, "");
    }
  });
});

Deno.test("a secret is in a file of mode 0600 and nowhere on the command line", async () => {
  await using vm = await launch({
    machine: "none",
    accel: "tcg",
    secrets: [{ id: "key", value: "tell-nobody" }],
  });
  assert(!(vm.argv ?? []).some((arg) => arg.includes("tell-nobody")));
  const files = (await entries(vm.runDir ?? "")).filter((name) => name.includes("key"));
  assertEquals(files.length, 1);
  assertEquals(((await Deno.stat(`${vm.runDir}/${files[0]}`)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("shutdown() climbs: the power button where it is obeyed, then quit, and SIGKILL for a QEMU that is stopped", async () => {
  await withGuest(async (config) => {
    {
      await using vm = await launch(config);
      await vm.console?.expect("READY");
      await vm.console?.write("G");
      await vm.console?.expect("g");
      const { cause, rung } = await vm.shutdown();
      assertEquals([cause, rung], ["guest-shutdown", "powerdown"]);
    }
    {
      await using vm = await launch(config);
      await vm.console?.expect("READY");
      const { cause, rung } = await vm.shutdown({ powerdownMs: 50 });
      assertEquals([cause, rung], ["host-quit", "quit"]);
    }
    {
      await using vm = await launch(config);
      Deno.kill(vm.pid ?? 0, "SIGSTOP");
      const { cause, rung } = await vm.shutdown({ powerdownMs: 50, quitMs: 50, termMs: 50 });
      assertEquals([cause, rung], ["killed", "sigkill"]);
    }
  });
});

Deno.test("disposing ends QEMU within 5 s in any state", async () => {
  await withGuest(async (config) => {
    const states: readonly [string, (vm: Vm) => unknown][] = [
      ["running", () => {}],
      ["paused", (vm) => vm.pause()],
      ["stopped by a signal", (vm) => Deno.kill(vm.pid ?? 0, "SIGSTOP")],
      ["killed", (vm) => Deno.kill(vm.pid ?? 0, "SIGKILL")],
    ];
    for (const [name, bring] of states) {
      const vm = await launch(config);
      await bring(vm);
      const startedMs = performance.now();
      await vm[Symbol.asyncDispose]();
      await vm[Symbol.asyncDispose]();
      assertLess(performance.now() - startedMs, 5_000, name);
      assert(await isDead(vm.pid ?? 0), name);
    }
  });
});

Deno.test("attach() works on a QEMU started by hand, lets go without stopping it, and can't kill it", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const child = new Deno.Command("qemu-system-x86_64", {
    args: ["-machine", "none", "-display", "none", "-qmp", `tcp:127.0.0.1:${port},server,nowait`],
    stdin: "null",
    stderr: "null",
  }).spawn();
  const address = { transport: "tcp", host: "127.0.0.1", port } as const;
  {
    await using vm = await attach(address, { whileMissing: "retry" });
    assertEquals([vm.pid, vm.argv, vm.runDir, vm.console], [null, null, null, null]);
    await assertRejects(() => vm.kill(), TypeError, "attached");
    assertEquals((await vm.status()).running, true);
  }
  await using again = await attach(address);
  const verdict = await again.shutdown({ powerdownMs: 0 });
  assertEquals([verdict.cause, verdict.exit], ["host-quit", null]);
  assertEquals((await child.status).code, 0);
});

for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
  Deno.test(`a script that is ended by ${signal} leaves no QEMU behind`, async () => {
    const module = new URL("../../mod.ts", import.meta.url);
    const script = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(
      script,
      `import { launch } from ${JSON.stringify(module.href)};
       const vm = await launch({ machine: "none", accel: "tcg" });
       console.log(vm.pid);
       await vm.stopped;`,
    );
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", config, script],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.includes("\n")) said += (await reader.read()).value ?? "\n";
    const pid = Number(said);
    assert(!await isDead(pid), `${said} is no running process`);
    child.kill(signal);
    await child.status;
    await untilDead(pid);
    await reader.cancel();
    await Deno.remove(script);
  });
}

Deno.test("launch() works with the least permissions that the README names", async () => {
  const folder = await Deno.makeTempDir();
  const module = new URL("../../mod.ts", import.meta.url);
  const root = new URL("../../", import.meta.url).pathname;
  await Deno.writeTextFile(
    `${folder}/script.ts`,
    `import { launch } from ${JSON.stringify(module.href)};
     await using vm = await launch({ machine: "none", accel: "tcg" }, { runDir: "${folder}/web" });
     console.log((await vm.status()).status);`,
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      "--config",
      `${root}deno.json`,
      "--allow-run=qemu-system-x86_64",
    ]
      .concat(`--allow-read=${folder}`, `--allow-write=${folder}`, "--allow-net", `${folder}/script.ts`),
    stdin: "null",
  }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "running\n"], new TextDecoder().decode(stderr));
  await Deno.remove(folder, { recursive: true });
});
