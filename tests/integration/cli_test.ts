import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { QmpClient } from "../../src/qmp/mod.ts";
import { CliFolder, command, qeeper, reportsOf, type Running, start, untilGone } from "./_cli.ts";

const READY = "READY\n";

/** The process id that a run with `--json` has reported, once it has. */
async function qemuOf({ io, until }: Running): Promise<number> {
  await until(({ err }) => err.includes('"kind":"started"'));
  return Number(reportsOf(io).find(({ kind }) => kind === "started")?.pid);
}

Deno.test("qeeper run --restart on-failure starts the guest again after its panic, and ends with its power-off", async () => {
  await using folder = await CliFolder.make();
  const file = await folder.config(`{ // the demo's disk counts the guest's lives
    "name": "demo", "accel": "tcg", "memoryMiB": 16,
    "drives": [{ "file": "demo.img", "format": "raw", "interface": "ide" }],
  }`);
  const { code, stdout, stderr } = await command(["run", file, "--restart", "on-failure"]).output();
  const err = new TextDecoder().decode(stderr);
  assertEquals(code, 0, err);
  assertEquals(new TextDecoder().decode(stdout), "Hello from life 1\nHello from life 2\n");
  assertMatch(
    err,
    /event GUEST_PANICKED[^]*ended: guest-panic[^]*next: start[^]*ended: guest-shutdown[^]*leave it stopped/,
  );
});

Deno.test("qeeper run ends with the exit code of the guest's end", async (t) => {
  await using folder = await CliFolder.make();
  const cases: [what: string, code: number, cause: string, config: string, args: string[]][] = [
    ["a power-off", 0, "guest-shutdown", await folder.rom("off"), []],
    ["a panic", 126, "guest-panic", await folder.rom("panic"), []],
    [
      "a panic that QEMU holds",
      126,
      "guest-panic",
      await folder.rom("panic", { actions: { panic: "pause" } }),
      [],
    ],
    ["a triple fault", 126, "triple fault", await folder.rom("triple"), ["--", "-no-reboot"]],
    ["a command line that QEMU refuses", 125, "-bogus: invalid option", await folder.rom("off"), [
      "--",
      "-bogus",
    ]],
    ["a QEMU that is not there", 125, "install QEMU", await folder.rom("off", { arch: "nothing" }), []],
    ["the time limit", 124, "s are over", await folder.rom("print"), ["--timeout", "0.5"]],
    ["the restart limit", 123, "restart limit", await folder.rom("panic"), [
      "--restart",
      "on-failure",
      "--limit",
      "1/60",
    ]],
    ["a panic that is not to be restarted", 126, "guest-panic", await folder.rom("panic"), [
      "--restart",
      "on-abnormal",
    ]],
    ["a start that fails, supervised", 125, "launch-failed", await folder.rom("off"), [
      "--restart",
      "on-success",
      "--",
      "-bogus",
    ]],
    ["the time limit, supervised", 124, "s are over", await folder.rom("print"), [
      "--restart",
      "always",
      "--timeout",
      "0.5",
    ]],
  ];
  for (const [what, code, cause, config, args] of cases) {
    await t.step(`${what}: ${code}`, async () => {
      const run = await qeeper("run", config, ...args);
      assertEquals(run.code, code, run.err);
      assertStringIncludes(run.err, cause);
    });
  }
});

Deno.test("qeeper run ends with the guest's own code where the guest has isa-debug-exit", async () => {
  await using folder = await CliFolder.make();
  const { io, code } = start(["run", await folder.rom("unirom"), "--", "-device", "isa-debug-exit"]);
  io.type("Q\x10");
  assertEquals(await code, 33);
  assertEquals(io.out, READY);
});

Deno.test("qeeper run ends with 127 when QEMU is killed from outside", async () => {
  await using folder = await CliFolder.make();
  const run = start(["run", await folder.rom("print"), "--json"]);
  Deno.kill(await qemuOf(run), "SIGKILL");
  assertEquals(await run.code, 127);
  const { verdict } = reportsOf(run.io).at(-1) as { verdict: { cause: string } };
  assertEquals(verdict.cause, "killed");
});

