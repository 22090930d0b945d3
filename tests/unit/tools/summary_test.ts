import { assertEquals } from "@std/assert";
import { countTests, formatResults, ignoredTests } from "../../../tools/test/summary.ts";

// Each is the end of what Deno 2.9.6 prints.
const SUMMARIES: [summary: string, passed: number, failed: number, ignored: number][] = [
  ["ok | 28 passed (30 steps) | 0 failed (8s)", 28, 0, 0],
  ["ok | 1 passed (1 step) | 0 failed | 2 filtered out (6ms)", 1, 0, 0],
  ["FAILED | 1 passed (2 steps) | 2 failed (1 step) | 1 ignored (1 step) (59ms)", 1, 2, 1],
  ["ok | 0 passed | 0 failed (1ms)", 0, 0, 0],
  ["ok | 9 passed | 0 failed | 3 ignored (1m2s)", 9, 0, 3],
];

for (const [summary, passed, failed, ignored] of SUMMARIES) {
  Deno.test(`countTests() reads "${summary}"`, () => {
    const output = `running 1 test from ./a_test.ts\na ... ok (1ms)\n\n${summary}\n\n`;
    assertEquals(countTests(output, failed === 0), { passed, failed, ignored });
  });
}

Deno.test("countTests() counts a run without a summary as one failure", () => {
  assertEquals(countTests("Check a_test.ts\n", false), { passed: 0, failed: 1, ignored: 0 });
  assertEquals(countTests("", true), { passed: 0, failed: 1, ignored: 0 });
});

Deno.test("countTests() counts an error after a summary without failures as one failure", () => {
  const output = "\nok | 3 passed | 0 failed (8ms)\n";
  assertEquals(countTests(output, false), { passed: 3, failed: 1, ignored: 0 });
});

Deno.test("countTests() takes the last summary when a test has printed another one", () => {
  const output = "ok | 7 passed | 0 failed (1ms)\nFAILED | 2 passed | 1 failed (8ms)\n";
  assertEquals(countTests(output, false), { passed: 2, failed: 1, ignored: 0 });
});

Deno.test("formatResults() ends with the sums", () => {
  assertEquals(
    formatResults([
      { name: "format", passed: 1, failed: 0, ignored: 0, notRun: [], ms: 120 },
      { name: "unit", passed: 120, failed: 2, ignored: 0, notRun: [], ms: 12_340 },
    ]),
    [
      "step            passed  failed  not run    time",
      "format  ok           1       0        0   0.1 s",
      "unit    FAILED     120       2        0  12.3 s",
      "",
      "121 passed, 2 failed",
    ],
  );
});

Deno.test("ignoredTests() reads the names of the tests that were not run", () => {
  const output =
    "a ... ok (1ms)\nb (can't run here: no QEMU) ... ignored (0ms)\n  c ... ignored\n... ignored\n";
  assertEquals(ignoredTests(output), ["b (can't run here: no QEMU)", "c"]);
});

Deno.test("formatResults() names the tests that were not run, before the last line", () => {
  const lines = formatResults([
    { name: "unit", passed: 1, failed: 0, ignored: 2, notRun: ["a (no QEMU)", "b"], ms: 5 },
  ]);
  assertEquals(lines.slice(-5), ["Not run:", "  a (no QEMU)", "  b", "", "1 passed, 0 failed"]);
});
