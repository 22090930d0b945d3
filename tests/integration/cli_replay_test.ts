// `qeeper replay`: a journal as a supervisor writes it, and policies as people write them.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { PolicyAction, Report, ReportBody } from "../../src/supervisor/mod.ts";
import { Journal, reportToJson } from "../../src/supervisor/store/mod.ts";
import { uniCommands, unirom } from "../../src/testing/mod.ts";
import { verdict } from "../unit/supervisor/_policy.ts";
import { qeeper } from "./_cli.ts";
import { entry, StateDir } from "./_store.ts";
import { tell, Yard } from "./_supervised.ts";

const START: PolicyAction = { kind: "start" };
const T0 = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Two guests: `web` panics every second until its limit is reached, `db` is restarted once. */
const HAPPENED: readonly [vm: string, atMs: number, body: ReportBody][] = [
  ["web", 0, { kind: "asked", ask: "start", actions: [START] }],
  ["db", 10, { kind: "asked", ask: "start", actions: [START] }],
  ["web", 50, { kind: "started", pid: 11, argv: [], actions: [] }],
  ["db", 60, { kind: "started", pid: 12, argv: [], actions: [] }],
  ["db", 500, { kind: "ended", verdict: verdict("killed"), actions: [START] }],
  ["db", 560, { kind: "started", pid: 13, argv: [], actions: [] }],
  ["web", 1_000, {
    kind: "guest-ended",
    verdict: verdict("guest-panic", { process: "held" }),
    actions: [{ kind: "clear-away" }],
  }],
  ["web", 1_010, { kind: "ended", verdict: verdict("host-quit", { intent: "stop" }), actions: [START] }],
  ["web", 1_060, { kind: "started", pid: 14, argv: [], actions: [] }],
  ["web", 2_000, {
    kind: "guest-ended",
    verdict: verdict("guest-panic", { process: "held" }),
    actions: [{ kind: "clear-away" }],
  }],
  ["web", 2_010, {
    kind: "ended",
    verdict: verdict("host-quit", { intent: "stop" }),
    actions: [{ kind: "wait", delayMs: 93 }],
  }],
  ["web", 2_103, { kind: "wait-over", actions: [START] }],
  ["web", 2_150, { kind: "started", pid: 15, argv: [], actions: [] }],
];

/** A state directory with their journal, in several files. */
async function recorded(): Promise<StateDir> {
  const dir = await StateDir.make();
  await using journal = await Journal.open(dir.path, { maxBytes: 1_000, keep: 100 });
  for (const [index, [vm, atMs, body]] of HAPPENED.entries()) {
    const at = new Date(T0 + atMs);
    const report: Report = { at, vm, ...body };
    const line = entry(index + 1, { vm, at: at.toISOString(), report: reportToJson(report) });
    assertEquals(await journal.append(line), "written");
  }
  return dir;
}

Deno.test("qeeper replay prints what was done, and beside it what another policy would have done", async () => {
  await using dir = await recorded();
  await dir.write(
    "policy.jsonc",
    `{
      // The disk of "web" is not to be touched after a panic.
      "restart": "on-failure",
      "onCause": { "guest-panic": "preserve" },
    }`,
  );
  const { code, out, err } = await qeeper("replay", dir.path, "--policy", `${dir.path}/policy.jsonc`);
  assertEquals([code, err], [0, ""]);
  assertEquals(
    out,
    [
      "TIME                      GUEST  WHAT HAPPENED                 DONE                           WOULD BE DONE",
      "2026-01-02T03:04:05.000Z  web    asked to start                start                          the same",
      "2026-01-02T03:04:05.010Z  db     asked to start                start                          the same",
      "2026-01-02T03:04:05.500Z  db     QEMU ended: killed            start                          the same",
      "2026-01-02T03:04:06.000Z  web    the guest ended: guest-panic  clear away, start              leave it preserved",
      "2026-01-02T03:04:07.000Z  web    the guest ended: guest-panic  clear away, wait 93 ms, start  (it would not have come to this)",
      "",
      "GUEST  INCIDENTS  RESTARTS  WOULD BE  AVOIDED  WOULD END AS",
      "web    2          2         0         1        held since 2026-01-02T03:04:06.000Z",
      "db     1          1         1         0        up since 2026-01-02T03:04:05.560Z",
      "",
    ].join("\n"),
  );
});

