// Groups on real QEMU: their order, their strategies, and what an operator asks of them.
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { GroupMember, Strategy } from "../../mod.ts";
import { tinyGuests, uniCommands } from "../../src/testing/mod.ts";
import { grouped, member, pids, watch } from "./_groups.ts";
import { kill, type Yard } from "./_supervised.ts";

/** web needs app, and app needs db; logs needs nobody. Written down in another order. */
async function shop(yard: Yard, more: Partial<GroupMember> = {}): Promise<Record<string, GroupMember>> {
  return {
    web: await member(yard, "web", { dependsOn: ["app"], ...more }),
    logs: await member(yard, "logs", more),
    app: await member(yard, "app", { dependsOn: ["db"], ...more }),
    db: await member(yard, "db", more),
  };
}

grouped(
  "a group starts each guest when those that it depends on are ready, and stops it before them",
  async (yard, { supervisor }) => {
    const { logs: _, ...vms } = await shop(yard);
    await using watched = await watch(supervisor, yard, { vms });
    const { group, reports } = watched;
    assertEquals(group.list().map(({ name, phase, waitsFor }) => [name, phase, ...waitsFor]), [
      ["web", "down", "app"],
      ["app", "down", "db"],
      ["db", "down"],
    ]);
    const statuses = await group.start();
    assertEquals(statuses.map(({ name, phase, wanted }) => [name, phase, wanted]), [
      ["web", "ready", "up"],
      ["app", "ready", "up"],
      ["db", "ready", "up"],
    ]);
    const told = ["started", "member-ready", "ended"] as const;
    assertEquals(reports.lines(told), [
      "db: started",
      "db: member-ready",
      "app: started",
      "app: member-ready",
      "web: started",
      "web: member-ready",
    ]);
    const from = reports.all.length;
    await group.stop();
    await reports.until("db: ended", from);
    assertEquals(reports.lines(told, from), [
      "web: ended host-quit -> give up (stopped)",
      "app: ended host-quit -> give up (stopped)",
      "db: ended host-quit -> give up (stopped)",
    ]);
    assertEquals(group.list().map(({ phase, wanted }) => `${wanted} ${phase}`), [
      "down down",
      "down down",
      "down down",
    ]);
  },
);

grouped("what does not depend on each other starts at the same time", async (yard, { supervisor }) => {
  const quick = await yard.firmware("quick", tinyGuests.halt);
  const never: GroupMember = {
    ...await member(yard, "never"),
    probes: [{ kind: "console", for: "readiness", pattern: "never said" }],
  };
  const vms = {
    never,
    quick,
    after: { ...await yard.firmware("after", tinyGuests.halt), dependsOn: ["quick"] },
  };
  await using watched = await watch(supervisor, yard, { vms });
  const starting = watched.group.start();
  await watched.reports.until("after: member-ready");
  await watched.reports.until("never: started");
  assertEquals(watched.group.get("never")?.phase, "up");
  await watched.group.stop();
  assertEquals((await starting).map(({ phase }) => phase), ["down", "down", "down"]);
});

const cases: [Strategy, killed: string, restarted: string[]][] = [
  ["one-for-one", "db", ["db"]],
  ["rest-for-one", "app", ["web", "app"]],
  ["rest-for-one", "db", ["web", "app", "db"]],
  ["one-for-all", "logs", ["web", "logs", "app", "db"]],
];
for (const [strategy, killed, restarted] of cases) {
  grouped(
    `${strategy}: when ${killed} is killed, ${
      restarted.join(", ")
    } are new processes, in order, and nobody else`,
    async (yard, { supervisor }) => {
      await using watched = await watch(supervisor, yard, { strategy, vms: await shop(yard) });
      const { group, reports } = watched;
      await group.start();
      const before = pids(watched);
      const from = reports.all.length;
      kill(before[killed]);
      await reports.until(`${killed}: member-ready`, from);
      // Who comes after it is on the way.
      await group.start();
      const after = pids(watched);
      for (const name of Object.keys(before)) {
        if (restarted.includes(name)) assertNotEquals(after[name], before[name], name);
        else assertEquals(after[name], before[name], name);
      }
      assert(group.list().every(({ phase }) => phase === "ready"));

      const told = reports.lines(["started", "ended"], from).map((line) =>
        line.replace(/ host-quit.*| ->.*/, "")
      );
      const stops = ["web", "app", "logs", "db"].filter((name) =>
        restarted.includes(name) && name !== killed
      );
      const starts = ["db", "app", "web"].filter((name) => restarted.includes(name));
      const inOrder = (lines: string[]) => lines.filter((line) => !line.startsWith("logs"));
      assertEquals(told[0], `${killed}: ended killed`);
      assertEquals(
        inOrder(told.slice(1)),
        inOrder([
          ...stops.map((name) => `${name}: ended`),
          ...starts.map((name) => `${name}: started`),
        ]),
      );
      // All of them have stopped before the first one starts again.
      assertEquals(told.findLastIndex((line) => line.includes("ended")), restarted.length - 1);
      // A restart for another's sake is not counted.
      assertEquals(group.list().filter(({ restarts }) => restarts > 0).map(({ name }) => name), [killed]);
      const plans = reports.lines(["restart-planned"], from);
      assertEquals(plans.length, restarted.length === 1 ? 0 : 1);
    },
  );
}

