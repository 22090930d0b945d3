import { assertEquals } from "@std/assert";
import { GuestProbes } from "../../../../src/supervisor/liveness/guest_probes.ts";
import type { WholeProbe } from "../../../../src/supervisor/liveness/probe.ts";
import type { Found, Probing } from "../../../../src/supervisor/liveness/probing.ts";
import { LivenessWatch } from "../../../../src/supervisor/liveness/watch.ts";
import { FakeQemu, settle, Told, VirtualClock } from "./_virtual.ts";

const TIMING = { everyMs: 5_000, timeoutMs: 1_000, failures: 3, graceMs: 0 };
const LIVENESS: WholeProbe = { kind: "agent", for: "liveness", ...TIMING };
const READINESS: WholeProbe = { kind: "agent", for: "readiness", ...TIMING };

const PASSED: Found = { kind: "passed" };
const MISSED: Found = { kind: "missed", why: "silence" };

/** A probe whose outcome a test decides. */
class FakeProbing implements Probing {
  found: Found | Error = PASSED;
  asked = 0;
  lives = 1;
  disposed = 0;
  /** What happens while it is under way. */
  meanwhile: () => unknown = () => {};

  async ask(): Promise<Found> {
    this.asked++;
    await this.meanwhile();
    if (this.found instanceof Error) throw this.found;
    return this.found;
  }

  beginAnew(): void {
    this.lives++;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
    return Promise.resolve();
  }
}

function begin(...probes: WholeProbe[]) {
  const clock = new VirtualClock();
  const watch = new LivenessWatch({ clock });
  const qemu = new FakeQemu();
  const told = new Told();
  const probings = probes.map(() => new FakeProbing());
  const all = probes.map((probe, i) => ({ probe, probing: probings[i] ?? new FakeProbing() }));
  const subject = qemu.subject((guest, host) => new GuestProbes(all, guest, host, told));
  const watched = watch.watch(subject, told);
  const [probing = new FakeProbing(), other = new FakeProbing()] = probings;
  return { clock, watch, qemu, told, watched, probing, other };
}

Deno.test("GuestProbes asks at once and then as often as the probe says, and tells what it says from now on", async () => {
  const { clock, watch, told, probing, watched } = begin(LIVENESS);
  await using _watch = watch;
  await clock.pass(100);
  assertEquals([probing.asked, told.probes, told.readinesses], [1, ["0 passing"], []]);
  assertEquals(watched.readiness, "ready");
  await clock.pass(50_000);
  assertEquals(probing.asked, 11);
  probing.found = MISSED;
  await clock.pass(10_000);
  assertEquals(told.probes, ["0 passing"]);
  await clock.pass(5_000);
  assertEquals(told.probes, ["0 passing", "0 failing: silence"]);
  probing.found = PASSED;
  await clock.pass(5_000);
  assertEquals(told.probes, ["0 passing", "0 failing: silence", "0 passing"]);
  assertEquals(told.words, []);
});

Deno.test("GuestProbes asks for readiness each second until it is there", async () => {
  const { clock, watch, told, probing, other, watched } = begin(READINESS, { ...READINESS, graceMs: 10_000 });
  await using _watch = watch;
  assertEquals(watched.readiness, "unknown");
  other.found = MISSED;
  await clock.pass(8_500);
  assertEquals([probing.asked, other.asked], [2, 9]);
  assertEquals([told.readinesses, told.probes, watched.readiness], [[], ["0 passing"], "unknown"]);
  other.found = PASSED;
  await clock.pass(1_000);
  assertEquals([told.readinesses, watched.readiness], [["ready"], "ready"]);
  probing.found = MISSED;
  await clock.pass(15_000);
  assertEquals(told.readinesses, ["ready", "not-ready"]);
  probing.found = PASSED;
  await clock.pass(2_000);
  assertEquals(told.readinesses, ["ready", "not-ready", "ready"]);
});

Deno.test("GuestProbes counts nothing against a guest that is held, and goes on when it runs", async () => {
  const { clock, watch, qemu, told, probing } = begin(LIVENESS);
  await using _watch = watch;
  await clock.pass(100);
  probing.found = MISSED;
  for (const runState of ["paused", "suspended", "postmigrate", "save-vm", "io-error"]) {
    qemu.runState = runState;
    await clock.pass(60_000);
  }
  assertEquals([probing.asked, told.probes], [1, ["0 passing"]]);
  qemu.runState = "running";
  await clock.pass(15_000);
  assertEquals(told.probes, ["0 passing", "0 failing: silence"]);
});

Deno.test("GuestProbes counts nothing that a guest missed because it was held meanwhile", async () => {
  const { clock, watch, qemu, told, probing } = begin(LIVENESS);
  await using _watch = watch;
  await clock.pass(100);
  probing.found = MISSED;
  probing.meanwhile = () => qemu.runState = "paused";
  for (let i = 0; i < 9; i++) {
    await clock.pass(5_000);
    qemu.runState = "running";
  }
  assertEquals([probing.asked, told.probes], [10, ["0 passing"]]);
});

