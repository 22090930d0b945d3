import { assertEquals } from "@std/assert";
import { countTests, failedTests, formatResults, ignoredTests } from "../../../tools/test/summary.ts";

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
      { name: "format", passed: 1, failed: 0, ignored: 0, failures: [], notRun: [], ms: 120 },
      { name: "unit", passed: 120, failed: 2, ignored: 0, failures: [], notRun: [], ms: 12_340 },
    ]),
    [
      "step            passed  failed  not run    time",
      "format  ok           1       0        0   0.1 s",
      "unit    FAILED     120       2        0  12.3 s",
      "",
      "Failed in unit:",
      "  see what it printed, above",
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
    { name: "unit", passed: 1, failed: 0, ignored: 2, failures: [], notRun: ["a (no QEMU)", "b"], ms: 5 },
  ]);
  assertEquals(lines.slice(-5), ["Not run:", "  a (no QEMU)", "  b", "", "1 passed, 0 failed"]);
});

// What Deno 2.9.6 prints of a failed step, a failed test and a leak.
const FAILED = `running 3 tests from ./a_test.ts
b fails ...
  inner ... FAILED (1ms)
b fails ... FAILED (due to 1 failed step) (8ms)

 ERRORS 

b fails ... inner => ./a_test.ts:2:45
error: Error: no
second line
    at file:///a_test.ts:2:82
    at innerWrapped (ext:cli/40_test.js:300:11)

c fails => ./a_test.ts:3:6
error: TypeError: x is not y
${Array.from({ length: 40 }, (_, line) => `  line ${line}`).join("\n")}

leaks => ./a_test.ts:4:6
error: Leaks detected:
  - A file was opened during the test, but not closed during the test.
To get more details where leaks occurred, run again with the --trace-leaks flag.

 FAILURES 

b fails ... inner => ./a_test.ts:2:45
c fails => ./a_test.ts:3:6
leaks => ./a_test.ts:4:6

FAILED | 1 passed | 3 failed (1 step) (73ms)

`;

Deno.test("failedTests() reads what failed and the beginning of why", () => {
  const [step, test, leak, ...more] = failedTests(`\n ERRORS \n\nan inner run's\n${FAILED}`);
  assertEquals(step, ["b fails ... inner => ./a_test.ts:2:45", "error: Error: no", "second line"]);
  assertEquals(test?.slice(0, 3), ["c fails => ./a_test.ts:3:6", "error: TypeError: x is not y", "  line 0"]);
  assertEquals(test?.length, 17);
  assertEquals(leak?.slice(0, 2), ["leaks => ./a_test.ts:4:6", "error: Leaks detected:"]);
  assertEquals(leak?.length, 4);
  assertEquals(more, []);
  assertEquals(failedTests("ok | 3 passed | 0 failed (8ms)\n"), []);
});

Deno.test("formatResults() says what failed and why, just before the last line", () => {
  const failures = [["a => ./a_test.ts:1:1", "error: Error: no"]];
  const lines = formatResults([{
    name: "unit",
    passed: 1,
    failed: 1,
    ignored: 0,
    failures,
    notRun: [],
    ms: 5,
  }]);
  assertEquals(lines.slice(-5), [
    "Failed in unit:",
    "  a => ./a_test.ts:1:1",
    "    error: Error: no",
    "",
    "1 passed, 1 failed",
  ]);
});
