// Launches that fail: what goes wrong, and how it is told.
import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { ConfigError, launch, LaunchError, type MonitorAddress, type VmConfig } from "../../mod.ts";
import { silentLogger } from "../../src/qmp/mod.ts";
import { processesWith, qmpOf, soon, VmHost } from "./_vm_host.ts";

Deno.test("launch() tells in QEMU's own words why it ended early, and leaves nothing behind", async (t) => {
  await using host = await VmHost.make();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken: MonitorAddress = { transport: "tcp", host: "127.0.0.1", port: listener.addr.port };
  const cases: [string, VmConfig, RegExp][] = [
    ["a bad machine", { machine: "abacus" }, /unsupported machine type.*List what this QEMU has/s],
    [
      "a bad device",
      { extraArgs: ["-device", "abacus"] },
      /'abacus' is not a valid device model name.*-device help/s,
    ],
    ["a bad CPU", { cpu: "abacus" }, /unable to find CPU model 'abacus'/],
    ["a bad option", { extraArgs: ["-abacus"] }, /-abacus: invalid option.*too old for the option.*install/s],
    [
      "a bad part of an option",
      { extraArgs: ["-rtc", "abacus=1"] },
      /Invalid parameter 'abacus'.*too old for the option.*install/s,
    ],
    [
      "no room for its memory",
      { memoryMiB: 64_000_000 },
      /annot (allocate|set up guest) memory.*too little memory/s,
    ],
    ["a port that is taken", { monitors: [{ id: "tcp", address: taken }] }, /Address already in use/],
    [
      "a program of its own",
      { binary: "/bin/false" },
      /QEMU ended before it was ready \(exit code 1\); it said nothing/,
    ],
  ];
  for (const [name, config, message] of cases) {
    await t.step(name, async () => {
      const error = await assertRejects(
        () => soon(launch(host.config({ name: "web", ...config }))),
        LaunchError,
      );
      assertMatch(
        error.message,
        /^Cannot start VM "web": QEMU ended before it was ready \((exit code|signal)/,
      );
      assertMatch(error.message, message);
      assert(error.exit !== null && error.argv.includes("guest=web"));
      assertEquals(await host.runDirs(), []);
    });
  }
});

Deno.test("launch() for an incoming stream is ready before the stream; `stopped` tells in QEMU's own words what is wrong with it", async () => {
  await using host = await VmHost.make();
  const path = `${host.dir}/incoming`;
  await using vm = await launch(host.config({ incoming: `unix:${path}` }));
  assertEquals((await vm.status()).status, "inmigrate");
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode("abacus"));
  const { cause, exit, stderrTail } = await soon(vm.stopped);
  assertEquals([cause, exit], ["crashed", { code: 1, signal: null }]);
  assertMatch(stderrTail, /[Nn]ot a migration stream/);
});

Deno.test("launch() of a program that says what no QEMU says tells what that was, and ends it", async (t) => {
  await using host = await VmHost.make();
  const stub = new URL("_no_qemu.ts", import.meta.url).pathname;
  const cases: [string, string, RegExp][] = [
    ["no JSON", "SSH-2.0-OpenSSH_9.2\r\n", /: .*SSH-2\.0/],
    ["no greeting", '{"return": {}}\r\n', /A reply has no id$/],
    ["invalid UTF-8", '{"QMP": "\\xff"}\r\n', /UTF-8/],
  ];
  for (const [name, words, message] of cases) {
    await t.step(name, async () => {
      const binary = `${host.dir}/qemu-system-x86_64`;
      const script =
        `#!/bin/sh\nexec '${Deno.execPath()}' run -A --no-check --quiet '${stub}' '${words}' "$@"\n`;
      await Deno.writeTextFile(binary, script, { mode: 0o755 });
      const error = await assertRejects(() => soon(launch(host.config({ binary }))), LaunchError);
      assertMatch(error.message, /^Cannot start VM "vm": QEMU runs and did not become ready: /);
      assertMatch(error.message, message);
      assertEquals(await processesWith(stub), []);
      assertEquals(await host.runDirs(), []);
    });
  }
});

