// Helpers of groups on real QEMU: real processes with sockets, and swtpm where there is one.
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import type { GroupMember, HelperConfig } from "../../mod.ts";
import { tinyGuests } from "../../src/testing/mod.ts";
import { untilGone } from "./_cli.ts";
import { grouped, guarded, helper, helperOf, member, pids, watch, type Watched } from "./_groups.ts";
import { kill, namesIn, Yard } from "./_supervised.ts";

/** The programs of others that are here; the name of a test says which one it lacks. */
const swtpm = await firstOf("swtpm");
const passt = await firstOf("passt");
// It serves a directory in a namespace of its own, for which it has to be root.
const virtiofsd = Deno.uid() === 0
  ? await firstOf("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd")
  : null;

async function firstOf(...programs: string[]): Promise<string | null> {
  for (const program of programs) {
    try {
      await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).output();
      return program;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

function lack(program: string | null, name: string): string {
  return program === null ? ` (not run: ${name} is not here, or needs root)` : "";
}

grouped(
  "a helper is started before its guest and stopped after it, and leaves nothing",
  async (yard, { supervisor }) => {
    await using watched = await watch(supervisor, yard, {
      vms: { web: await guarded(yard, "web", "serve") },
    });
    const { group, reports } = watched;
    assertEquals((await group.start()).map(({ phase }) => phase), ["ready"]);
    assertEquals(reports.lines(["helper-started", "started", "member-ready"]), [
      "web: helper-started sock",
      "web: started",
      "web: member-ready",
    ]);
    const report = await reports.until("web: helper-started");
    assert(report.kind === "helper-started");
    assertEquals(report.pid, helperOf(watched, "web"));
    // It runs in the group's folder, and what it says is kept.
    assertEquals(await Deno.readTextFile(report.log), `listening in ${yard.folder}\n`);
    const [runDir = ""] = (await namesIn(yard.runtimeDir)).filter((name) => report.log.includes(name));
    assertEquals(((await Deno.stat(`${yard.runtimeDir}/${runDir}`)).mode ?? 0) & 0o777, 0o700);
    await group.stop();
    assert(await untilGone(report.pid));
    assertEquals(
      await Deno.readTextFile(report.log),
      `listening in ${yard.folder}\na client has gone\ntold to end\n`,
    );
    // It was asked to end: that is no news.
    assertEquals(reports.lines(["helper-ended"]), []);
    assertEquals(await namesIn(`${yard.runtimeDir}/${runDir}`), ["sock.0.log"]);
  },
);

grouped(
  "when a helper is killed, its guest is restarted around it, and whoever depends on it with it",
  async (yard, { supervisor }) => {
    const vms = {
      web: await guarded(yard, "web", "serve", { restart: "no" }),
      front: { ...await member(yard, "front"), dependsOn: ["web"] },
      other: await member(yard, "other"),
    };
    await using watched = await watch(supervisor, yard, { strategy: "rest-for-one", vms });
    const { group, reports } = watched;
    await group.start();
    const [before, from] = [pids(watched), reports.all.length];
    const first = helperOf(watched, "web");
    kill(first);
    await reports.until("front: member-ready", from);
    assertEquals(
      reports.lines(
        ["helper-ended", "restart-planned", "ended", "helper-started", "started", "member-ready"],
        from,
      ),
      [
        "web: helper-ended sock -> start",
        "web: restart-planned helper: web front",
        "front: ended host-quit -> give up (stopped)",
        "web: ended host-quit -> give up (stopped)",
        "web: helper-started sock",
        "web: started",
        "web: member-ready",
        "front: started",
        "front: member-ready",
      ],
    );
    const told = await reports.until("web: helper-ended");
    assert(told.kind === "helper-ended");
    assertEquals(told.exit?.signal, "SIGKILL");
    assertStringIncludes(told.stderrTail, "listening");
    const after = pids(watched);
    assertNotEquals(helperOf(watched, "web"), first);
    assertNotEquals(after["web"], before["web"]);
    assertNotEquals(after["front"], before["front"]);
    assertEquals(after["other"], before["other"]);
    assertEquals(group.list().map(({ restarts }) => restarts), [1, 0, 0]);
  },
);

grouped("when QEMU is killed, its helpers are new ones in its next life", async (yard, { supervisor }) => {
  await using watched = await watch(supervisor, yard, { vms: { web: await guarded(yard, "web", "serve") } });
  const { group, reports } = watched;
  await group.start();
  const [first, from] = [helperOf(watched, "web"), reports.all.length];
  kill(pids(watched)["web"]);
  await reports.until("web: member-ready", from);
  assertEquals(reports.lines(["helper-ended", "ended", "helper-started", "started"], from), [
    "web: ended killed -> start",
    "web: helper-started sock",
    "web: started",
  ]);
  assertNotEquals(helperOf(watched, "web"), first);
  assert(await untilGone(first));
});

grouped(
  "a helper that ends with its QEMU is no reason for a restart: the guest's own end decides",
  async (yard, { supervisor }) => {
    const vms = { web: await guarded(yard, "web", "once", { restart: "no" }) };
    await using watched = await watch(supervisor, yard, { vms });
    const { group, reports } = watched;
    await group.start();
    const first = helperOf(watched, "web");
    kill(pids(watched)["web"]);
    assert(await untilGone(first));
    await reports.until("web: ended killed -> give up (stopped)");
    await group.down();
    assertEquals(reports.lines(["helper-ended", "restart-planned"]), []);
    // The same again: its socket is no obstacle.
    assertEquals((await group.start()).map(({ phase }) => phase), ["ready"]);
  },
);

grouped(
  "a helper that ends with a QEMU that can't be started is no reason for a restart either",
  async (yard, { supervisor }) => {
    const web = await guarded(yard, "web", "once", { restart: "no" });
    const extraArgs = [...web.config.extraArgs ?? [], "-device", "no-such-device"];
    const vms = { web: { ...web, config: { ...web.config, extraArgs } } };
    await using watched = await watch(supervisor, yard, { vms });
    assertEquals((await watched.group.start()).map(({ phase }) => phase), ["down"]);
    assertEquals(watched.reports.lines(["helper-started", "helper-ended", "ended"]), [
      "web: helper-started sock",
      "web: ended launch-failed -> give up (stopped)",
    ]);
  },
);

grouped("a helper whose end is only to be reported leaves its guest alone", async (yard, { supervisor }) => {
  const vms = {
    web: await guarded(yard, "web", "serve", { helpers: [helper("serve", { onEnd: "report" })] }),
  };
  await using watched = await watch(supervisor, yard, { vms });
  const { group, reports } = watched;
  await group.start();
  const before = pids(watched);
  kill(helperOf(watched, "web"));
  await reports.until("web: helper-ended sock");
  assertEquals(reports.lines(["helper-ended"]), ["web: helper-ended sock"]);
  assertEquals(pids(watched), before);
  assertEquals(group.get("web")?.helpers, []);
  await group.restart("web");
  assertEquals(group.get("web")?.helpers.length, 1);
});

Deno.test("a helper that can't be started counts as a start of its guest that failed, and says why", async (t) => {
  const noSuch = { command: ["/no/such/swtpm"], name: "sock" };
  const cases: [what: string, helper: HelperConfig, why: RegExp][] = [
    ["it is not there", { ...noSuch }, /It ended before it was ready: exit code 127, .*\/no\/such\/swtpm/],
    ["it fails", helper("fail"), /It ended before it was ready: exit code 3, something is missing/],
    [
      "it does not listen",
      helper("deaf", {
        command: ["sh", "-c", "echo not listening >&2; exec sleep 1000"],
        readyWithinMs: 1_500,
      }),
      /It does not listen on .*\/sock after 1500 ms: not listening/,
    ],
    [
      "its socket's place is taken",
      helper("serve", { socket: "taken" }),
      /\/taken is no socket, and would be in its place/,
    ],
  ];
  for (const [what, broken, why] of cases) {
    await t.step(what, async () => {
      await using yard = await Yard.make();
      await using opened = await yard.open({ signals: "ignore" });
      await Deno.writeTextFile(`${yard.folder}/taken`, "");
      const limit = { restarts: 1, withinMs: 60_000 };
      const vms = { web: await guarded(yard, "web", "serve", { helpers: [broken], limit }) };
      await using watched = await watch(opened.supervisor, yard, { vms });
      const { group, reports } = watched;
      assertEquals((await group.start()).map(({ phase, helpers }) => [phase, helpers.length]), [[
        "failed",
        0,
      ]]);
      const lines = reports.lines(["helper-failed", "started", "member-failed"]);
      assertEquals(lines, [
        "web: helper-failed sock -> start",
        "web: helper-failed sock -> give up (restart-limit)",
        "web: member-failed",
      ], reports.lines().join("\n"));
      const told = await reports.until("web: helper-failed");
      assert(told.kind === "helper-failed");
      assert(why.test(told.why), told.why);
      // QEMU was not even tried.
      assertEquals(opened.supervisor.list(), []);
    });
  }
});

grouped(
  "helpers are started in their order, and those that run are stopped when a later one fails",
  async (yard, { supervisor }) => {
    const helpers: HelperConfig[] = [
      { name: "first", command: ["sleep", "1000000"] },
      { name: "second", command: ["sleep", "1000001"] },
      { name: "third", command: ["/no/such/helper"] },
    ];
    const vms = {
      web: { ...await yard.firmware("web", tinyGuests.halt), helpers, limit: { restarts: 0, withinMs: 1 } },
    };
    await using watched = await watch(supervisor, yard, { vms });
    await watched.group.start();
    assertEquals(watched.reports.lines(["helper-started", "helper-failed"]), [
      "web: helper-started first",
      "web: helper-started second",
      "web: helper-failed third -> give up (restart-limit)",
    ]);
    const started = watched.reports.all.flatMap((report) =>
      report.kind === "helper-started" ? [report.pid] : []
    );
    for (const pid of started) assert(await untilGone(pid));
  },
);

grouped(
  `swtpm is there before QEMU, which is restarted around it when it is killed${lack(swtpm, "swtpm")}`,
  async (yard, { supervisor }) => {
    const spec = await yard.firmware("web", tinyGuests.halt);
    await Deno.mkdir(`${yard.folder}/tpm-state`);
    const web: GroupMember = {
      ...spec,
      config: { ...spec.config, tpm: { socket: "{run}/tpm" } },
      helpers: [{
        name: "tpm",
        command: [
          ...[swtpm ?? "", "socket", "--tpm2"],
          ...["--tpmstate", "dir=tpm-state"], // in the group's folder, which is where it runs
          ...["--ctrl", "type=unixio,path={run}/tpm"],
        ],
        socket: "{run}/tpm",
      }],
    };
    await using watched = await watch(supervisor, yard, { vms: { web } });
    assertEquals((await watched.group.start()).map(({ phase }) => phase), ["ready"]);
    const tpms = () => supervisor.get("web")?.vm?.qmp.execute("query-tpm");
    assertEquals((await tpms())?.map(({ options }) => options.type), ["emulator"]);
    await killAndWait(watched);
    assertEquals((await tpms())?.length, 1);
    assertEquals(await namesIn(`${yard.folder}/tpm-state`), [".lock", "tpm2-00.permall"]);
  },
  { ignore: swtpm === null },
);

grouped(
  `virtiofsd, which ends with its QEMU, is there again before the next one${lack(virtiofsd, "virtiofsd")}`,
  async (yard, { supervisor }) => {
    const spec = await yard.firmware("web", tinyGuests.halt);
    await Deno.mkdir(`${yard.folder}/www`);
    const web: GroupMember = {
      ...spec,
      config: { ...spec.config, shares: [{ type: "virtiofs", socket: "{run}/www", tag: "www" }] },
      helpers: [{
        name: "www",
        command: [virtiofsd ?? "", "-f", "--socket-path={run}/www", "-o", `source=${yard.folder}/www`],
        socket: "{run}/www",
      }],
    };
    await using watched = await watch(supervisor, yard, { vms: { web } });
    assertEquals((await watched.group.start()).map(({ phase }) => phase), ["ready"]);
    const from = watched.reports.all.length;
    kill(pids(watched)["web"]);
    await watched.reports.until("web: member-ready", from);
    assertEquals(watched.reports.lines(["ended", "helper-ended", "helper-started", "started"], from), [
      "web: ended killed -> start",
      "web: helper-started www",
      "web: started",
    ]);
    await killAndWait(watched);
  },
  { ignore: virtiofsd === null },
);

grouped(
  `passt is a helper whose socket raw QEMU arguments name${lack(passt, "passt")}`,
  async (yard, { supervisor }) => {
    const spec = await yard.firmware("web", tinyGuests.halt);
    const netdev = "stream,id=n0,server=off,addr.type=unix,addr.path={run}/net";
    const asRoot = Deno.uid() === 0 ? ["--runas", "0"] : [];
    const web: GroupMember = {
      ...spec,
      config: { ...spec.config, extraArgs: ["-netdev", netdev, "-device", "virtio-net-pci,netdev=n0"] },
      helpers: [{
        name: "net",
        command: [passt ?? "", "--foreground", ...asRoot, "--socket", "{run}/net"],
        socket: "{run}/net",
      }],
    };
    await using watched = await watch(supervisor, yard, { vms: { web } });
    assertEquals((await watched.group.start()).map(({ phase }) => phase), ["ready"]);
    await killAndWait(watched);
  },
  { ignore: passt === null },
);

/** Kills the only helper and waits until guest and helper are new ones. */
async function killAndWait(watched: Watched): Promise<void> {
  const [before, helper, from] = [pids(watched)["web"], helperOf(watched, "web"), watched.reports.all.length];
  kill(helper);
  await watched.reports.until("web: member-ready", from);
  assertNotEquals(pids(watched)["web"], before);
  assertNotEquals(helperOf(watched, "web"), helper);
}
