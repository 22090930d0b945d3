import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  failureMessage,
  type GuestFailure,
  lastWords,
} from "../../../../src/testing/boot/failure_message.ts";
import type { Verdict } from "../../../../src/vm/mod.ts";

const PANIC: Verdict = {
  cause: "guest-panic",
  detail: "The guest's kernel panicked",
  ...{ intent: "none", process: "held", at: new Date(0), exit: null, reason: null, tripleFault: null },
  ...{ oomKill: null, rung: null, stderrTail: "", consoleTail: "", events: [] },
};

function failure(part: Partial<GuestFailure>): GuestFailure {
  return { vm: "web", verdict: PANIC, classifier: null, consoleText: "", expected: null, ...part };
}

Deno.test("failureMessage() says what happened in the first line, then the verdict and the console's words", () => {
  assertEquals(
    failureMessage(failure({ consoleText: "Kernel panic - not syncing: no\nCPU: 0" })),
    [
      'VM "web": guest panicked',
      "  verdict: guest-panic: The guest's kernel panicked",
      "  console:",
      "    Kernel panic - not syncing: no",
      "    CPU: 0",
    ].join("\n"),
  );
});

Deno.test("failureMessage() says what was expected instead", () => {
  assertStringIncludes(
    failureMessage(failure({ expected: ["guest-reset", "guest-shutdown"] })),
    "\n  expected: guest-reset or guest-shutdown\n",
  );
});

Deno.test("failureMessage() shows how QEMU died, and the end of its stderr", () => {
  const exit = { code: 134, signal: "SIGABRT" };
  const stderrTail = `${"earlier\n".repeat(9)}qemu: hw error\nAborted\n`;
  const verdict: Verdict = {
    ...PANIC,
    cause: "crashed",
    detail: "QEMU crashed with SIGABRT",
    exit,
    stderrTail,
  };
  const lines = failureMessage(failure({ verdict })).split("\n");
  assertEquals(lines.slice(0, 2), [
    'VM "web": QEMU crashed',
    "  verdict: crashed: QEMU crashed with SIGABRT (SIGABRT)",
  ]);
  assertEquals(lines.slice(-2), ["    qemu: hw error", "    Aborted"]);
  assertEquals(lines.length, 8);
});

Deno.test("failureMessage() tells how an end is wanted, where a test may want it", () => {
  const hint = 'await vm.expectEnd("guest-reset", action)';
  const verdict: Verdict = { ...PANIC, cause: "guest-reset", tripleFault: true };
  const message = failureMessage(failure({ verdict }));
  assertStringIncludes(message, "guest reset itself by a triple fault\n");
  assertStringIncludes(message, hint);
  assertEquals(failureMessage(failure({})).includes("expectEnd"), false);
});

const DUMP = [
  "GUEST-READY",
  "[    2.100000] sysrq: Trigger a crash",
  "[    2.110000] Kernel panic - not syncing: sysrq triggered crash",
  "[    2.120000] CPU: 0 PID: 1 Comm: sh Not tainted",
  "[    2.130000] Call Trace:",
];

Deno.test("lastWords() is the kernel's whole account of its failure, and what it is called", () => {
  const { text, classifier } = lastWords(`${DUMP.join("\r\n")}\r\n`);
  assertEquals([text, classifier], [DUMP.slice(2).join("\n"), "kernel-panic"]);
});

Deno.test("lastWords() is the end of what was said, where there is no failure in it", () => {
  assertEquals(lastWords("1\n2\n3\n4\n5\n\x1b[1m6\x1b[0m\n7\n8\n"), {
    text: "3\n4\n5\n6\n7\n8",
    classifier: null,
  });
  assertEquals(lastWords(""), { text: "", classifier: null });
});

Deno.test("failureMessage() says what the console told of, where QEMU knows of no end", () => {
  const message = failureMessage(
    failure({ verdict: null, classifier: "kernel-panic", consoleText: "Kernel panic" }),
  );
  assertEquals(
    message,
    'VM "web": guest panicked (kernel-panic, by its console)\n  console:\n    Kernel panic',
  );
});

Deno.test("failureMessage() leaves out the middle of a long account", () => {
  const consoleText = Array.from({ length: 100 }, (_, line) => `line ${line}`).join("\n");
  const lines = failureMessage(failure({ consoleText })).split("\n").slice(3);
  assertEquals([lines.length, lines[0], lines.at(-1)], [41, "    line 0", "    line 99"]);
  assertEquals(lines[20], "    ... 60 lines ...");
});
