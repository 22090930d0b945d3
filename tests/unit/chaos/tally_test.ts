import { assertEquals } from "@std/assert";
import { formatTally } from "../../chaos/tally.ts";

Deno.test("formatTally() has a row for each kind, and one for all", () => {
  const rows = [
    { name: "kill -9 of QEMU", expected: "another QEMU", survived: 9, lost: 1 },
    { name: "watchdog", expected: "restart", survived: 10, lost: 0 },
  ];
  assertEquals(formatTally(rows), [
    "fault            times  survived  lost  expected",
    "kill -9 of QEMU     10         9     1  another QEMU",
    "watchdog            10        10     0  restart",
    "all                 20        19     1",
  ]);
});