Deno.test("launch() does without a sandbox where QEMU was built without, and says so; where it is asked for, its lack is an error", async () => {
  await using host = await VmHost.make();
  const binary = `${host.dir}/qemu-system-x86_64`;
  const script =
    '#!/bin/sh\ncase "$*" in *-sandbox*) echo "$0: -sandbox on: There is no option group" >&2; exit 1;; esac\n' +
    'exec qemu-system-x86_64 "$@"\n';
  await Deno.writeTextFile(binary, script, { mode: 0o755 });
  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => warned.push(message) };
  for (const lifetime of [{ kind: "owned" }, { kind: "detached", stderrFile: `${host.dir}/said` }] as const) {
    await using vm = await launch(host.config({ binary }), { logger, lifetime });
    assertEquals((await vm.status()).running, true);
    assert(!vm.argv?.includes("-sandbox"));
  }
  assertEquals(warned, Array(2).fill("This QEMU has no sandbox; starting without it"));
  await assertRejects(
    () => launch(host.config({ binary, sandbox: true })),
    LaunchError,
    "There is no option group",
  );
});

Deno.test("launch() that fails closes the pipes of a monitor on stdio, whether anybody came to use them or not", async () => {
  await using host = await VmHost.make();
  const config = host.config({ monitors: [{ id: "mine", address: { transport: "stdio" } }] });
  const stderrFile = `${host.dir}/said`;
  for (const lifetime of [{ kind: "owned" }, { kind: "detached", stderrFile }] as const) {
    await assertRejects(() => launch({ ...config, extraArgs: ["--abacus"] }, { lifetime }), LaunchError);
    await assertRejects(() => launch({ ...config, cpu: "abacus" }, { lifetime }), LaunchError);
    // A launch may be quicker than who looks for it: then another one is given up.
    for (let happened = "launched"; happened === "launched";) {
      const given = new AbortController();
      const reason = new Error("given up");
      const outcome = launch(config, { lifetime, signal: given.signal }).then(async (vm) => {
        await vm.kill();
        await vm[Symbol.asyncDispose]();
        return "launched";
      }, (error) => error === reason ? "given up" : Promise.reject(error));
      while ((await processesWith(host.rom)).length === 0);
      given.abort(reason);
      happened = await outcome;
    }
  }
  // The sanitizers see whatever is still open.
});

Deno.test("launch() tells of an early death within 100 ms of it", async () => {
  await using host = await VmHost.make();
  // A QEMU that notes when it is about to end, as near to it as a program can.
  const binary = `${host.dir}/qemu-system-x86_64`;
  const script = '#!/bin/sh\nqemu-system-x86_64 "$@"\ncode=$?\ndate +%s%N >"$DEATH"\nexit $code\n';
  await Deno.writeTextFile(binary, script.replace("$DEATH", `${host.dir}/death`), { mode: 0o755 });
  const delays: number[] = [];
  for (const config of [{ machine: "abacus" }, { extraArgs: ["-device", "abacus"] }, { cpu: "abacus" }]) {
    for (let round = 0; round < 3; round++) {
      await assertRejects(() => launch(host.config({ binary, ...config })), LaunchError, "QEMU ended before");
      delays.push(Date.now() - Number(await Deno.readTextFile(`${host.dir}/death`)) / 1e6);
    }
  }
  // Nine tries: a busy host may hold up some of them, but not half.
  const median = delays.toSorted((a, b) => a - b)[4] ?? Infinity;
  assertLess(median, 100, `${delays.map(Math.round)} ms`);
});

