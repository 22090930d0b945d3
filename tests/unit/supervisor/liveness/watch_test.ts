import { assert, assertEquals, assertRejects } from "@std/assert";
import { NoAnswerError } from "../../../../src/supervisor/liveness/errors.ts";
import { RHYTHM } from "../../../../src/supervisor/liveness/rhythm.ts";
import { LivenessWatch } from "../../../../src/supervisor/liveness/watch.ts";
import { FakeQemu, settle, Told, VirtualClock } from "./_virtual.ts";

/** A second longer than what can go by before a trouble is told: a round, and two questions without an answer. */
const SURELY_MS = RHYTHM.roundMs + RHYTHM.inBandMs + RHYTHM.outOfBandMs + 1_000;

function begin(clockJumped: (byMs: number) => void = () => {}) {
  const clock = new VirtualClock();
  const watch = new LivenessWatch({ clock, clockJumped });
  const qemu = new FakeQemu();
  const told = new Told();
  return { clock, watch, qemu, told, watched: watch.watch(qemu.subject(), told) };
}

Deno.test("LivenessWatch asks a healthy QEMU once a round, in band only, and tells nothing", async () => {
  const { clock, watch, qemu, told, watched } = begin();
  await using _watch = watch;
  await clock.pass(10 * RHYTHM.roundMs);
  assertEquals(qemu.asked, { inBand: 10, outOfBand: 0, looks: 0 });
  assertEquals([told.words, told.lasted], [[], []]);
  assertEquals([watched.liveness, watched.runState, watched.readiness], [
    { kind: "healthy" },
    "running",
    "ready",
  ]);
});

Deno.test("LivenessWatch has one timer for 100 guests, and wakes up once a second to ask a tenth of them", async () => {
  const clock = new VirtualClock();
  await using watch = new LivenessWatch({ clock });
  const qemus = Array.from({ length: 100 }, () => new FakeQemu());
  for (const qemu of qemus) watch.watch(qemu.subject(), new Told());
  const asked = () => qemus.reduce((sum, { asked: { inBand } }) => sum + inBand, 0);
  await clock.pass(RHYTHM.roundMs + RHYTHM.closeMs);
  for (let second = 0; second < 10; second++) {
    const [before, ticks] = [asked(), clock.wentOff];
    await clock.pass(1_000);
    assertEquals([clock.timers, clock.wentOff - ticks], [1, 1]);
    const most = asked() - before;
    assert(most >= 8 && most <= 11, `${most} at once`);
  }
  assert(qemus.every(({ asked: { inBand } }) => inBand >= 2 && inBand <= 3));
});

for (
  const { condition, proc, oob, word } of [
    {
      condition: "blocked",
      proc: "permitted",
      oob: "offered",
      word: { kind: "busy", proof: "answers-out-of-band" },
    },
    {
      condition: "blocked",
      proc: "not-permitted",
      oob: "offered",
      word: { kind: "busy", proof: "answers-out-of-band" },
    },
    { condition: "blocked", proc: "permitted", oob: "none", word: { kind: "busy", proof: "presumed" } },
    { condition: "blocked", proc: "not-permitted", oob: "none", word: { kind: "busy", proof: "presumed" } },
    { condition: "stopped", proc: "permitted", oob: "offered", word: { kind: "stopped", by: "signal" } },
    { condition: "stopped", proc: "not-permitted", oob: "offered", word: { kind: "stopped", by: "unknown" } },
    { condition: "stopped", proc: "permitted", oob: "none", word: { kind: "stopped", by: "signal" } },
    // Nothing tells these two apart.
    { condition: "stopped", proc: "not-permitted", oob: "none", word: { kind: "busy", proof: "presumed" } },
    { condition: "silent", proc: "permitted", oob: "offered", word: { kind: "stopped", by: "unknown" } },
  ] as const
) {
  Deno.test(`LivenessWatch tells of a ${condition} QEMU what can be known with /proc ${proc} and OOB ${oob}, each second, and at once when it is over`, async () => {
    const { clock, watch, qemu, told } = begin();
    await using _watch = watch;
    Object.assign(qemu, { proc, oob });
    await clock.pass(3_000);
    const beginMs = clock.monoMs;
    qemu.become(condition);
    await clock.pass(SURELY_MS);
    const [{ forMs, ...first } = { forMs: 0 }, ...others] = told.words as { kind: string; forMs: number }[];
    assertEquals(first, word);
    assertEquals(others, []);
    assert(forMs >= RHYTHM.inBandMs && forMs <= clock.monoMs - beginMs);

    const before = told.lasted.length;
    await clock.pass(5_000);
    const lasting = told.lasted.slice(before) as { kind: string; forMs: number }[];
    assertEquals(lasting.length, 5);
    for (const [i, { forMs: now }] of lasting.entries()) {
      assertEquals(now - (lasting[0]?.forMs ?? 0), 1_000 * i);
    }

    qemu.become("well");
    await settle();
    assertEquals(told.kinds, [word.kind, "healthy"]);
    const asked = qemu.asked.inBand;
    await clock.pass(10 * RHYTHM.roundMs);
    assertEquals(qemu.asked.inBand, asked + 10);
    assertEquals(qemu.open, 0);
  });
}