Deno.test("qeeper run ends with 126 after a disk error, and with --hold keeps the guest until it is asked to end it", async (t) => {
  await using folder = await CliFolder.make();
  const file = await folder.config({
    name: "guest",
    accel: "tcg",
    memoryMiB: 16,
    drives: [{ file: "uni.img", format: "raw", interface: "floppy", readonly: true }],
    extraArgs: [
      "-blockdev",
      "driver=blkdebug,node-name=d0,inject-error.0.event=none,inject-error.0.iotype=write,inject-error.0.errno=28," +
      `inject-error.0.once=on,image.driver=file,image.filename=${folder.path}/disk.img`,
      "-device",
      "virtio-blk-pci,drive=d0,id=disk0",
    ],
  });
  for (const more of [[], ["--restart", "always"]]) {
    await t.step(`without --hold ${more.join(" ")}`, async () => {
      const { io, code, until } = start(["run", file, ...more]);
      await until(({ out }) => out.endsWith(READY));
      io.type("I"); // writes a sector
      assertEquals(await code, 126, io.err);
      assertStringIncludes(io.err, "io-error");
    });
    await t.step(`with --hold ${more.join(" ")}`, async () => {
      const { io, code, until } = start(["run", file, "--hold", ...more]);
      await until(({ out }) => out.endsWith(READY));
      io.type("I");
      await until(({ err }) => err.includes("QEMU holds the guest as it is"));
      assertEquals(io.err.includes("guest: ended: "), false);
      io.signal("SIGTERM");
      assertEquals(await code, 126, io.err);
    });
  }
});

Deno.test("qeeper run shows the console from its first byte", async () => {
  await using folder = await CliFolder.make();
  const file = await folder.rom("unirom");
  for (const more of [[], ["--restart", "on-failure"]]) {
    for (let life = 0; life < 5; life++) {
      const { io, code } = start(["run", file, ...more]);
      io.type("P");
      assertEquals(await code, 0, io.err);
      assertEquals(io.out, READY);
    }
  }
});

Deno.test("qeeper run passes bytes to and from the guest as they are", async () => {
  await using folder = await CliFolder.make();
  const { io, code, until } = start(["run", await folder.rom("unirom")]);
  io.type("a\x1b[31m\x00\x01x\x07b\r\n");
  io.endInput();
  await until(({ out }) => out.endsWith("b\r\n"));
  assertEquals(io.out, `${READY}a\x1b[31m\x00\x01x\x07b\r\n`);
  io.signal("SIGTERM");
  io.signal("SIGTERM");
  assertEquals(await code, 127);
});

Deno.test("qeeper run stops the guest by its power button at a signal, and kills it at the second one", async (t) => {
  await using folder = await CliFolder.make();
  const file = await folder.rom("unirom");
  for (const more of [[], ["--restart", "always"]]) {
    await t.step(`a guest that obeys ${more.join(" ")}`, async () => {
      const { io, code, until } = start(["run", file, ...more]);
      io.type("G"); // obey the power button from now on
      await until(({ out }) => out.endsWith("g"));
      io.signal("SIGTERM");
      assertEquals(await code, 0, io.err);
      assertMatch(io.err, /SIGTERM: the guest is being stopped[^]*event POWERDOWN[^]*ended: guest-shutdown/);
    });
    await t.step(`a guest that does not obey ${more.join(" ")}`, async () => {
      const { io, code, until } = start(["run", file, ...more]);
      await until(({ out }) => out.endsWith(READY));
      io.signal("SIGINT");
      await until(({ err }) => err.includes("event POWERDOWN"));
      io.signal("SIGINT");
      assertEquals(await code, 127, io.err);
      assertStringIncludes(io.err, "killed");
    });
    await t.step(`a guest that has no time to obey ${more.join(" ")}`, async () => {
      const { io, code, until } = start(["run", file, "--powerdown", "0", ...more]);
      await until(({ out }) => out.endsWith(READY));
      io.signal("SIGHUP");
      assertEquals(await code, 0, io.err);
      assertStringIncludes(io.err, "host-quit");
      assertEquals(io.err.includes("POWERDOWN"), false);
    });
    await t.step(`a guest that is still being started ${more.join(" ")}`, async () => {
      const { io, code, until } = start(["run", file, ...more]);
      await until(({ listeners }) => listeners > 0);
      io.signal("SIGINT");
      assertEquals(await code, 0, io.err);
    });
  }
});

Deno.test("qeeper run leaves no listener for signals, and no run directory", async () => {
  await using folder = await CliFolder.make();
  const run = start(["run", await folder.rom("off"), "--json"]);
  assertEquals(await run.code, 0);
  assertEquals(run.io.listeners, 0);
  const { runDir } = reportsOf(run.io).find(({ kind }) => kind === "run-directory") as { runDir: string };
  assertEquals(await Deno.stat(runDir).catch((error) => error.name), "NotFound");
});