Deno.test("GuestProbes leaves a QEMU that is busy or stopped to the oracle", async () => {
  for (const condition of ["blocked", "stopped"] as const) {
    const { clock, watch, qemu, told, probing } = begin(LIVENESS);
    await using _watch = watch;
    await clock.pass(100);
    probing.found = MISSED;
    qemu.become(condition);
    await clock.pass(120_000);
    assertEquals([probing.asked, told.probes], [1, ["0 passing"]]);
    qemu.become("well");
    await clock.pass(20_000);
    assertEquals(told.probes, ["0 passing", "0 failing: silence"]);
  }
});

Deno.test("GuestProbes gives a guest its time of grace, which stands while it is held", async () => {
  const { clock, watch, qemu, told, probing } = begin({ ...LIVENESS, graceMs: 30_000 });
  await using _watch = watch;
  probing.found = MISSED;
  await clock.pass(10_000);
  qemu.runState = "paused";
  await clock.pass(600_000);
  qemu.runState = "running";
  await clock.pass(25_000);
  assertEquals(told.probes, []);
  await clock.pass(20_000);
  assertEquals(told.probes, ["0 failing: silence"]);
});

Deno.test("GuestProbes counts as time of grace only what lies between two moments at which the guest ran", async () => {
  const { clock, watch, qemu, told, probing } = begin({
    ...LIVENESS,
    everyMs: 50_000,
    graceMs: 60_000,
    failures: 1,
  });
  await using _watch = watch;
  probing.found = MISSED;
  await clock.pass(1_000);
  qemu.runState = "paused";
  await clock.pass(50_000);
  qemu.runState = "running";
  // Until 100 s it was held at one end; from there on it runs.
  await clock.pass(101_000);
  assertEquals([probing.asked, told.probes], [3, []]);
  await clock.pass(50_000);
  assertEquals(told.probes, ["0 failing: silence"]);
});

Deno.test("GuestProbes takes an error for a probe that was not passed", async () => {
  const { clock, watch, told, probing } = begin({ ...LIVENESS, failures: 1 });
  await using _watch = watch;
  probing.found = new Error("EIO");
  await clock.pass(100);
  assertEquals(told.probes, ["0 failing: EIO"]);
});

Deno.test("GuestProbes.beginAnew() knows nothing of the life before, nor of what was asked in it", async () => {
  const { clock, watch, told, probing, watched } = begin(READINESS);
  await using _watch = watch;
  await clock.pass(100);
  assertEquals(told.readinesses, ["ready"]);
  watched.begunAnew(Date.now());
  assertEquals([told.readinesses, probing.lives], [["ready", "unknown"], 2]);

  const late = Promise.withResolvers<void>();
  probing.meanwhile = () => late.promise;
  await clock.pass(100);
  probing.meanwhile = () => {};
  probing.found = MISSED;
  watched.begunAnew(Date.now());
  late.resolve();
  await clock.pass(1_500);
  assertEquals(told.readinesses, ["ready", "unknown"]);
  await clock.pass(1_000);
  assertEquals(told.readinesses, ["ready", "unknown", "not-ready"]);
});

Deno.test("GuestProbes.beginAnew() does not take for the new life what was passed in the one before", async () => {
  const { clock, watch, told, probing, watched } = begin(READINESS);
  await using _watch = watch;
  const late = Promise.withResolvers<void>();
  probing.meanwhile = () => late.promise;
  await clock.pass(100);
  watched.begunAnew(Date.now());
  late.resolve();
  await settle();
  assertEquals([told.probes, told.readinesses], [[], []]);
  await clock.pass(100);
  assertEquals([told.probes, told.readinesses], [["0 passing"], ["ready"]]);
});

Deno.test("GuestProbes ends with its guest: nothing is asked or told any more", async () => {
  const { clock, watch, qemu, told, probing } = begin(LIVENESS);
  const late = Promise.withResolvers<void>();
  probing.meanwhile = () => late.promise;
  await clock.pass(100);
  qemu.ended.resolve("gone");
  await clock.pass(100);
  late.resolve();
  await clock.pass(60_000);
  assertEquals([probing.asked, told.probes, told.kinds, clock.timers], [1, [], ["gone"], 0]);
  await watch[Symbol.asyncDispose]();
});

Deno.test("GuestProbes.dispose waits for what is under way, and puts its probes away", async () => {
  const { clock, watch, told, probing } = begin(LIVENESS);
  const late = Promise.withResolvers<void>();
  probing.meanwhile = () => late.promise;
  await clock.pass(100);
  const disposing = watch[Symbol.asyncDispose]();
  late.resolve();
  await disposing;
  assertEquals([probing.asked, probing.disposed, told.probes, clock.timers], [1, 1, [], 0]);
});