Deno.test("LivenessWatch tells when a busy QEMU is stopped, and when it is only busy again", async () => {
  const { clock, watch, qemu, told } = begin();
  await using _watch = watch;
  qemu.become("blocked");
  await clock.pass(SURELY_MS);
  qemu.become("stopped");
  await clock.pass(3_000);
  qemu.become("blocked");
  await clock.pass(3_000);
  qemu.become("well");
  await settle();
  assertEquals(told.kinds, ["busy", "stopped", "busy", "healthy"]);
});

Deno.test("LivenessWatch takes a paused guest for healthy, and knows that it is paused", async () => {
  const { clock, watch, qemu, told, watched } = begin();
  await using _watch = watch;
  qemu.runState = "paused";
  await clock.pass(SURELY_MS);
  assertEquals([told.words, watched.liveness, watched.runState], [[], { kind: "healthy" }, "paused"]);
});

Deno.test("LivenessWatch tells that QEMU is gone, and nothing after it", async () => {
  const { clock, watch, qemu, told, watched } = begin();
  qemu.become("stopped");
  await clock.pass(SURELY_MS);
  qemu.ended.resolve("gone");
  await settle();
  assertEquals(told.kinds, ["stopped", "gone"]);
  const asked = { ...qemu.asked };
  const { length } = told.lasted;
  await clock.pass(SURELY_MS);
  assertEquals([qemu.asked, told.lasted.length, clock.timers], [asked, length, 0]);
  assertEquals(await watched.check(), { kind: "gone" });
  await watch[Symbol.asyncDispose]();
});

Deno.test("LivenessWatch lets go of a QEMU that was let go of without a word", async () => {
  const { clock, watch, qemu, told } = begin();
  qemu.ended.resolve("let-go");
  await clock.pass(SURELY_MS);
  assertEquals([told.words, qemu.asked.inBand, clock.timers], [[], 0, 0]);
  await watch[Symbol.asyncDispose]();
});

Deno.test("LivenessWatch has no opinion of a QEMU that it can't ask, but for what the host says of its process", async () => {
  const { clock, watch, qemu, told, watched } = begin();
  await using _watch = watch;
  qemu.become("disconnected");
  await clock.pass(SURELY_MS);
  assertEquals(told.words, []);
  assertEquals(await watched.check(), { kind: "healthy" });
  qemu.look = () => Promise.resolve("stopped");
  await clock.pass(3_000);
  assertEquals(told.kinds, ["stopped"]);
  const [first, second] = [told.words[0], told.lasted.at(-1)];
  assert(first?.kind === "stopped" && second?.kind === "stopped" && second.forMs - first.forMs >= 2_000);
  qemu.look = () => Promise.resolve("runs");
  await clock.pass(2_000);
  assertEquals(told.words.at(-1), {
    kind: "busy",
    forMs: watched.liveness.kind === "busy" ? watched.liveness.forMs : 0,
    proof: "presumed",
  });
  qemu.look = () => Promise.resolve("missing");
  await clock.pass(2_000);
  assertEquals(told.kinds, ["stopped", "busy", "gone"]);
});

Deno.test("LivenessWatch does not believe that a process is gone whose connection is open", async () => {
  const { clock, watch, qemu, told } = begin();
  await using _watch = watch;
  qemu.look = () => Promise.resolve("missing"); // as where /proc is mounted with hidepid
  qemu.become("blocked");
  await clock.pass(SURELY_MS);
  assertEquals(told.kinds, ["busy"]);
});

Deno.test("LivenessWatch does not wait for a look that takes for ever, nor take it for news when an answer came meanwhile", async () => {
  const { clock, watch, qemu, told } = begin();
  await using _watch = watch;
  const look = Promise.withResolvers<"stopped">();
  qemu.look = () => look.promise;
  qemu.become("stopped");
  await clock.pass(SURELY_MS);
  assertEquals(told.words.map((word) => "by" in word && word.by), ["unknown"]);
  qemu.become("well");
  await settle();
  look.resolve("stopped");
  await settle();
  assertEquals(told.kinds, ["stopped", "healthy"]);
});