Deno.test("launch() tells of a binary that is missing or can't be executed, and what to do", async (t) => {
  await using host = await VmHost.make();
  const plain = `${host.dir}/qemu-plain`;
  await Deno.writeTextFile(plain, "no program", { mode: 0o644 });
  const stderrFile = `${host.dir}/stderr.log`;
  for (const lifetime of [{ kind: "owned" }, { kind: "detached", stderrFile }] as const) {
    const cases: [string, string, RegExp][] = [
      [
        "missing",
        "qemu-system-abacus",
        /there is no qemu-system-abacus on this machine; install QEMU \(Debian: apt-get/,
      ],
      ["missing, by its path", "/nowhere/qemu", /there is no \/nowhere\/qemu on this machine; install QEMU/],
      ["not executable", plain, /qemu-plain can't be executed \(Permission denied.*\); make it executable/],
      ["a directory", host.dir, /can't be executed \(Permission denied.*\); make it executable/],
    ];
    for (const [name, binary, message] of cases) {
      await t.step(`${name}, ${lifetime.kind}`, async () => {
        const options = { lifetime };
        const error = await assertRejects(
          () => launch({ accel: "tcg", binary, arch: "x86_64" }, options),
          LaunchError,
        );
        assertMatch(error.message, message);
        assertEquals(error.exit, null, "QEMU never ran");
        assertEquals(await host.runDirs(), []);
        await Deno.remove(stderrFile).catch(() => {});
      });
    }
  }
});

Deno.test("launch() refuses a wrong config by its place, before anything is made", async (t) => {
  await using host = await VmHost.make();
  await Deno.writeTextFile(`${host.dir}/precious`, "data");
  const cases: [string, VmConfig, RegExp][] = [
    [
      "a missing file",
      { drives: [{ file: "/nowhere/a.img", format: "raw" }] },
      /drives\[0\]\.file: there is no file \/nowhere/,
    ],
    ["two missing files", { kernel: "/no/k", initrd: "/no/i" }, /2 problems\n- kernel: .*\n- initrd: /],
    ["an unknown key", { memory: 1 } as VmConfig, /memory: unknown key, did you mean "memoryMiB"\?$/],
    [
      "a wrong type",
      { cpus: "two" } as unknown as VmConfig,
      /cpus: expected a number of CPUs.*, found "two"$/,
    ],
    [
      "a file in a socket's place",
      { monitors: [{ id: "a", address: { transport: "unix", path: `${host.dir}/precious` } }] },
      /monitors\[0\]\.address\.path: expected a socket that nobody uses, found .*precious, which is no socket/,
    ],
    [
      "a VNC socket's place",
      { display: { vnc: `${host.dir}/precious` } },
      /display\.vnc: .*which is no socket/,
    ],
    [
      "a socket's path too long",
      { monitors: [{ id: "a".repeat(90) }] },
      /monitors\[0\]\.id: expected .*, found /,
    ],
  ];
  for (const [name, config, message] of cases) {
    await t.step(name, async () => {
      const error = await assertRejects(() => launch(host.config(config)), ConfigError);
      assertMatch(error.message, message);
      assertEquals(await host.runDirs(), []);
    });
  }
  assertEquals(await Deno.readTextFile(`${host.dir}/precious`), "data");
});

Deno.test("launch() refuses a socket on which another QEMU listens, and takes one that a dead QEMU left", async () => {
  await using host = await VmHost.make();
  const path = `${host.dir}/fixed`;
  const config = host.config({ monitors: [{ id: "fixed", address: { transport: "unix", path } }] });
  {
    await using first = await launch(config);
    const error = await assertRejects(() => launch(config), ConfigError);
    assertMatch(
      error.message,
      /monitors\[0\]\.address\.path: .* found .*\/fixed, on which somebody listens$/,
    );
    assertEquals((await qmpOf(first, "fixed").execute("query-status")).running, true);
    await first.kill(); // which leaves the socket
    assertEquals((await Deno.lstat(path)).isSocket, true);
  }
  await using again = await launch(config);
  assertEquals((await qmpOf(again, "fixed").execute("query-status")).running, true);
});

Deno.test("launch() refuses stop budgets that are no times before anything is started", async () => {
  await using host = await VmHost.make();
  await assertRejects(() => launch(host.config(), { stop: { quitMs: -1 } }), RangeError, "'quitMs'");
  assertEquals(await host.runDirs(), []);
});
