import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { firstRound, nextRound, RHYTHM } from "../../../../src/supervisor/liveness/rhythm.ts";

Deno.test("firstRound() spreads guests over the round, however many there are", () => {
  for (let guests = 1; guests <= 300; guests++) {
    const places = Array.from({ length: guests }, (_, count) => firstRound(count, 500, RHYTHM) - 500)
      .sort((a, b) => a - b);
    assert(places.every((place) => place >= 0 && place < RHYTHM.roundMs));
    const gaps = places.map((place, i) => (places[i + 1] ?? (places[0] ?? 0) + RHYTHM.roundMs) - place);
    const even = RHYTHM.roundMs / guests;
    // Steps of the golden ratio leave gaps of at most three sizes, none more than 2.62 times another's.
    assert(Math.max(...gaps) < 2 * even, `${guests} guests, a gap of ${Math.max(...gaps)} ms`);
    assert(
      guests === 1 || Math.min(...gaps) > even / 3,
      `${guests} guests, a gap of ${Math.min(...gaps)} ms`,
    );
  }
});

Deno.test("nextRound() keeps a guest's place, and catches up with nothing", () => {
  fc.assert(fc.property(fc.nat(100_000), fc.nat(1_000_000), (placeMs, laterMs) => {
    const nowMs = placeMs + laterMs;
    const nextMs = nextRound(placeMs, nowMs, RHYTHM);
    assert(nextMs > nowMs && nextMs <= nowMs + RHYTHM.roundMs);
    assertEquals((nextMs - placeMs) % RHYTHM.roundMs, 0);
  }));
  assertEquals(nextRound(5_000, 1_000, RHYTHM), 5_000);
});