Deno.test("LivenessWatch survives a look that fails", async () => {
  const { clock, watch, qemu, told } = begin();
  await using _watch = watch;
  qemu.look = () => Promise.reject(new Error("EIO"));
  qemu.become("stopped");
  await clock.pass(SURELY_MS);
  assertEquals(told.words.map((word) => "by" in word && word.by), ["unknown"]);
});

Deno.test("LivenessWatch blames nobody for what it did not hear while its own process stood", async () => {
  const { clock, watch, qemu, told } = begin();
  await using _watch = watch;
  await clock.pass(30_000);
  // Asked, and before the answer is heard this process stands for a minute.
  qemu.become("silent");
  while (qemu.open === 0) await clock.pass(1);
  clock.stall(60_000);
  await clock.pass(1);
  assertEquals(qemu.open, 1);
  qemu.become("well");
  await clock.pass(1_000);
  assertEquals(told.words, []);
});

Deno.test("LivenessWatch tells a jump of the clock once, and blames nobody for it", async () => {
  const jumps: number[] = [];
  const { clock, watch, told } = begin((byMs) => jumps.push(byMs));
  await using _watch = watch;
  await clock.pass(25_000);
  clock.jump(3_600_000);
  await clock.pass(SURELY_MS);
  assertEquals(jumps, [3_600_000]);
  clock.jump(-7_200_000);
  await clock.pass(60_000);
  assertEquals(jumps, [3_600_000, -7_200_000]);
  assertEquals(told.words, []);
});

Deno.test("LivenessWatch.dispose leaves neither timer nor question, and check() ends", async () => {
  const { clock, watch, qemu, told, watched } = begin();
  qemu.become("silent");
  const checking = watched.check();
  await settle();
  assertEquals([qemu.open, clock.timers], [1, 1]);
  await watch[Symbol.asyncDispose]();
  assertEquals(await checking, { kind: "healthy" });
  assertEquals([qemu.open, clock.timers, told.words], [0, 0, []]);
});

Deno.test("LivenessWatch.dispose by a listener, in the middle of a tick, ends it there", async () => {
  const clock = new VirtualClock();
  const watch = new LivenessWatch({ clock, clockJumped: () => void watch[Symbol.asyncDispose]() });
  const qemu = new FakeQemu();
  watch.watch(qemu.subject(), new Told());
  clock.jump(10_000);
  await clock.pass(SURELY_MS);
  assertEquals([qemu.asked.inBand, clock.timers], [0, 0]);
  const late = watch.watch(qemu.subject(), new Told());
  assertEquals([await late.check(), qemu.asked.inBand, clock.timers], [{ kind: "healthy" }, 0, 0]);
});

Deno.test("Watched.check() says what is found now", async () => {
  const { clock, watch, qemu, told, watched } = begin();
  await using _watch = watch;
  await clock.pass(1);
  assertEquals(await watched.check(), { kind: "healthy" });
  assertEquals(qemu.asked.inBand, 1);
  qemu.become("blocked");
  const checking = watched.check();
  await clock.pass(RHYTHM.inBandMs);
  assertEquals(await checking, { kind: "busy", forMs: 1_000, proof: "answers-out-of-band" });
  assertEquals(told.kinds, ["busy"]);
  const again = watched.check();
  qemu.become("stopped");
  await clock.pass(RHYTHM.closeMs);
  assertEquals((await again).kind, "busy");
});

