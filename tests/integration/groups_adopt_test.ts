// Groups whose supervisor is killed: what goes with it, and what the next one takes over.
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { guarded, helperOf, killGroup, pids, theGroup, watch } from "./_groups.ts";
import { untilGone } from "./_cli.ts";
import { kill, Yard } from "./_supervised.ts";

Deno.test("without a state directory, helpers end with a process that is killed, as its QEMUs do", async () => {
  const folder = await Deno.makeTempDir({ prefix: "qeeper-yard-" });
  for (const pid of await killGroup(new Yard(folder))) assert(await untilGone(pid));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a group is taken over by the next supervisor: the same QEMUs, the same helpers, the same fate", async () => {
  await using yard = await Yard.make();
  const stateDir = `${yard.folder}/state`;
  const [db, helper, web] = await killGroup(yard, stateDir);
  {
    await using again = await yard.open({ signals: "ignore", stateDir });
    await using watched = await watch(again.supervisor, yard, await theGroup(yard), { stateDir });
    const { group, reports } = watched;
    assertEquals(group.list().map(({ name, phase }) => `${name} ${phase}`), ["db ready", "web ready"]);
    assertEquals(pids(watched), { db, web });
    assertEquals(helperOf(watched, "db"), helper);
    // Nothing is left to start.
    await group.start();
    assertEquals(pids(watched), { db, web });

    const from = reports.all.length;
    kill(helper);
    await reports.until("web: member-ready", from);
    assertEquals(
      reports.lines(["helper-ended", "restart-planned", "ended", "helper-started", "started"], from),
      [
        "db: helper-ended sock -> start",
        "db: restart-planned helper: db web",
        "web: ended host-quit -> give up (stopped)",
        "db: ended host-quit -> give up (stopped)",
        "db: helper-started sock",
        "db: started",
        "web: started",
      ],
    );
    const ended = await reports.until("db: helper-ended");
    assert(ended.kind === "helper-ended");
    assertEquals(ended.exit, null, "nobody can know how it ended");
    assertNotEquals(helperOf(watched, "db"), helper);
  }
  assertEquals(await Array.fromAsync(Deno.readDir(`${stateDir}/groups`)), []);
});

Deno.test("a helper that ended while no supervisor was there has its guest restarted around it", async () => {
  await using yard = await Yard.make();
  const stateDir = `${yard.folder}/state`;
  const [db, helper, web] = await killGroup(yard, stateDir);
  kill(helper);
  assert(await untilGone(helper));
  await using again = await yard.open({ signals: "ignore", stateDir });
  await using watched = await watch(again.supervisor, yard, await theGroup(yard), { stateDir });
  await watched.group.start();
  assertEquals(watched.group.list().map(({ name, phase }) => `${name} ${phase}`), ["db ready", "web ready"]);
  assertNotEquals(pids(watched)["db"], db);
  assertNotEquals(helperOf(watched, "db"), helper);
  // Nobody was there to restart it when db hung: it is not made to wait for db.
  assertEquals(pids(watched)["web"], web);
});

Deno.test("guests that ended while no supervisor was there are started again in order, without the helpers that they left", async () => {
  await using yard = await Yard.make();
  const stateDir = `${yard.folder}/state`;
  const [db, helper, web] = await killGroup(yard, stateDir);
  kill(db);
  kill(web);
  assert(await untilGone(db) && await untilGone(web));
  await using again = await yard.open({ signals: "ignore", stateDir });
  await using watched = await watch(again.supervisor, yard, await theGroup(yard), { stateDir });
  assert(await untilGone(helper));
  assertEquals((await watched.group.start()).map(({ name, phase }) => `${name} ${phase}`), [
    "db ready",
    "web ready",
  ]);
  assertEquals(watched.reports.lines(["helper-started", "started"]).slice(-3), [
    "db: helper-started sock",
    "db: started",
    "web: started",
  ]);
});

Deno.test("a group that is left running goes on, and is taken over in the same process as well", async () => {
  await using yard = await Yard.make();
  const stateDir = `${yard.folder}/state`;
  const config = await theGroup(yard);
  const first = await yard.open({ signals: "ignore", stateDir });
  const left = await watch(first.supervisor, yard, config, { stateDir });
  await left.group.start();
  const before = { ...pids(left), helper: helperOf(left, "db") };
  await left.group.close({ vms: "leave" });
  await first.supervisor.close({ vms: "leave" });
  await first.reports.ended;

  await using again = await yard.open({ signals: "ignore", stateDir });
  await using watched = await watch(again.supervisor, yard, config, { stateDir });
  assertEquals({ ...pids(watched), helper: helperOf(watched, "db") }, before);
});