Deno.test("qeeper replay finds nothing to say against the policy that was in force, but for the chance in its waits", async () => {
  await using dir = await recorded();
  await dir.write("policy.jsonc", `{ "restart": "always", "config": { "name": "web" } }`);
  const { code, out } = await qeeper(
    "replay",
    `${dir.path}/journal.jsonl`,
    "--policy",
    `${dir.path}/policy.jsonc`,
    "--json",
  );
  assertEquals(code, 0);
  const { steps, guests, missing, policy } = JSON.parse(out);
  assertEquals(steps.length, 5);
  for (const { same } of steps) assertEquals(same, true);
  assertEquals(steps[4], {
    at: "2026-01-02T03:04:07.000Z",
    vm: "web",
    happened: { kind: "guest-ended", cause: "guest-panic", detail: "guest-panic" },
    did: [{ kind: "clear-away" }, { kind: "wait", delayMs: 93 }, START],
    would: [{ kind: "clear-away" }, { kind: "wait", delayMs: 100 }, START],
    phase: "up",
    since: "2026-01-02T03:04:07.150Z",
    same: true,
  });
  assertEquals(guests, [
    {
      vm: "web",
      incidents: 2,
      restartsDone: 2,
      restartsWould: 2,
      avoided: 0,
      phase: "up",
      since: "2026-01-02T03:04:07.150Z",
    },
    {
      vm: "db",
      incidents: 1,
      restartsDone: 1,
      restartsWould: 1,
      avoided: 0,
      phase: "up",
      since: "2026-01-02T03:04:05.560Z",
    },
  ]);
  assertEquals([missing, policy.restart, policy.limit], [0, "always", { restarts: 5, withinMs: 60_000 }]);
});

Deno.test("qeeper replay takes one guest alone, and says when there is nothing about it", async () => {
  await using dir = await recorded();
  await dir.write("policy.jsonc", `{ "restart": "no" }`);
  const args = ["replay", dir.path, "--policy", `${dir.path}/policy.jsonc`, "--vm"];
  const one = await qeeper(...args, "db", "--json");
  assertEquals(
    JSON.parse(one.out).guests.map(({ vm, phase }: { vm: string; phase: string }) => [vm, phase]),
    [["db", "down"]],
  );
  const none = await qeeper(...args, "mail");
  assertEquals([none.code, none.out], [1, ""]);
  assertEquals(none.err, `qeeper: Cannot replay VM "mail": the journal ${dir.path} has nothing about it\n`);
});

Deno.test("qeeper replay says what the journal lacks, passes over what it can't understand, and goes on", async () => {
  await using dir = await recorded();
  await dir.write("policy.jsonc", "{}");
  const gap = {
    at: "2026-01-02T03:05:00.000Z",
    gap: { lost: 7, firstSeq: 14, lastSeq: 20, error: "No space" },
  };
  const noReport = JSON.stringify(entry(21, { report: { kind: "started" } }));
  await Deno.writeTextFile(`${dir.path}/journal.jsonl`, `${JSON.stringify(gap)}\nnonsense\n${noReport}\n`, {
    append: true,
  });
  const { code, out, err } = await qeeper("replay", dir.path, "--policy", `${dir.path}/policy.jsonc`);
  assertEquals(code, 0);
  assertStringIncludes(out, "\n7 reports are missing in the journal: the disk did not take them\n");
  const [first, second, ...rest] = err.split("\n");
  assertMatch(
    `${first}`,
    /^qeeper: Cannot read line \d+ of the journal \S+: it is neither an entry nor a gap: "nonsense"; it is passed over$/,
  );
  assertMatch(
    `${second}`,
    /^qeeper: Cannot make a report of .*: it has no at, no vm or no kind; it is passed over$/,
  );
  assertEquals(rest, [""]);
});

