import { assertEquals } from "@std/assert";
import { type CmosWrite, cmosWrites, toMs } from "../../../../src/testing/faults/cmos_clock.ts";

const MS = Date.UTC(2029, 11, 31, 21, 45, 9); // a Monday
const inOrder = (writes: readonly CmosWrite[]) => writes.map(({ register, value }) => [register, value]);
const hours = (ms: number, modes: number) =>
  cmosWrites(ms, modes).find(({ register }) => register === 4)?.value;

Deno.test("cmosWrites() sets decimal digits between a held and a released clock", () => {
  assertEquals(inOrder(cmosWrites(MS, 0x02)), [
    [0x0b, 0x82],
    ...[[0, 0x09], [2, 0x45], [4, 0x21], [6, 0x02], [7, 0x31], [8, 0x12], [9, 0x29], [0x32, 0x20]],
    [0x0b, 0x02],
  ]);
});

Deno.test("cmosWrites() sets binary numbers where the clock holds those, and keeps its modes", () => {
  assertEquals(inOrder(cmosWrites(MS, 0x16)), [
    [0x0b, 0x96],
    ...[[0, 9], [2, 45], [4, 21], [6, 2], [7, 31], [8, 12], [9, 29], [0x32, 20]],
    [0x0b, 0x16],
  ]);
});

Deno.test("cmosWrites() counts twice 12 hours where the clock does", () => {
  const at = (hour: number) => Date.UTC(2029, 0, 1, hour);
  assertEquals([0, 1, 12, 21].map((hour) => hours(at(hour), 0x00)), [0x12, 0x01, 0x92, 0x89]);
  assertEquals([0, 12, 23].map((hour) => hours(at(hour), 0x04)), [12, 12 | 0x80, 11 | 0x80]);
});

Deno.test("toMs() reads a date as C's struct tm has it", () => {
  const time = { tm_year: 129, tm_mon: 11, tm_mday: 31, tm_hour: 21, tm_min: 45, tm_sec: 9 };
  assertEquals(toMs(time), MS);
});