grouped(
  "one that has failed for good takes those with it that would be restarted with it, and a start begins anew",
  async (yard, { supervisor }) => {
    const vms = await shop(yard);
    vms["db"] = { ...await member(yard, "db"), limit: { restarts: 1, withinMs: 60_000 } };
    await using watched = await watch(supervisor, yard, { strategy: "rest-for-one", vms });
    const { group, reports } = watched;
    await group.start();
    kill(pids(watched)["db"]);
    await reports.until("web: ended");
    const from = reports.all.length;
    await reports.until("web: member-ready", from);
    kill(pids(watched)["db"]);
    await reports.until("db: ended killed -> give up (restart-limit)", from);
    await reports.until("db: member-failed with web+app", from);
    assertEquals((await group.stop("web")).map(({ name, phase }) => `${name} ${phase}`), [
      "web down",
      "logs ready",
      "app down",
      "db failed",
    ]);
    assertEquals(
      (await group.start("web")).map(({ name, phase, restarts }) => `${name} ${phase} ${restarts}`),
      [
        "web ready 0",
        "logs ready 0",
        "app ready 0",
        "db ready 0",
      ],
    );
  },
);

grouped("a guest that powers itself off is left off, and the others go on", async (yard, { supervisor }) => {
  await using watched = await watch(supervisor, yard, { strategy: "one-for-all", vms: await shop(yard) });
  const { group, reports } = watched;
  await group.start();
  const { logs, ...others } = pids(watched);
  assert(logs);
  await supervisor.get("logs")?.vm?.console?.write(uniCommands.powerOff);
  await reports.until("logs: ended guest-shutdown -> give up (stopped)");
  assertEquals((await group.stop("logs")).map(({ name, phase }) => `${name} ${phase}`), [
    "web ready",
    "logs down",
    "app ready",
    "db ready",
  ]);
  assertEquals(pids(watched), { ...others, logs: null });
});

grouped(
  "a guest that is reset in place keeps its QEMU, and those that depend on it begin anew",
  async (yard, { supervisor }) => {
    const { web: _web, logs: _logs, ...vms } = await shop(yard, { onCause: { "guest-panic": "reset" } });
    await using watched = await watch(supervisor, yard, { strategy: "rest-for-one", vms });
    const { group, reports } = watched;
    await group.start();
    const before = pids(watched);
    const from = reports.all.length;
    await supervisor.get("db")?.vm?.console?.write(uniCommands.panic);
    await reports.until("db: guest-ended guest-panic -> reset", from);
    await reports.until("app: member-ready", from);
    assertEquals(reports.lines(["restart-planned", "member-ready", "started"], from), [
      "db: restart-planned reset: db app",
      "db: member-ready",
      "app: started",
      "app: member-ready",
    ]);
    assertEquals(reports.lines(["ended"], from), ["app: ended host-quit -> give up (stopped)"]);
    assertEquals(pids(watched)["db"], before["db"]);
    assertNotEquals(pids(watched)["app"], before["app"]);
  },
);

grouped(
  "one that does not become ready in time has failed, and is started again as often as its limit allows",
  async (yard, { supervisor }) => {
    const { web: _web, logs: _logs, ...vms } = await shop(yard);
    vms["db"] = {
      ...await member(yard, "db"),
      probes: [{ kind: "console", for: "readiness", pattern: "never said" }],
      readyWithinMs: 300,
      limit: { restarts: 1, withinMs: 60_000 },
    };
    await using watched = await watch(supervisor, yard, { vms });
    const statuses = await watched.group.start();
    assertEquals(statuses.map(({ name, phase, waitsFor }) => [name, phase, ...waitsFor]), [
      ["app", "down", "db"],
      ["db", "failed"],
    ]);
    assertEquals(watched.reports.lines(["started", "member-not-ready", "member-failed"]), [
      "db: started",
      "db: member-not-ready -> start",
      "db: started",
      "db: member-not-ready -> give up (restart-limit)",
      "db: member-failed",
    ]);
    // Nothing runs, and nothing will by itself.
    await watched.group.down();
  },
);

