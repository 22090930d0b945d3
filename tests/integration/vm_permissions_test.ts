// Which permissions a script needs to launch, and what goes without the others.
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { launch, runRoot } from "../../mod.ts";
import { silentLogger } from "../../src/qmp/mod.ts";
import { StartLine } from "../../src/vm/start_line.ts";
import { type Launched, leastFlags, Script, untilDead } from "./_script.ts";
import { processesWith, VmHost } from "./_vm_host.ts";

Deno.test("a script without --allow-run=setpriv takes its QEMU with it wherever it gets to run something", async (t) => {
  await using host = await VmHost.make();
  const ways: { how: string; signal?: Deno.Signal; code: number; stderr: RegExp }[] = [
    { how: "exit", code: 3, stderr: /^$/ },
    { how: "throw", code: 1, stderr: /nobody catches this/ },
    { how: "reject", code: 1, stderr: /nobody awaits this/ },
    // It may not send itself the signal, so it ends by the exit code that shells give.
    { how: "wait", signal: "SIGTERM", code: 143, stderr: /^$/ },
    { how: "wait", signal: "SIGINT", code: 130, stderr: /^$/ },
    { how: "wait for a reply", signal: "SIGINT", code: 130, stderr: /^$/ },
  ];
  for (const [index, { how, signal, code, stderr }] of ways.entries()) {
    await t.step(signal ? `${how}, ${signal}` : how, async () => {
      const runDir = `${host.dir}/run${index}`;
      await using script = new Script(host, how, { runDir, flags: leastFlags(host.dir) });
      const launched = await script.said() as Launched[];
      if (signal) script.kill(signal);
      const end = await script.end();
      assertEquals(end.code, code, end.stderr);
      assertMatch(end.stderr, stderr);
      await untilDead(launched);
      const left = (await Array.fromAsync(Deno.readDir(runDir))).map(({ name }) => name);
      assertEquals(
        left.filter((name) => !name.endsWith(".log")),
        [],
        "only the logs of a named directory stay",
      );
    });
  }
});

Deno.test("a script launches with no more permissions than its run directory, its sockets and QEMU", async (t) => {
  await using host = await VmHost.make();
  const runDir = (name: string) => `${host.dir}/${name}`;
  const sockets = (name: string) =>
    ["control", "watch", "console"].map((socket) => `unix:${runDir(name)}/${socket}`).join();
  const cases: [string, string, string[]][] = [
    ["a", "as the README says", leastFlags(host.dir)],
    ["b", "each socket by itself", [
      "--allow-run=qemu-system-x86_64",
      `--allow-read=${runDir("b")}`,
      `--allow-write=${runDir("b")}`,
      `--allow-net=${sockets("b")}`,
    ]],
    ["c", "and setpriv", ["--allow-run=qemu-system-x86_64,setpriv", ...leastFlags(host.dir).slice(1)]],
    ["d", "and setpriv, each socket by itself", [
      "--allow-run=qemu-system-x86_64,setpriv",
      `--allow-read=${runDir("d")}`,
      `--allow-write=${runDir("d")}`,
      `--allow-net=${sockets("d")}`,
    ]],
  ];
  for (const [name, title, flags] of cases) {
    await t.step(title, async () => {
      await using script = new Script(host, "exit", { runDir: runDir(name), flags });
      const launched = await script.said() as Launched[];
      const { code, stderr } = await script.end();
      assertEquals([code, stderr], [3, ""]);
      await untilDead(launched);
    });
  }
});

Deno.test("a script without a permission is told which, and leaves no QEMU behind", async (t) => {
  await using host = await VmHost.make();
  const all = leastFlags(host.dir);
  const cases: [string, RegExp][] = [
    ["--allow-run", /NotCapable: Requires run access to "qemu-system-x86_64"/],
    ["--allow-write", /NotCapable: Requires write access to ".*\/run-write"/],
    ["--allow-net", /NotCapable: Requires net access to "unix:.*\/console"/],
  ];
  for (const [flag, message] of cases) {
    await t.step(flag, async () => {
      const runDir = `${host.dir}/run-${flag.slice("--allow-".length)}`;
      const flags = all.filter((one) => !one.startsWith(flag));
      await using script = new Script(host, "wait", { runDir, flags });
      const { code, stderr } = await script.end();
      assertEquals(code, 1);
      assertMatch(stderr, message);
      // The directory was made, and removed again with all that was in it.
      const left = await Array.fromAsync(Deno.readDir(host.dir));
      assertEquals(left.filter(({ name }) => name.startsWith("run-")), []);
      assertEquals(await processesWith(host.rom), []);
    });
  }
});

Deno.test({
  name:
    "launch() without --allow-write names the run root, which can be allowed, and not a directory of chance",
  permissions: { env: true, read: true, run: true, net: true, sys: true },
  fn: async () => {
    const { message } = await assertRejects(
      () => runRoot(),
      Deno.errors.NotCapable,
      "Requires write access to",
    );
    await assertRejects(() => launch({ machine: "none", accel: "tcg" }), Deno.errors.NotCapable, message);
  },
});

Deno.test({
  name:
    "StartLine.open() does without its socket where that one is not allowed, asks for nothing, and says so",
  permissions: { net: ["unix:/run/vm/control"], read: true, write: true },
  fn() {
    const said: unknown[] = [];
    const warn = (message: string, properties?: unknown) => said.push([message, properties]);
    assertEquals(StartLine.open("setpriv", "/run/vm/tie", { ...silentLogger, warn }), null);
    assertEquals(said, [[
      "Without --allow-net for this socket QEMU can't report while it starts: it outlives this process if that is killed with SIGKILL at the very moment of the launch, and of a thousand launches on a busy host one or two may hang",
      { socket: "/run/vm/tie" },
    ]]);
  },
});
