import { assertEquals } from "@std/assert";
import { type AnyQmpEvent, type QmpClient, type RunState, silentLogger } from "../../../src/qmp/mod.ts";
import { type FoundGuest, GuestEnds } from "../../../src/vm/guest_ends.ts";
import type { ResetLog } from "../../../src/vm/reset_log.ts";
import type { ResetEntry } from "../../../src/vm/resets.ts";
import type { Verdict } from "../../../src/vm/verdict_types.ts";
import { event, PANICKED, reset, RESUME, shutdown, STOP } from "./_events.ts";

/** QEMU's answers to `query-status`, one after another; an error where it can't be asked. */
type Answer = RunState | Error | Promise<RunState>;

function watch(answers: Answer[], entries: ResetEntry[] = [], found: FoundGuest | null = null) {
  const execute = async () => {
    const answer = answers.shift() ?? new Error("asked once too often");
    if (answer instanceof Error) throw answer;
    return { status: await answer };
  };
  const resetLog: Pick<ResetLog, "takeReset" | "lookAtRest"> = {
    takeReset: () => Promise.resolve(entries.shift() ?? { tripleFault: "unknown", origin: "unknown" }),
    lookAtRest: () => true,
  };
  return new GuestEnds({
    name: "web",
    qmp: { execute } as unknown as QmpClient,
    resetLog: resetLog as ResetLog,
    resetHabit: "repeats",
    logger: silentLogger,
    verdict: (end, tripleFault, events): Verdict => ({
      ...{
        ...end,
        tripleFault,
        events,
        at: new Date(0),
        exit: null,
        intent: "none",
        rung: null,
        stderrTail: "",
        oomKill: null,
        consoleTail: "",
      },
    }),
  }, found);
}

async function endsAfter(ends: GuestEnds, events: readonly AnyQmpEvent[]): Promise<string[]> {
  using stream = ends.stream();
  for (const event of events) ends.onEvent(event);
  await ends.settled();
  ends.close();
  const verdicts = await Array.fromAsync(stream);
  return verdicts.map(({ cause, process, tripleFault }) => `${cause} ${process} ${tripleFault}`);
}

Deno.test("GuestEnds tells of an end that QEMU holds, and remembers it", async () => {
  const ends = watch(["guest-panicked"]);
  assertEquals(ends.held, null);
  assertEquals(await endsAfter(ends, [RESUME, PANICKED, STOP]), ["guest-panic held null"]);
  assertEquals(ends.held?.cause, "guest-panic");
  await ends.whenHeld;
  assertEquals(ends.events, [RESUME, PANICKED, STOP]);
});

Deno.test("GuestEnds tells nothing of a pause", async () => {
  const ends = watch(["paused"]);
  assertEquals(await endsAfter(ends, [RESUME, STOP]), []);
  assertEquals(ends.held, null);
});

Deno.test("GuestEnds goes by the events when QEMU can't be asked", async () => {
  const ends = watch([new Error("the control monitor was closed")]);
  assertEquals(await endsAfter(ends, [RESUME, shutdown("guest-shutdown"), STOP]), [
    "guest-shutdown held null",
  ]);
});

Deno.test("GuestEnds forgets the end when the guest goes on", async () => {
  const ends = watch(["shutdown", "guest-panicked"]);
  using stream = ends.stream();
  for (const event of [shutdown("guest-shutdown"), STOP]) ends.onEvent(event);
  await ends.settled();
  assertEquals(ends.held?.cause, "guest-shutdown");
  ends.onEvent(reset("host-qmp-system-reset"));
  ends.onEvent(RESUME);
  assertEquals(ends.held, null);
  const heldAgain = ends.whenHeld;
  for (const event of [PANICKED, STOP]) ends.onEvent(event);
  await heldAgain;
  assertEquals((await stream.next()).value?.cause, "guest-shutdown");
  assertEquals((await stream.next()).value?.cause, "guest-panic");
  ends.close();
});

