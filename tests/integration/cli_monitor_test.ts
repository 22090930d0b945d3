import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { QmpClient } from "../../src/qmp/mod.ts";
import { command, qeeper, start } from "./_cli.ts";
import { killIfThere } from "./_kill_if_there.ts";
import { tellsItsStart, untilStarted } from "./_started.ts";

/** A QEMU that was started by hand, with a QMP monitor on a unix socket and one on TCP. */
class HandStarted implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #dir: string;
  readonly unix: string;
  readonly tcp: string;

  private constructor(child: Deno.ChildProcess, dir: string, port: string) {
    this.#child = child;
    this.#dir = dir;
    this.unix = `unix:${dir}/qmp`;
    this.tcp = `127.0.0.1:${port}`;
  }

  static async start(args: readonly string[] = []): Promise<HandStarted> {
    const dir = await Deno.makeTempDir({ prefix: "qeeper-hand-" });
    await Deno.writeFile(`${dir}/disk.img`, new Uint8Array(1024 * 1024));
    const child = new Deno.Command("qemu-system-x86_64", {
      args: [
        ...[
          "-accel",
          "tcg",
          "-display",
          "none",
          "-nodefaults",
          "-S",
          "-m",
          "64",
          "-smp",
          "2",
          "-name",
          "by hand",
        ],
        ...tellsItsStart(dir),
        ...["-qmp", `unix:${dir}/qmp,server=on,wait=off`, "-qmp", "tcp:127.0.0.1:0,server=on,wait=off"],
        ...args.map((arg) => arg.replaceAll("{dir}", dir)),
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await untilStarted(dir, child);
    const address = { transport: "unix", path: `${dir}/qmp` } as const;
    await using client = await QmpClient.connect(address, { timeoutMs: 20_000 });
    const chardevs = await client.execute("query-chardev");
    const port = chardevs.map(({ filename }) => /tcp:127\.0\.0\.1:(\d+)/.exec(filename)?.[1]).find((one) =>
      one
    );
    return new HandStarted(child, dir, port ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfThere(this.#child, "SIGKILL");
    await this.#child.status;
    await Deno.remove(this.#dir, { recursive: true });
  }
}

Deno.test("qeeper qmp runs a command over unix and TCP, and prints what it returns as JSON", async () => {
  await using qemu = await HandStarted.start();
  for (const address of [qemu.unix, qemu.unix.slice("unix:".length), qemu.tcp, `tcp:${qemu.tcp}`]) {
    const { code, out, err } = await qeeper("qmp", address, "query-status");
    assertEquals([code, err], [0, ""], address);
    assertEquals(JSON.parse(out).status, "prelaunch");
  }
  const { out } = await qeeper("qmp", qemu.unix, "qom-get", '{"path": "/machine", "property": "type"}');
  assertMatch(out, /^"pc-.*-machine"\n$/);
});

Deno.test("qeeper qmp exits with 1 and QEMU's words when QEMU says no", async () => {
  await using qemu = await HandStarted.start();
  assertEquals(await qeeper("qmp", qemu.unix, "no-such-command"), {
    code: 1,
    out: "",
    err:
      'qeeper: Command "no-such-command" failed: The command no-such-command has not been found (CommandNotFound)\n',
  });
});

Deno.test("qeeper qmp loses no digit of a 64-bit integer", async () => {
  const digits = "9007199254740993"; // 2^53 + 1, which no number can hold
  await using qemu = await HandStarted.start(["-object", "iothread,id=io1"]);
  const property = '"path": "/objects/io1", "property": "poll-max-ns"';
  assertEquals((await qeeper("qmp", qemu.unix, "qom-set", `{${property}, "value": ${digits}}`)).out, "{}\n");
  assertEquals((await qeeper("qmp", qemu.unix, "qom-get", `{${property}}`)).out, `${digits}\n`);
});

Deno.test("qeeper qmp exits with 2 for a wrong form, without connecting", async () => {
  const cases: [string[], string][] = [
    [["4444", "query-status"], "localhost:4444"],
    [["/nowhere", "a", "[]"], "as a JSON object"],
    [["/nowhere", "a", "{"], "Malformed JSON"],
    [["/nowhere", "a", "{}", "b"], 'Unexpected argument "b"'],
    [["/nowhere", "a", "b=1", "c"], 'Expected key=value, found "c"'],
    [["/nowhere", '{"execute": 5}'], 'Expected {"execute"'],
    [["/nowhere", '{"execute": "a"}', "b"], 'Unexpected argument "b"'],
    [["/nowhere", "a", "--hmp", "b"], "exclude each other"],
    [["/nowhere", "a", "--pipe"], "exclude each other"],
    [["/nowhere", "--transcript", "/nowhere/file"], 'cannot open "/nowhere/file"'],
    [["/nowhere", "--events", "--hmp", "b"], "exclude each other"],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await qeeper("qmp", ...args);
    assertEquals([code, out], [2, ""], args.join(" "));
    assertStringIncludes(err, message);
  }
});

Deno.test("qeeper qmp and info exit with 1 when nobody listens, or another client has the monitor", async () => {
  await using qemu = await HandStarted.start();
  for (const name of ["qmp", "info"]) {
    const nobody = await qeeper(name, "/nowhere/qmp");
    assertEquals([nobody.code, nobody.out], [1, ""]);
    assertStringIncludes(nobody.err, "Cannot connect to the monitor at unix:/nowhere/qmp");
  }
  const path = qemu.unix.slice("unix:".length);
  await using _other = await QmpClient.connect({ transport: "unix", path });
  const busy = await qeeper("qmp", qemu.unix, "query-status", "--timeout", "1");
  assertEquals(busy.code, 1);
  assertStringIncludes(busy.err, "another client probably has it");
});

Deno.test("qeeper qmp --hmp prints the human monitor's text", async () => {
  await using qemu = await HandStarted.start();
  const { code, out } = await qeeper("qmp", qemu.unix, "--hmp", "info status");
  assertEquals([code, out], [0, "VM status: paused (prelaunch)\n"]);
});

Deno.test("qeeper qmp is a shell: lines in, replies and events out in QEMU's order", async () => {
  await using qemu = await HandStarted.start();
  const { io, code } = start(["qmp", qemu.unix]);
  io.type('query-status\n\n{"execute": "cont"}\nstop {}\nhmp info name\nno-such\nstop [\n');
  io.endInput();
  assertEquals(await code, 1, "a command failed");
  const lines = io.out.split("\n").slice(0, -1);
  const kinds = lines.map((line) =>
    line.startsWith("{") ? Object.keys(JSON.parse(line)).find((key) => key !== "timestamp") : line
  );
  assertEquals(kinds, ["return", "event", "return", "event", "return", "by hand", "error", "error"]);
  assertEquals(JSON.parse(lines[1] ?? "").event, "RESUME");
  assertEquals(JSON.parse(lines[3] ?? "").event, "STOP");
  assertEquals(JSON.parse(lines[6] ?? "").error.class, "CommandNotFound");
  assertEquals(io.err, "");
});

Deno.test("qeeper qmp --events prints events of these names until a signal", async () => {
  await using qemu = await HandStarted.start();
  const { io, code, until } = start(["qmp", qemu.unix, "--events", "RESUME", "NO_SUCH"]);
  await until(({ listeners }) => listeners > 0);
  for (const name of ["cont", "stop", "cont"]) assertEquals((await qeeper("qmp", qemu.tcp, name)).code, 0);
  await until(({ out }) => out.split("\n").length === 3);
  io.signal("SIGINT");
  assertEquals(await code, 0);
  assertEquals(io.out.split("\n").slice(0, -1).map((line) => JSON.parse(line).event), ["RESUME", "RESUME"]);
  assertEquals(io.listeners, 0);
});

Deno.test("qeeper qmp --events prints all events, and ends with QEMU", async () => {
  await using qemu = await HandStarted.start();
  const { io, code, until } = start(["qmp", qemu.unix, "--events"]);
  await until(({ listeners }) => listeners > 0);
  await qeeper("qmp", qemu.tcp, "quit");
  assertEquals(await code, 0);
  const { event, data } = JSON.parse(io.out);
  assertEquals([event, data.reason], ["SHUTDOWN", "host-qmp-quit"]);
});

Deno.test("qeeper info says what a QEMU is and has, as text and as JSON", async () => {
  const uuid = "12345678-1234-1234-1234-123456789abc";
  await using qemu = await HandStarted.start([
    ...["-uuid", uuid, "-device", "virtio-balloon", "-vnc", "unix:{dir}/vnc"],
    ...["-drive", "file={dir}/disk.img,format=raw,if=virtio,id=d0"],
    ...["-nic", "user,id=n0,model=e1000,hostfwd=tcp:127.0.0.1:0-:22"],
  ]);
  const { code, out, err } = await qeeper("info", qemu.tcp, "--json");
  assertEquals([code, err], [0, ""]);
  const facts = JSON.parse(out);
  assertEquals(
    [facts.name, facts.uuid, facts.target, facts.status, facts.accelerator, facts.cpus],
    ["by hand", uuid, "x86_64", "prelaunch", "tcg", 2],
  );
  assertEquals([facts.memoryBytes, facts.balloonBytes], [64 * 1024 ** 2, 64 * 1024 ** 2]);
  assertMatch(facts.version, /^\d+\.\d+\.\d+$/);
  assertMatch(facts.machine, /^pc-/);
  assertEquals(facts.block[0].device, "d0");
  assertEquals([facts.block[0].format, facts.block[0].sizeBytes, facts.block[0].ioStatus], [
    "raw",
    1024 * 1024,
    "ok",
  ]);
  assert(facts.chardevs.some(({ filename }: { filename: string }) => filename.includes("unix:")));
  assertEquals(facts.networks.map(({ type }: { type: string }) => type), ["nic", "user"]);
  assertEquals([facts.forwards[0].protocol, facts.forwards[0].guestPort], ["tcp", 22]);
  assertEquals(facts.notes, []);

  const text = await qeeper("info", qemu.unix);
  assertEquals(text.code, 0);
  assertMatch(text.out, /^name +by hand\nuuid +12345678-/);
  assertMatch(text.out, /^memory +64 MiB$/m);
  assertMatch(text.out, /^Block devices:\n {2}d0 +raw +1 MiB +ok +\/.*disk\.img$/m);
  assertMatch(text.out, /^Port forwards:\n {2}tcp +127\.0\.0\.1:\d+ +.*:22$/m);
});

Deno.test("qeeper info leaves out what a QEMU can't say, with a note", async () => {
  await using qemu = await HandStarted.start(["-compat", "unstable-input=reject"]);
  const { code, out } = await qeeper("info", qemu.unix, "--json");
  assertEquals(code, 0);
  const facts = JSON.parse(out);
  assertEquals(facts.balloonBytes, null);
  assertEquals(facts.notes, ["query-balloon: No balloon device has been activated"]);
  assertMatch(
    (await qeeper("info", qemu.unix)).out,
    /^Notes:\n {2}query-balloon: No balloon device has been activated$/m,
  );
});

Deno.test("qeeper doctor finds this machine's QEMU, and says which accelerator works and why", async () => {
  const { code, out, err } = await qeeper("doctor", "--json");
  assertEquals([code, err], [0, ""]);
  const report = JSON.parse(out);
  assertEquals(report.usable, true);
  const qemu = report.qemu.find(({ binary }: { binary: string }) => binary === "qemu-system-x86_64");
  assertEquals([qemu.works, qemu.problem, qemu.arch], [true, null, "x86_64"]);
  assertMatch(qemu.version, /^\d+\.\d+/);
  assert(qemu.builtIn.includes("tcg"));
  assert(["kvm", "hvf", "tcg"].includes(qemu.accelerator));
  assert(qemu.reason.length > 0);
  assertEquals(report.kvm.usable, qemu.accelerator === "kvm");
  assert(report.runDirectory.fits);
  assertEquals(report.deno.version, Deno.version.deno);

  const text = (await qeeper("doctor")).out;
  assertMatch(text, /^ {2}qemu-system-x86_64 +\d+\.\d+.* works \(\d+ ms\)/m);
  assertStringIncludes(text, "This machine can run guests.");
});

Deno.test("qeeper doctor tells of a program that is only called like a QEMU, and holds out no longer than it takes to ask it", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const script = (text: string) => ({ mode: 0o755, text: `#!/bin/sh\n${text}\n` });
    for (
      const [name, { text, mode }] of Object.entries({
        hangs: script("exec sleep 1000"),
        jokes: script("echo ha"),
      })
    ) {
      await Deno.writeTextFile(`${dir}/qemu-system-${name}`, text, { mode });
    }
    const startMs = performance.now();
    const { stdout } = await command(["doctor", "--json"], { env: { PATH: `${dir}:/bin`, NO_COLOR: "1" } })
      .output();
    assert(performance.now() - startMs < 30_000);
    const { qemu } = JSON.parse(new TextDecoder().decode(stdout));
    const problems = qemu.filter(({ path }: { path: string }) => path.startsWith(dir))
      .map(({ binary, works, problem }: Record<string, unknown>) => `${binary} ${works}: ${problem}`);
    assertEquals(problems.toSorted(), [
      "qemu-system-hangs false: It does not tell its version: --version could not be run, or did not end",
      'qemu-system-jokes false: It does not tell its version: --version ended with exit code 0 and said "ha"',
    ]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("qeeper doctor exits with 1 where there is no QEMU, and says what to install", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const empty = { env: { PATH: dir, NO_COLOR: "1" } };
    const { code, stdout } = await command(["doctor"], empty).output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 1, text);
    assertMatch(text, /apt-get install qemu-system-x86/);
    assertStringIncludes(text, "This machine can run nothing yet.");
    const json = await command(["doctor", "--json"], empty).output();
    assertEquals(json.code, 1);
    const { usable, qemu, advice } = JSON.parse(new TextDecoder().decode(json.stdout));
    assertEquals([usable, qemu], [false, []]);
    assert(advice.length > 0);
  } finally {
    await Deno.remove(dir);
  }
});

Deno.test("qeeper doctor says of what it may not look at that it could not, and does not advise to install it", async () => {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const { code, stdout } = await command([], {
    args: ["run", "--no-prompt", "--allow-env=NO_COLOR", main, "doctor"],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 1, text);
  assertMatch(text, /^ {2}not looked for: see permissions$/m);
  assertMatch(text, /^ {2}setpriv +not looked at$/m);
  assertStringIncludes(text, "Not all could be looked at: run with --allow-all");
  assertStringIncludes(text, "What this machine can run could not be seen.");
  assertEquals(/Install|missing$/m.test(text), false, text);
});