Deno.test("qeeper run ends QEMU at SIGTERM, and takes it along when it is killed itself", async (t) => {
  await using folder = await CliFolder.make();
  const file = await folder.rom("print");
  for (const [signal, code] of [["SIGTERM", 0], ["SIGKILL", 137]] as const) {
    await t.step(signal, async () => {
      const child = command(["run", file, "--json", "--powerdown", "0"], { stdout: "null" }).spawn();
      const lines = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!/"pid":\d+/.test(text)) {
        const { value, done } = await lines.read();
        assert(!done, text);
        text += value;
      }
      const pid = Number(/"pid":(\d+)/.exec(text)?.[1]);
      child.kill(signal);
      while (!(await lines.read()).done);
      assertEquals((await child.status).code, code);
      assert(await untilGone(pid), "QEMU is gone");
    });
  }
});

Deno.test("qeeper run --paused waits for cont on a monitor of the config's own, which is free", async () => {
  await using folder = await CliFolder.make();
  const run = start([
    "run",
    await folder.rom("unirom", { monitors: [{ id: "mine" }] }),
    "--paused",
    "--json",
  ]);
  await run.until(({ err }) => err.includes("The guest is paused"));
  const { runDir } = reportsOf(run.io).find(({ kind }) => kind === "run-directory") as { runDir: string };
  await using client = await QmpClient.connect({ transport: "unix", path: `${runDir}/mine.mon` });
  assertEquals(await client.execute("query-status").then(({ status }) => status), "prelaunch");
  assertEquals(run.io.out, "");
  await client.execute("cont");
  await run.until(({ out }) => out === READY);
  run.io.type("P");
  assertEquals(await run.code, 0);
});

Deno.test("qeeper run --json reports in lines of JSON, supervised or not", async () => {
  await using folder = await CliFolder.make();
  const file = await folder.rom("off", { networks: [{ type: "user", forward: [{ guest: 22 }] }] });
  for (const more of [[], ["--restart", "on-failure"]]) {
    const run = start(["run", file, "--json", ...more]);
    assertEquals(await run.code, 0);
    const reports = reportsOf(run.io);
    const kinds = reports.map(({ kind }) => kind);
    for (const kind of ["started", "event", "ended"]) assert(kinds.includes(kind), `${kind} of ${kinds}`);
    for (const { at, vm } of reports) {
      assertEquals([Number.isNaN(Date.parse(String(at))), vm], [false, "guest"]);
    }
    const { verdict } = reports.find(({ kind }) => kind === "ended") as { verdict: Record<string, unknown> };
    assertEquals([verdict.cause, verdict.exit], ["guest-shutdown", { code: 0, signal: null }]);
  }
});

Deno.test("qeeper run says where forwarded ports are", async () => {
  await using folder = await CliFolder.make();
  const file = await folder.rom("unirom", { networks: [{ type: "user", forward: [{ guest: 22 }] }] });
  const { io, code, until } = start(["run", file]);
  await until(({ err }) => err.includes("leads to"));
  assertMatch(io.err, /tcp port 127\.0\.0\.1:\d+ leads to the guest's port 22\n/);
  io.type("P");
  assertEquals(await code, 0);
});

Deno.test("qeeper run --no-console neither shows the console nor reads stdin", async () => {
  await using folder = await CliFolder.make();
  const { io, code } = start(["run", await folder.rom("unirom"), "--no-console", "--timeout", "0.5"], {
    stdin: true,
  });
  io.type("P");
  assertEquals(await code, 124);
  assertEquals([io.out, io.rawDepth], ["", 0]);
});

Deno.test("qeeper run refuses a wrong config with 2, says where it is wrong, and starts nothing", async () => {
  await using folder = await CliFolder.make();
  const cases: [config: string, message: RegExp][] = [
    ['{ "memory": 16 }', /:1:3: memory: unknown key, did you mean "memoryMiB"\?\n$/],
    ['{ "cpus": "two" }', /:1:3: cpus: expected .*, found "two"\n$/],
    [
      '{\n "drives": [{ "file": "gone.img" }] }',
      /:2:15: drives\[0\]\.file: there is no file \/.*\/gone\.img\n$/,
    ],
    ['{ "name": }', /:1:11: not valid JSON with comments: unexpected token "}"\n$/],
  ];
  for (const [config, message] of cases) {
    const file = await folder.config(config);
    for (const more of [[], ["--restart", "always"]]) {
      const { code, out, err } = await qeeper("run", file, ...more);
      assertEquals([code, out], [2, ""]);
      assertMatch(err, message);
      assertEquals(err.split("\n").length, 2);
    }
  }
});

Deno.test("qeeper run thins out a flood of resets", async () => {
  await using folder = await CliFolder.make();
  const { code, err } = await qeeper("run", await folder.rom("triple"), "--timeout", "4");
  assertEquals(code, 124);
  assertMatch(err, /event RESET .*\n/);
  assertMatch(err, /guest-reset\b.* \((?:and )?\d+ times (?:before|more)\)\n/);
  assert(err.split("\n").length < 40, err);
});