Deno.test("GuestEnds does not take a late answer for the guest's present state", async () => {
  const answer = Promise.withResolvers<RunState>();
  const ends = watch([answer.promise]);
  using stream = ends.stream();
  for (const event of [RESUME, PANICKED, STOP]) ends.onEvent(event);
  await Promise.resolve();
  // Somebody resets the guest before the answer is read.
  for (const event of [reset("host-qmp-system-reset"), RESUME]) ends.onEvent(event);
  answer.resolve("guest-panicked");
  await ends.settled();
  assertEquals(ends.held, null);
  ends.close();
  assertEquals((await Array.fromAsync(stream)).map(({ cause, process }) => [cause, process]), [
    ["guest-panic", "running"],
  ]);
});

Deno.test("GuestEnds tells of an end that was over before QEMU was asked", async () => {
  for (const answer of ["prelaunch", "running"] as const) {
    assertEquals(await endsAfter(watch([answer]), [RESUME, PANICKED, STOP]), ["guest-panic running null"]);
  }
});

Deno.test("GuestEnds takes an entry of the log for each RESET, and tells of the guest's own", async () => {
  const entries: ResetEntry[] = [
    { tripleFault: false, origin: "elsewhere" },
    { tripleFault: true, origin: "firmware" },
    { tripleFault: true, origin: "elsewhere" },
    { tripleFault: true, origin: "firmware" },
    { tripleFault: false, origin: "elsewhere" },
    { tripleFault: true, origin: "firmware" },
  ];
  const events = [
    reset("guest-reset", 0),
    reset("guest-reset", 30),
    reset("guest-reset", 1_000),
    reset("guest-reset", 1_030),
    reset("host-qmp-system-reset", 2_000),
    reset("guest-reset", 2_030),
  ];
  assertEquals(await endsAfter(watch([], entries), events), [
    "guest-reset running false",
    "guest-reset running true",
  ]);
});

Deno.test("GuestEnds looks for the triple fault of a reset that is held", async () => {
  assertEquals(await endsAfter(watch(["shutdown"]), [shutdown("guest-reset"), STOP]), [
    "guest-reset held true",
  ]);
  assertEquals(await endsAfter(watch(["shutdown"]), [shutdown("host-qmp-system-reset"), STOP]), [
    "guest-reset held null",
  ]);
});

Deno.test("GuestEnds starts with the end in which the guest was found", async () => {
  const found = { cause: "guest-panic", detail: "found so", reason: null, process: "held" } as const;
  const parts = {
    ...{ name: "web", qmp: null as unknown as QmpClient, resetLog: null, logger: silentLogger },
    resetHabit: "once",
    verdict: (end: typeof found) => end as unknown as Verdict,
  } as const;
  const all = parts as unknown as ConstructorParameters<typeof GuestEnds>[0];
  const events = [PANICKED, STOP];
  for (const [tell, told] of [["yes", ["guest-panic"]], ["no", []]] as const) {
    const held = { end: found, tripleFault: null, events, stop: null, tell };
    const ends = new GuestEnds(all, { events, held });
    await ends.whenHeld;
    assertEquals([ends.held?.cause, ends.events], ["guest-panic", events]);
    const streams = [ends.stream(), ends.stream()];
    ends.close();
    for (const stream of streams) {
      assertEquals((await Array.fromAsync(stream)).map(({ cause }) => cause), [...told]);
    }
  }
});

Deno.test("GuestEnds does not find out again the end at which the guest was found, when its STOP comes only now", async () => {
  const [resume, stop] = [event("RESUME", {}, 1), event("STOP", {}, 2)];
  const end = { cause: "guest-panic", detail: "found so", reason: null, process: "held" } as const;
  const held = { end, tripleFault: null, events: [PANICKED, stop], stop, tell: "yes" } as const;
  // It is not asked for its run state either: there is no answer.
  const ends = watch([], [], { events: [], held });
  assertEquals(await endsAfter(ends, [resume, PANICKED, stop]), ["guest-panic held null"]);
  assertEquals(ends.held?.detail, "found so");
});

Deno.test("GuestEnds.stream() is ended after the end", async () => {
  const ends = watch([]);
  ends.close();
  assertEquals(await Array.fromAsync(ends.stream()), []);
});
