// What a watch promises whatever its QEMUs do, for hours, by a clock that is only a number.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Liveness } from "../../../../src/supervisor/liveness/oracle.ts";
import { RHYTHM } from "../../../../src/supervisor/liveness/rhythm.ts";
import { LivenessWatch } from "../../../../src/supervisor/liveness/watch.ts";
import { type Condition, FakeQemu, settle, Told, VirtualClock } from "./_virtual.ts";

/** After so long in one condition it is known: a round, and two questions without an answer. */
const KNOWN_MS = RHYTHM.roundMs + RHYTHM.inBandMs + RHYTHM.outOfBandMs;
/** A tick may be late by one more each time that this process stood. */
const SLACK_MS = 100;

const aCondition = fc.constantFrom<Condition>("well", "blocked", "stopped", "silent", "disconnected");

interface Step {
  guest: number;
  condition: Condition;
  ms: number;
  stallMs: number;
  jumpMs: number;
}

const aStep: fc.Arbitrary<Step> = fc.record({
  guest: fc.nat(2),
  condition: aCondition,
  ms: fc.oneof(fc.nat(3_000), fc.nat(60_000)),
  stallMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(100_000)),
  jumpMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -9_000_000, max: 9_000_000 })),
});

const WORDS: Readonly<Record<Condition, Liveness["kind"] | null>> = {
  well: "healthy",
  blocked: "busy",
  stopped: "stopped",
  silent: "stopped",
  disconnected: null,
};

Deno.test("LivenessWatch comes to the right word for every guest, whatever happens to them and to its own process", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { maxLength: 30 }), async (steps) => {
      const clock = new VirtualClock();
      const jumps: number[] = [];
      await using watch = new LivenessWatch({ clock, clockJumped: (byMs) => jumps.push(byMs) });
      const guests = [0, 1, 2].map(() => {
        const qemu = new FakeQemu();
        const told = new Told();
        return { qemu, told, watched: watch.watch(qemu.subject(), told), sinceMs: clock.monoMs };
      });
      let jumpedMs = 0;
      for (const { guest, condition, ms, stallMs, jumpMs } of steps) {
        const changed = guests[guest];
        assert(changed !== undefined);
        changed.qemu.become(condition);
        changed.sinceMs = clock.monoMs;
        clock.jump(jumpMs);
        jumpedMs += jumpMs;
        await settle();
        clock.stall(stallMs);
        // What was lost does not count.
        for (const other of guests) other.sinceMs += stallMs;
        await clock.pass(ms);
        for (const { qemu, watched, sinceMs } of guests) {
          const word = WORDS[qemu.condition];
          const isKnown = clock.monoMs - sinceMs > KNOWN_MS + SLACK_MS * (steps.length + 1);
          if (word !== null && isKnown) assertEquals(watched.liveness.kind, word);
          assert(qemu.open <= 2);
        }
        assertEquals(clock.timers, 1);
      }
      for (const { told } of guests) {
        const kinds = ["healthy", ...told.kinds];
        assert(kinds.every((kind, i) => kind !== kinds[i + 1]), `twice the same: ${kinds}`);
      }
      // Small jumps may add up to one that counts, and large ones may undo one another before anybody looks.
      await clock.pass(KNOWN_MS);
      const seenMs = jumps.reduce((sum, jump) => sum + jump, 0);
      assert(Math.abs(seenMs - jumpedMs) < 1_000 * (steps.length + 1));
    }),
    { numRuns: 100 },
  );
});

Deno.test("LivenessWatch says of a trouble that it lasts for as long as nothing was answered, and never longer", async () => {
  const troubles = fc.array(
    fc.tuple(fc.constantFrom<Condition>("blocked", "stopped", "silent"), fc.nat(50_000), fc.nat(20_000)),
    { maxLength: 10 },
  );
  await fc.assert(
    fc.asyncProperty(troubles, async (troubles) => {
      const clock = new VirtualClock();
      await using watch = new LivenessWatch({ clock });
      const qemu = new FakeQemu();
      const told = new Told();
      watch.watch(qemu.subject(), told);
      for (const [condition, ms, wellMs] of troubles) {
        qemu.become(condition);
        const from = { words: told.words.length, lasted: told.lasted.length };
        await clock.pass(ms);
        const said = [...told.words.slice(from.words), ...told.lasted.slice(from.lasted)];
        const lengths = said.map((word) => "forMs" in word ? word.forMs : -1);
        assert(lengths.every((forMs) => forMs >= RHYTHM.inBandMs && forMs <= ms), `${lengths} of ${ms}`);
        assertEquals(lengths, lengths.toSorted((a, b) => a - b));
        qemu.become("well");
        await clock.pass(wellMs);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("LivenessWatch asks no more often than its rhythm has it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(aCondition, fc.nat(100_000)), { maxLength: 20 }), async (steps) => {
      const clock = new VirtualClock();
      await using watch = new LivenessWatch({ clock });
      const qemu = new FakeQemu();
      watch.watch(qemu.subject(), new Told());
      let passedMs = 0;
      for (const [condition, ms] of steps) {
        qemu.become(condition);
        await clock.pass(ms);
        passedMs += ms;
      }
      const { inBand, outOfBand, looks } = qemu.asked;
      assert(inBand <= passedMs / RHYTHM.roundMs + steps.length + 1, `${inBand} in ${passedMs} ms`);
      assert(outOfBand <= passedMs / RHYTHM.closeMs + 1);
      assert(looks <= passedMs / RHYTHM.closeMs + 1);
    }),
    { numRuns: 100 },
  );
});
