import { assertEquals } from "@std/assert";
import { clockJump, lostTime } from "../../../../src/supervisor/liveness/clock_jump.ts";

const AT = { wallMs: 1_700_000_000_000, monoMs: 5_000 };

Deno.test("clockJump() finds by how much the time of day left the other clock behind, or fell behind it", () => {
  const TABLE: [wallMs: number, monoMs: number, jump: number | null][] = [
    [10_000, 10_000, null],
    [10_005, 10_000, null], // slewed
    [10_999, 10_000, null],
    [11_000, 10_000, 1_000],
    [3_610_000, 10_000, 3_600_000], // an hour's sleep
    [-3_590_000, 10_000, -3_600_000], // set back by an hour
    [70_000, 70_000, null], // this process stood, and the machine went on
    [10_000.4, 9_000.2, 1_000],
  ];
  for (const [wallMs, monoMs, jump] of TABLE) {
    const now = { wallMs: AT.wallMs + wallMs, monoMs: AT.monoMs + monoMs };
    assertEquals(clockJump(AT, now), jump, `${wallMs} and ${monoMs} ms`);
  }
});

Deno.test("lostTime() counts what a timer was late by, if that was more than busy hosts are", () => {
  assertEquals([900, 1_000, 1_250, 1_251, 61_000].map((nowMs) => lostTime(1_000, nowMs)), [
    0,
    0,
    0,
    251,
    60_000,
  ]);
});
