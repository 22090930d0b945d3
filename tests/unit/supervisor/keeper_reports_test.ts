// What a keeper reports, over months of a guest that never starts: these tests may not run QEMU, so each attempt is a real failure.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Ask, Keeper } from "../../../src/supervisor/keeper.ts";
import { LivenessWatch } from "../../../src/supervisor/liveness/mod.ts";
import type { PolicyAction } from "../../../src/supervisor/policy_action.ts";
import type { Report } from "../../../src/supervisor/report.ts";
import { noCrash } from "../../../src/supervisor/store/mod.ts";
import { silentLogger } from "../../../src/qmp/mod.ts";

/** A clock that stands still but for `pass`, in the place of this process's. */
class VirtualClock implements Disposable {
  readonly #real = { setTimeout, clearTimeout, now: performance.now };
  readonly #timers = new Map<number, { atMs: number; run: () => void }>();
  #nowMs = 0;
  #last = 0;

  constructor() {
    performance.now = () => this.#nowMs;
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms: number) => {
        this.#timers.set(++this.#last, { atMs: this.#nowMs + ms, run });
        return this.#last;
      },
      clearTimeout: (id: number) => this.#timers.delete(id),
    });
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets time pass; what falls due on the way happens then. */
  pass(ms: number): void {
    this.#nowMs += ms;
    const due = [...this.#timers].filter(([, { atMs }]) => atMs <= this.#nowMs);
    for (const [id, { run }] of due.toSorted(([, a], [, b]) => a.atMs - b.atMs)) {
      if (this.#timers.delete(id)) run();
    }
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, { setTimeout: this.#real.setTimeout, clearTimeout: this.#real.clearTimeout });
    performance.now = this.#real.now;
  }
}

type Step = { kind: "ask"; ask: Ask } | { kind: "pass"; ms: number };

const aStep: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom<Ask>("start", "stop", "restart", "clear").map((ask): Step => ({ kind: "ask", ask })),
  fc.integer({ min: 0, max: 120_000 }).map((ms): Step => ({ kind: "pass", ms })),
  fc.constant<Step>({ kind: "pass", ms: 24 * 60 * 60 * 1000 }),
);

/** Waits, by the real clock's turns, until an attempt that is under way has failed. */
async function untilTried(keeper: Keeper): Promise<void> {
  while (keeper.state.phase === "starting") await new Promise((resolve) => setImmediate(resolve));
}

Deno.test("a keeper reports each incident once: every wish, every failure and every end of a wait, over any months", async () => {
  let failures = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { maxLength: 40 }), async (steps) => {
      using clock = new VirtualClock();
      const reports: Report[] = [];
      await using watch = new LivenessWatch();
      const keeper = new Keeper("vm", { config: { machine: "none", accel: "tcg" }, restart: "always" }, {
        ...{ memory: null, runtimeDir: null, lifetime: "owned", dumpDir: "/", crash: noCrash },
        ...{ logger: silentLogger, watch },
        report: (report) => reports.push(report),
      });
      const happened = { asked: 0, ended: 0, "wait-over": 0 };
      const carriedOut = (kind: PolicyAction["kind"]) =>
        reports.flatMap((report) => "actions" in report ? report.actions : []).filter((action) =>
          action.kind === kind
        ).length;
      for (const step of steps) {
        if (step.kind === "ask") {
          happened.asked++;
          keeper.ask(step.ask);
        } else {
          const waits = clock.timers;
          clock.pass(step.ms);
          happened["wait-over"] += waits - clock.timers;
        }
        await untilTried(keeper);
        // Each start that was decided on has failed once, and was told once.
        happened.ended = carriedOut("start");
        const told = (kind: Report["kind"]) => reports.filter((report) => report.kind === kind).length;
        assertEquals(
          { asked: told("asked"), ended: told("ended"), "wait-over": told("wait-over") },
          happened,
        );
        assertEquals(reports.length, happened.asked + happened.ended + happened["wait-over"]);
      }
      failures += happened.ended;
      await keeper.close();
      assertEquals(clock.timers, 0);
    }),
    { numRuns: 60 },
  );
  assert(failures > 60, `${failures} starts failed, which proves little`);
});
