import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type AnswerClock, runAnswerClock } from "../../../../src/supervisor/liveness/answer_clock.ts";
import type { Liveness } from "../../../../src/supervisor/liveness/oracle.ts";

const HEALTHY: Liveness = { kind: "healthy" };
const busy = (forMs: number): Liveness => ({ kind: "busy", forMs, proof: "answers-out-of-band" });
const STOPPED: Liveness = { kind: "stopped", forMs: 9_999, by: "signal" };

Deno.test("runAnswerClock() stands while QEMU is busy and runs while it is healthy or stopped; the cap always runs", () => {
  const TABLE: [before: Liveness, found: Liveness, spent: number][] = [
    [HEALTHY, HEALTHY, 1_000],
    [HEALTHY, STOPPED, 1_000],
    [STOPPED, STOPPED, 1_000],
    [STOPPED, HEALTHY, 1_000],
    [HEALTHY, busy(400), 600], // it was only found afterwards to have begun
    [HEALTHY, busy(1_000), 0],
    [busy(2_000), busy(3_000), 0],
    [busy(2_000), HEALTHY, 0],
    [busy(2_000), STOPPED, 0],
    [STOPPED, busy(5_000), 0],
  ];
  for (const [before, found, spent] of TABLE) {
    assertEquals(
      runAnswerClock({ leftMs: 5_000, capLeftMs: 60_000 }, 1_000, before, found),
      { leftMs: 5_000 - spent, capLeftMs: 59_000 },
      `${before.kind} to ${JSON.stringify(found)}`,
    );
  }
});

Deno.test("runAnswerClock() never gives time back, and never counts more than has passed", () => {
  const aWord = fc.oneof(
    fc.constant(HEALTHY),
    fc.constant(STOPPED),
    fc.nat(100_000).map(busy),
  );
  const looks = fc.array(fc.tuple(fc.nat(10_000), aWord), { maxLength: 50 });
  fc.assert(fc.property(looks, (looks) => {
    let clock: AnswerClock = { leftMs: 0, capLeftMs: 0 };
    let before: Liveness = HEALTHY;
    for (const [elapsedMs, found] of looks) {
      const next = runAnswerClock(clock, elapsedMs, before, found);
      const spentMs = clock.leftMs - next.leftMs;
      assert(spentMs >= 0 && spentMs <= elapsedMs);
      assertEquals(clock.capLeftMs - next.capLeftMs, elapsedMs);
      [clock, before] = [next, found];
    }
  }));
});
