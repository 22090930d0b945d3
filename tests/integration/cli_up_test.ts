// `qeeper up` on real QEMU: order, signals, exit codes, and what is wrong in a group's file.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { MemoryIo } from "../unit/cli/_memory_io.ts";
import { CliFolder, qeeper, reportsOf, start, untilGone } from "./_cli.ts";
import { line, script, Terminal } from "./_terminal.ts";

/** A guest that obeys commands, and is ready when it says so. */
const guest = {
  config: { accel: "tcg", memoryMiB: 16, firmware: { bios: "unirom.rom" } },
  probes: [{ kind: "console", for: "readiness", pattern: "READY" }],
  stop: { powerdownMs: 0 },
};
const stubborn = { ...guest, stop: { powerdownMs: 1_000_000 } };

/** A guest that ends by itself. */
const ending = (rom: string) => ({
  config: { accel: "tcg", memoryMiB: 16, firmware: { bios: `${rom}.rom` } },
});

/** What is told of the guests, without times. */
function told(io: MemoryIo, ...kinds: string[]): string[] {
  return reportsOf(io).filter(({ kind }) => kinds.includes(String(kind))).map(({ vm, kind }) =>
    `${vm} ${kind}`
  );
}

Deno.test("qeeper up starts guests in the order of their dependencies, and stops them in reverse at SIGINT", async () => {
  await using folder = await CliFolder.make();
  const file = await folder.config(`{
    "vms": {
      "web": ${JSON.stringify({ ...guest, dependsOn: ["app"] })}, // needs app
      "app": ${JSON.stringify({ ...guest, dependsOn: ["db"] })},
      "db": ${JSON.stringify(guest)},
    },
  }`);
  const { io, code, until } = start(["up", file, "--json"]);
  await until(() => told(io, "member-ready").includes("web member-ready"));
  io.signal("SIGINT");
  assertEquals(await code, 0, io.err);
  assertEquals(told(io, "started", "member-ready", "ended"), [
    ...["db started", "db member-ready"],
    ...["app started", "app member-ready"],
    ...["web started", "web member-ready"],
    ...["web ended", "app ended", "db ended"],
  ]);
  assertEquals(io.out, "");
  assertEquals(io.listeners, 0);
});

Deno.test("qeeper up tells a person what happens, and kills the group at the second signal", async () => {
  await using folder = await CliFolder.make();
  const sleep = { name: "sleeper", command: ["sleep", "1000000"] };
  const file = await folder.config({ name: "shop", vms: { db: { ...stubborn, helpers: [sleep] } } });
  const { io, code, until } = start(["up", file]);
  await until(({ err }) => err.includes("db: ready"));
  const [, helper, log] = /db: its helper sleeper is process (\d+), and writes to (\S+)/.exec(io.err) ?? [];
  const [, qemu] = /db: started: QEMU is process (\d+)/.exec(io.err) ?? [];
  io.signal("SIGINT");
  await until(({ err }) => err.includes("db: event POWERDOWN"));
  assertStringIncludes(
    io.err,
    "shop: SIGINT: the group is being stopped, the last one first; once more kills it",
  );
  io.signal("SIGINT");
  assertEquals(await code, 127, io.err);
  assert(await untilGone(Number(qemu)) && await untilGone(Number(helper)));
  assertEquals(await Deno.stat(log ?? "").then(() => "there", () => "gone"), "gone");
});

Deno.test("qeeper up ends with its guests, and with the exit code of their ends", async (t) => {
  await using folder = await CliFolder.make();
  const once = { restart: "no" };
  const cases: [what: string, code: number, said: RegExp, vms: object][] = [
    ["all power themselves off", 0, /b: ended: guest-shutdown/, {
      a: ending("off"),
      b: { ...ending("off"), dependsOn: ["a"] },
    }],
    ["one panics and is left", 126, /b: ended: guest-panic/, {
      a: ending("off"),
      b: { ...ending("panic"), ...once },
    }],
    [
      "one is given up",
      123,
      /b: given up: It was restarted as often as its limit allows; with it are stopped: c/,
      {
        a: ending("off"),
        b: { ...ending("panic"), limit: { restarts: 1, withinMs: 60_000 } },
        c: { ...guest, dependsOn: ["b"] },
      },
    ],
    [
      "a QEMU that does not start",
      125,
      /a: ended: launch-failed/,
      { a: { config: { ...guest.config, extraArgs: ["-bogus"] }, ...once } },
    ],
    [
      "a helper that does not start",
      123,
      /a: its helper h could not be started: It ended before it was ready.*given up/s,
      {
        a: { ...guest, helpers: [{ name: "h", command: ["/no/such"] }], limit: { restarts: 0, withinMs: 1 } },
      },
    ],
  ];
  for (const [what, code, said, vms] of cases) {
    await t.step(`${what}: ${code}`, async () => {
      const run = await qeeper("up", await folder.config({ strategy: "rest-for-one", vms }));
      assertEquals(run.code, code, run.err);
      assertMatch(run.err, said);
    });
  }
});