grouped("a group can be stopped while it is on its way up", async (yard, { supervisor }) => {
  await using watched = await watch(supervisor, yard, { vms: await shop(yard) });
  const { group, reports } = watched;
  const starting = group.start();
  await reports.until("db: asked start");
  await group.stop();
  assertEquals((await starting).map(({ phase }) => phase), ["down", "down", "down", "down"]);
  assertEquals(reports.lines(["started"]).filter((line) => line.startsWith("web")), []);
});

grouped(
  "start() and stop() of one member take those along that it needs, and that need it",
  async (yard, { supervisor }) => {
    await using watched = await watch(supervisor, yard, { vms: await shop(yard) });
    const { group } = watched;
    const phases = (statuses: { name: string; phase: string }[]) =>
      statuses.map(({ name, phase }) => `${name} ${phase}`);
    assertEquals(phases(await group.start("app")), ["web down", "logs down", "app ready", "db ready"]);
    assertEquals(phases(await group.start("web")), ["web ready", "logs down", "app ready", "db ready"]);
    assertEquals(phases(await group.stop("app")), ["web down", "logs down", "app down", "db ready"]);
    await assertRejects(
      () => group.start("dbb"),
      TypeError,
      'has none of that name; it has: "web", "logs", "app", "db"',
    );
  },
);

grouped(
  "restart() restarts whom the strategy names, and forgets earlier restarts",
  async (yard, { supervisor }) => {
    await using watched = await watch(supervisor, yard, { strategy: "rest-for-one", vms: await shop(yard) });
    const { group, reports } = watched;
    await group.start();
    kill(pids(watched)["web"]);
    await reports.until("web: ended killed");
    await group.start();
    assertEquals(group.get("web")?.restarts, 1);
    const before = pids(watched);
    await group.restart("app");
    const after = pids(watched);
    assertEquals([after["db"], after["logs"]], [before["db"], before["logs"]]);
    assertNotEquals(after["app"], before["app"]);
    assertNotEquals(after["web"], before["web"]);
  },
);

grouped(
  "what the supervisor is asked of a member is understood by its group",
  async (yard, { supervisor }) => {
    await using watched = await watch(supervisor, yard, { strategy: "one-for-all", vms: await shop(yard) });
    const { group, reports } = watched;
    await group.start();
    const before = pids(watched);
    await supervisor.stop("app");
    await reports.until("app: ended host-quit");
    assertEquals((await group.stop("web")).map(({ name, phase }) => `${name} ${phase}`), [
      "web down",
      "logs ready",
      "app down",
      "db ready",
    ]);
    const from = reports.all.length;
    await supervisor.start("app");
    await reports.until("app: member-ready", from);
    await supervisor.restart("app");
    await reports.until("app: ended host-quit", from);
    await group.start();
    const after = pids(watched);
    assertEquals([after["db"], after["logs"]], [before["db"], before["logs"]]);
    assert(group.list().every(({ phase }) => phase === "ready"));
  },
);

grouped(
  "a supervisor that is closed takes its group down, and the group can then be closed",
  async (yard, { supervisor }) => {
    await using watched = await watch(supervisor, yard, { vms: await shop(yard) });
    await watched.group.start();
    await supervisor.close({ vms: "stop" });
    await watched.group.down();
    await watched.group.close({ vms: "stop" });
    await assertRejects(() => watched.group.start(), TypeError, "it is closed");
  },
);

grouped(
  "kill() ends everything at once, and nothing of it is started again",
  async (yard, { supervisor }) => {
    const stubborn = { stop: { powerdownMs: 1_000_000 } };
    await using watched = await watch(supervisor, yard, { vms: await shop(yard, stubborn) });
    const { group, reports } = watched;
    await group.start();
    const stopping = group.stop();
    await reports.until("web: asked stop");
    group.kill();
    await group.down();
    await stopping;
    assertEquals(
      reports.lines(["ended"]).filter((line) => line.includes("killed")).length,
      4,
    );
  },
);

grouped(
  "a guest that does not answer is killed and restarted with those that depend on it, where its policy has it so",
  async (yard, { supervisor }) => {
    const { web: _web, logs: _logs, ...vms } = await shop(yard, { restart: "no" });
    vms["db"] = {
      ...await member(yard, "db", { restart: "no" }),
      onStuck: { afterMs: 0, action: "restart" },
    };
    await using watched = await watch(supervisor, yard, { strategy: "rest-for-one", vms });
    const { group, reports } = watched;
    await group.start();
    const before = pids(watched);
    const from = reports.all.length;
    assert(before["db"]);
    Deno.kill(before["db"], "SIGSTOP");
    await reports.until("app: member-ready", from);
    assertEquals(reports.lines(["stuck", "restart-planned", "ended", "started"], from), [
      "db: stuck",
      "db: restart-planned stuck: db app",
      "app: ended host-quit -> give up (stopped)",
      "db: ended killed -> give up (stopped)",
      "db: started",
      "app: started",
    ]);
    assertEquals(group.get("db")?.restarts, 1);
  },
);