Deno.test("Watched.check() stops waiting by its signal", async () => {
  const { watch, qemu, watched } = begin();
  await using _watch = watch;
  qemu.become("silent");
  const stop = new AbortController();
  const checking = watched.check({ signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => checking, Error, "enough");
  await assertRejects(() => watched.check({ signal: stop.signal }), Error, "enough");
});

/** What became of a wait, and when. */
function timed(clock: VirtualClock, running: Promise<unknown>): { done: () => string | null } {
  const startMs = clock.monoMs;
  let done: string | null = null;
  const say = (what: string) => done = `${what} after ${clock.monoMs - startMs}`;
  running.then(
    () => say("done"),
    (error) => say(error instanceof NoAnswerError ? error.liveness.kind : `${error}`),
  );
  return { done: () => done };
}

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

Deno.test("Watched.patiently() gives up after its time while QEMU is healthy or stopped", async () => {
  for (const condition of ["well", "stopped", "silent"] as const) {
    const { clock, watch, qemu, watched } = begin();
    await using _watch = watch;
    qemu.become(condition);
    const wait = timed(clock, watched.patiently(never, { timeoutMs: 5_000 }));
    await clock.pass(4_999);
    assertEquals(wait.done(), null);
    await clock.pass(1_001);
    const word = condition === "well" ? "healthy" : "stopped";
    assert(wait.done()?.startsWith(`${word} after `), `${wait.done()}`);
  }
});

Deno.test("Watched.patiently() gives up on a healthy QEMU when the time is over, not a second later", async () => {
  const { clock, watch, watched } = begin();
  await using _watch = watch;
  const wait = timed(clock, watched.patiently(never, { timeoutMs: 1_500 }));
  await clock.pass(1_499);
  assertEquals(wait.done(), null);
  await clock.pass(100);
  assert(wait.done()?.startsWith("healthy after 15"), `${wait.done()}`);
});

Deno.test("Watched.patiently() does not count the time in which QEMU is busy, up to its cap", async () => {
  const { clock, watch, qemu, watched } = begin();
  await using _watch = watch;
  qemu.become("blocked");
  const wait = timed(clock, watched.patiently(never, { timeoutMs: 5_000, capMs: 60_000 }));
  await clock.pass(30_000);
  assertEquals(wait.done(), null);
  qemu.become("well");
  await clock.pass(4_000);
  assertEquals(wait.done(), null);
  await clock.pass(1_100);
  assert(wait.done()?.startsWith("healthy after 35"), `${wait.done()}`);

  qemu.become("blocked");
  const capped = timed(clock, watched.patiently(never, { timeoutMs: 5_000, capMs: 60_000 }));
  await clock.pass(59_999);
  assertEquals(capped.done(), null);
  await clock.pass(50);
  assert(capped.done()?.startsWith("busy after 600"), `${capped.done()}`);
});

Deno.test("Watched.patiently() counts what was used up before QEMU became busy", async () => {
  const { clock, watch, qemu, watched } = begin();
  await using _watch = watch;
  const wait = timed(clock, watched.patiently(never, { timeoutMs: 5_000 }));
  await clock.pass(3_000);
  qemu.become("blocked");
  await clock.pass(20_000);
  qemu.become("well");
  await settle();
  assertEquals(wait.done(), null);
  await clock.pass(2_100);
  // That it was busy is only known from the first question on that it did not answer, which may be a second later.
  assert(/^healthy after 2[45]/.test(`${wait.done()}`), `${wait.done()}`);
});

Deno.test("Watched.patiently() returns what its action does, passes on its error, and ends by signal, by QEMU's end and by dispose", async () => {
  const { clock, watch, qemu, watched } = begin();
  assertEquals(await watched.patiently(() => Promise.resolve(7), { timeoutMs: 1_000 }), 7);
  await assertRejects(
    () => watched.patiently(() => Promise.reject(new Error("no")), { timeoutMs: 1 }),
    Error,
    "no",
  );

  const stop = new AbortController();
  const stopped = watched.patiently(never, { timeoutMs: 1_000, signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => stopped, Error, "enough");

  qemu.become("blocked");
  const gone = watched.patiently(never, { timeoutMs: 1_000 });
  await clock.pass(100);
  qemu.ended.resolve("gone");
  const error = await assertRejects(() => gone, NoAnswerError, 'VM "web" after 100 ms: QEMU is gone');
  assertEquals(error.liveness, { kind: "gone" });
  await assertRejects(() => watched.patiently(never, { timeoutMs: 1_000 }), NoAnswerError);
  await watch[Symbol.asyncDispose]();
  assertEquals(clock.timers, 0);
});

Deno.test("Watched.patiently() leaves nothing at the signal that it was given", async () => {
  const { watch, watched } = begin();
  await using _watch = watch;
  const { signal } = new AbortController();
  let listeners = 0;
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove.apply(signal, args);
  };
  await watched.patiently(() => Promise.resolve(), { timeoutMs: 1_000, signal });
  assertEquals(listeners, 0);
});

Deno.test("Watched.patiently() is not over by time in which this process stood", async () => {
  const { clock, watch, watched } = begin();
  await using _watch = watch;
  const wait = timed(clock, watched.patiently(never, { timeoutMs: 5_000, capMs: 6_000 }));
  await clock.pass(1_000);
  clock.stall(60_000);
  // What was left until the timer was due counts.
  await clock.pass(2_900);
  assertEquals(wait.done(), null);
  await clock.pass(200);
  assert(wait.done()?.startsWith("healthy"), `${wait.done()}`);
});