Deno.test("qeeper up says where a group's file is wrong, and starts nothing", async (t) => {
  await using folder = await CliFolder.make();
  const cases: [what: string, text: string, said: string][] = [
    ["no JSON", `{ "vms": }`, ":1:10: not valid JSON with comments"],
    ["a key twice", `{ "vms": {},\n  "vms": {} }`, ":2:3: vms: the key is there twice"],
    [
      "a wrong config",
      `{ "vms": {\n  "a": { "config": {\n    "cpus": 0 } } } }`,
      ":3:5: vms.a.config.cpus: expected a number of CPUs",
    ],
    [
      "nobody of that name",
      `{ "vms": {\n  "db": { "config": {} },\n  "web": { "config": {}, "dependsOn": ["dbb"] } } }`,
      ':3:40: vms.web.dependsOn[0]: there is no guest "dbb", did you mean "db"?',
    ],
    [
      "a circle",
      `{ "vms": {\n  "a": { "config": {}, "dependsOn": ["b"] },\n  "b": { "config": {}, "dependsOn": ["a"] } } }`,
      ":2:24: vms.a.dependsOn: these wait for each other: a -> b -> a",
    ],
    [
      "a file that is not there",
      `{ "vms": { "a": { "config": {\n  "drives": [{ "file": "none.img" }] } } } }`,
      `:2:16: vms.a.config.drives[0].file: there is no file ${folder.path}/none.img`,
    ],
    [
      "a socket whose path is too long",
      `{ "vms": { "a": { "config": {\n  "tpm": { "socket": "${"x".repeat(90)}" } } } } }`,
      ":2:12: vms.a.config.tpm.socket: expected the path of a unix socket, at most 107 bytes",
    ],
  ];
  for (const [what, text, said] of cases) {
    await t.step(what, async () => {
      const { code, err } = await qeeper("up", await folder.config(text));
      assertEquals(code, 2, err);
      assertStringIncludes(err, said);
    });
  }
  await t.step("in a line of JSON with --json", async () => {
    const { code, err } = await qeeper("up", await folder.config(`{ "vms": {} }`), "--json");
    assertEquals(code, 2);
    assertStringIncludes(JSON.parse(err).message, "vms: expected at least one guest");
  });
});

Deno.test({
  name: "qeeper up obeys Ctrl-C on a terminal in reverse order, helpers after their guests",
  ignore: !script,
  async fn() {
    await using folder = await CliFolder.make();
    const sleep = { name: "sleeper", command: ["sleep", "1000000"] };
    const vms = { db: { ...guest, helpers: [sleep] }, web: { ...guest, dependsOn: ["db"] } };
    await using terminal = new Terminal(line(`up ${await folder.config({ vms })}`));
    await terminal.until("web: ready");
    const [, helper] = /its helper sleeper is process (\d+)/.exec(terminal.screen) ?? [];
    // Ctrl-C is not the helper's: it has a session of its own.
    const stat = await Deno.readTextFile(`/proc/${helper}/stat`);
    assertEquals(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3], helper);
    await terminal.type("\x03");
    await terminal.until("end\r\n");
    assertStringIncludes(terminal.screen, "code=0\r\n");
    assertMatch(terminal.screen, /web: ended: host-quit.*db: ended: host-quit/s);
    assert(await untilGone(Number(helper)));
  },
});

Deno.test("qeeper up --state --leave leaves the guests running at a signal, and the next one takes them over", async () => {
  await using folder = await CliFolder.make();
  const state = ["--state", `${folder.path}/state`];
  const file = await folder.config({ vms: { web: { ...guest, dependsOn: ["db"] }, db: guest } });
  const first = start(["up", file, ...state, "--leave"]);
  await first.until(({ err }) => err.includes("web: ready"));
  const pidOf = (vm: string) =>
    Number(first.io.err.match(new RegExp(`${vm}: started: QEMU is process (\\d+)`))?.[1]);
  const pids = [pidOf("db"), pidOf("web")];
  first.io.signal("SIGTERM");
  assertEquals(await first.code, 0, first.io.err);
  assertMatch(first.io.err, /SIGTERM: the guests go on without this command/);

  const second = start(["up", file, ...state]);
  await second.until(({ err }) => /db: taken over/.test(err) && /web: taken over/.test(err));
  assert(!second.io.err.includes("started: QEMU"), second.io.err);
  second.io.signal("SIGINT");
  assertEquals(await second.code, 0, second.io.err);
  for (const pid of pids) assert(await untilGone(pid));
});

Deno.test("qeeper up says which guests it remembers that are not in the group any more", async () => {
  await using folder = await CliFolder.make();
  const state = ["--state", `${folder.path}/state`];
  const first = start(["up", await folder.config({ vms: { db: guest, web: guest } }), ...state, "--leave"]);
  await first.until(({ err }) => /db: ready/.test(err) && /web: ready/.test(err));
  first.io.signal("SIGINT");
  assertEquals(await first.code, 0, first.io.err);
  const second = start(["up", await folder.config({ vms: { db: guest } }), ...state]);
  await second.until(({ err }) => /db: taken over/.test(err));
  assertMatch(second.io.err, /web is remembered in \S+ and is not in the group/);
  second.io.signal("SIGINT");
  assertEquals(await second.code, 0, second.io.err);
});

Deno.test("qeeper up --leave is refused without --state", async () => {
  const { code, err } = await qeeper("up", "group.jsonc", "--leave");
  assertEquals(code, 2);
  assertStringIncludes(err, "--leave needs --state");
});