Deno.test("qeeper replay says what is wrong with a policy, and where in its file", async (t) => {
  await using dir = await recorded();
  const file = `${dir.path}/policy.jsonc`;
  const cases: [what: string, text: string, message: string][] = [
    [
      "a misspelled member",
      `{\n  "restrat": "no"\n}`,
      `:2:3: a guest's spec has no "restrat"; it has: config, restart`,
    ],
    [
      "an unknown word",
      `{\n  "restart": "never"\n}`,
      `:2:3: 'restart' must be one of no, on-success, on-failure`,
    ],
    [
      "a number out of range",
      `{ "limit": {\n "restarts": -1, "withinMs": 1 } }`,
      ":2:2: 'limit.restarts' must be a number of at least 0",
    ],
    [
      "a misspelled part",
      `{ "backoff": { "maxMs": 5,\n\n   "factr": 2 } }`,
      `:3:4: 'backoff' has no "factr"; it has: initialMs`,
    ],
    [
      "an unknown action",
      `{ "onCause": {\n    "watchdog": "panic" } }`,
      ":2:5: 'onCause.watchdog' must be one of restart",
    ],
    ["a part that is none", `{ "limit": 5 }`, ":1:3: 'limit' must be an object: current value is 5"],
    ["a list", `[]`, ":1:1: expected an object, found []"],
    ["a key twice", `{ "restart": "no", "restart": "always" }`, ":1:20: restart: the key is there twice"],
    ["no JSON", `{ "restart" "no" }`, ":1:13: not valid JSON with comments: "],
    ["half of it", `{ "restart": `, "not valid JSON with comments: "],
  ];
  for (const [what, text, message] of cases) {
    await t.step(what, async () => {
      await dir.write("policy.jsonc", text);
      const { code, out, err } = await qeeper("replay", dir.path, "--policy", file);
      assertEquals([code, out], [2, ""]);
      assertStringIncludes(err, `qeeper: ${file}:`);
      assertStringIncludes(err, message);
    });
  }
  await t.step("no file", async () => {
    const { code, err } = await qeeper("replay", dir.path, "--policy", `${dir.path}/none.jsonc`);
    assertEquals([code, err], [
      2,
      `qeeper: Cannot read the policy ${dir.path}/none.jsonc: there is no such file\n`,
    ]);
  });
  await t.step("no policy at all", async () => {
    const { code, err } = await qeeper("replay", dir.path);
    assertEquals(code, 2);
    assertStringIncludes(err, "replay needs a policy: --policy FILE");
  });
});

Deno.test("qeeper replay says where there is no journal", async () => {
  await using dir = await StateDir.make();
  await dir.write("policy.jsonc", "{}");
  const { code, err } = await qeeper("replay", dir.path, "--policy", `${dir.path}/policy.jsonc`);
  assertEquals(code, 1);
  assertStringIncludes(
    err,
    `Cannot read the journal ${dir.path}: there is none; name a supervisor's state directory`,
  );
});

Deno.test("qeeper replay agrees with a real supervisor about a guest that panicked until it failed, and knows another way", async () => {
  await using yard = await Yard.make();
  const stateDir = `${yard.folder}/state`;
  const spec = {
    restart: "always",
    backoff: { initialMs: 5, jitter: 0 },
    limit: { restarts: 3, withinMs: 60_000 },
  } as const;
  {
    await using supervised = await yard.open({ stateDir });
    const { supervisor, reports } = supervised;
    await supervisor.add(await yard.firmware("web", unirom, spec));
    for (let life = 0; life < 4; life++) {
      await reports.until("web", "started");
      await tell(supervisor.get("web")?.vm, uniCommands.panic);
    }
    await reports.until("web", "ended guest-panic -> give up (restart-limit)");
    await supervisor.close({ vms: "stop" });
    await reports.ended;
  }
  const replayed = async (policy: object) => {
    await Deno.writeTextFile(`${yard.folder}/policy.jsonc`, JSON.stringify(policy));
    const { code, out } = await qeeper(
      "replay",
      stateDir,
      "--policy",
      `${yard.folder}/policy.jsonc`,
      "--json",
    );
    assertEquals(code, 0);
    const { steps, guests } = JSON.parse(out);
    const [{ restartsDone, restartsWould }] = guests;
    return [steps.map(({ same }: { same: boolean }) => same), restartsDone, restartsWould];
  };
  // A start, four panics, and the stop at the end.
  assertEquals(await replayed(spec), [[true, true, true, true, true, true], 3, 3]);
  const inPlace = await replayed({
    restart: "always",
    backoff: { initialMs: 0 },
    onCause: { "guest-panic": "reset" },
    limit: { restarts: 9, withinMs: 60_000 },
  });
  assertEquals(inPlace, [[true, false, false, false, false, false], 3, 4]);
});
