import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { firstRound, nextRound, RHYTHM } from "../../../../src/supervisor/liveness/rhythm.ts";

Deno.test("firstRound() spreads guests over the moments of a round, however many there are", () => {
  const { roundMs, closeMs } = RHYTHM;
  const moments = roundMs / closeMs;
  for (let guests = 1; guests <= 300; guests++) {
    const at = new Map<number, number>();
    for (let count = 0; count < guests; count++) {
      // Whenever they come.
      const nowMs = count * guests * 777;
      const firstMs = firstRound(count, nowMs, RHYTHM);
      assert(firstMs > nowMs && firstMs <= nowMs + roundMs);
      assertEquals(firstMs % closeMs, 0);
      const moment = firstMs % roundMs;
      at.set(moment, (at.get(moment) ?? 0) + 1);
    }
    assert(at.size >= Math.min(moments, guests * 0.6), `${guests} guests at ${at.size} moments`);
    const most = Math.max(...at.values());
    assert(most <= Math.ceil(guests / moments) + 2, `${most} of ${guests} guests at once`);
  }
});

Deno.test("nextRound() keeps a guest's place, and catches up with nothing", () => {
  fc.assert(fc.property(fc.nat(100_000), fc.nat(1_000_000), (placeMs, laterMs) => {
    const nowMs = 50_000 + laterMs;
    const nextMs = nextRound(placeMs, nowMs, RHYTHM);
    assert(nextMs > nowMs && nextMs <= nowMs + RHYTHM.roundMs);
    assertEquals(Math.abs(nextMs - placeMs) % RHYTHM.roundMs, 0);
  }));
  assertEquals(nextRound(5_000, 1_000, RHYTHM), 5_000);
  assertEquals(nextRound(5_000, 5_000, RHYTHM), 15_000);
});