Deno.test("the restarts that a group has made count for the next supervisor's group as well", async () => {
  await using yard = await Yard.make();
  const stateDir = `${yard.folder}/state`;
  const config = await theGroup(yard);
  const first = await yard.open({ signals: "ignore", stateDir });
  const left = await watch(first.supervisor, yard, config, { stateDir });
  await left.group.start();
  const from = left.reports.all.length;
  kill(pids(left)["db"]);
  await left.reports.until("web: member-ready", from);
  const restarts = ({ group }: typeof left) =>
    group.list().map(({ name, restarts }) => `${name} ${restarts}`);
  assertEquals(restarts(left), ["db 1", "web 0"]);
  await left.group.close({ vms: "leave" });
  await first.supervisor.close({ vms: "leave" });
  await first.reports.ended;

  await using again = await yard.open({ signals: "ignore", stateDir });
  await using watched = await watch(again.supervisor, yard, config, { stateDir });
  assertEquals(restarts(watched), ["db 1", "web 0"]);
});

Deno.test("a group's record that can't be understood is set aside, and the group begins anew", async () => {
  await using yard = await Yard.make();
  const stateDir = `${yard.folder}/state`;
  const [db, helper] = await killGroup(yard, stateDir);
  const strange = `{ "version": 2, "processes": [{ "pid": ${helper} }] }`;
  await Deno.writeTextFile(`${stateDir}/groups/two.json`, strange);
  const said: unknown[] = [];
  const silent = () => {};
  const logger = {
    debug: silent,
    info: silent,
    warn: silent,
    error: (message: string, facts?: Record<string, unknown>) => void said.push(message, facts?.pids),
  };
  {
    await using again = await yard.open({ signals: "ignore", stateDir });
    await using watched = await watch(again.supervisor, yard, await theGroup(yard), { stateDir, logger });
    assertEquals(said, [
      "A group's record can't be understood and was set aside; end those of its helpers that still run",
      [helper],
    ]);
    await watched.group.start();
    assertNotEquals(pids(watched)["db"], db);
    assertEquals(watched.group.list().map(({ phase }) => phase), ["ready", "ready"]);
  }
  assertEquals(await Deno.readTextFile(`${stateDir}/groups/two.json.broken`), strange);
  // Nothing proves whose it is, so it was left alone.
  kill(helper);
  assert(await untilGone(helper));
  for await (const { name } of Deno.readDir(yard.runtimeDir)) {
    await Deno.remove(`${yard.runtimeDir}/${name}`, { recursive: true });
  }
});

Deno.test("a process that is not the helper that is remembered is neither taken over nor ended", async (t) => {
  for (
    const [what, wrong] of [["its start", { startTime: "1" }], ["its arguments", {
      argv: ["swtpm"],
    }]] as const
  ) {
    await t.step(what, async () => {
      await using yard = await Yard.make();
      const stateDir = `${yard.folder}/state`;
      const [, helper] = await killGroup(yard, stateDir);
      const file = `${stateDir}/groups/two.json`;
      const record = JSON.parse(await Deno.readTextFile(file));
      Object.assign(record.helpers.db[0], wrong);
      await Deno.writeTextFile(file, JSON.stringify(record));
      await using again = await yard.open({ signals: "ignore", stateDir });
      const config = await theGroup(yard);
      const vms = {
        ...config.vms,
        db: await guarded(yard, "db", "serve", { limit: { restarts: 0, withinMs: 1 } }),
      };
      await using watched = await watch(again.supervisor, yard, { ...config, vms }, { stateDir });
      await watched.group.start();
      // It is in the way, which is said.
      const told = await watched.reports.until("db: helper-failed sock -> give up (restart-limit)");
      assert(told.kind === "helper-failed");
      assertMatch(told.why, /Somebody listens on .*\/sock already; end that process first/);
      kill(helper); // it was there all the time
      assert(await untilGone(helper));
    });
  }
});
