import { assertEquals } from "@std/assert";
import { Repeats } from "../../../src/cli/repeats.ts";
import { formatReport, type RunReport } from "../../../src/cli/reports.ts";
import type { Verdict } from "../../../src/vm/mod.ts";

const at = new Date(0);
const verdict: Verdict = {
  cause: "guest-panic",
  detail: "The guest's kernel panicked",
  at,
  process: "held",
  exit: null,
  reason: null,
  tripleFault: null,
  intent: "none",
  rung: null,
  stderrTail: "",
  oomKill: null,
  consoleTail: "",
  events: [],
};
const text = (report: RunReport) => formatReport(report, "text", 1234);

Deno.test("formatReport() writes one harmless line for people, with time and name", () => {
  assertEquals(
    text({ at, vm: "web", kind: "guest-ended", verdict, actions: [{ kind: "clear-away" }] }),
    "qeeper: 1.234 s web: the guest ended: guest-panic: The guest's kernel panicked; next: clear its QEMU away\n",
  );
  assertEquals(
    text({ at, vm: "web", kind: "ended", verdict, actions: [{ kind: "wait", delayMs: 100 }] }),
    "qeeper: 1.234 s web: ended: guest-panic: The guest's kernel panicked; next: wait 100 ms\n",
  );
  assertEquals(
    text({ at, vm: "a\x1b[2J", kind: "error", message: "it said:\n  \x07no" }),
    "qeeper: 1.234 s a\\x1b[2J: it said: / \\x07no\n",
  );
  const event = { event: "RESET", timestamp: { seconds: 1, microseconds: 2 }, data: { guest: true } };
  assertEquals(
    text({ at, vm: "web", kind: "event", event }),
    'qeeper: 1.234 s web: event RESET {"guest":true}\n',
  );
});

Deno.test("formatReport() writes one line of JSON for programs, whatever is in it", () => {
  const line = formatReport({ at, vm: "w\n", kind: "ended", verdict, actions: [] }, "json", 0);
  assertEquals(line.indexOf("\n"), line.length - 1);
  const { kind, vm, verdict: written } = JSON.parse(line);
  assertEquals([kind, vm, written.cause, written.at], [
    "ended",
    "w\n",
    "guest-panic",
    "1970-01-01T00:00:00.000Z",
  ]);
});

Deno.test("Repeats.admit() holds back what was said within a second, and counts it", () => {
  const repeats = new Repeats();
  assertEquals(repeats.admit("reset", 0), "reset");
  assertEquals(repeats.admit("reset", 10), null);
  assertEquals(repeats.admit("other", 20), "other");
  assertEquals(repeats.admit("reset", 999), null);
  assertEquals(repeats.admit("reset", 1000), "reset (and 2 times before)");
  assertEquals(repeats.admit("reset", 3000), "reset");
});

Deno.test("Repeats.rest() tells at the end what was held back, once", () => {
  const repeats = new Repeats();
  for (const line of ["reset", "other", "reset", "reset"]) repeats.admit(line, 0);
  assertEquals(repeats.rest(), ["reset (2 times more)"]);
  assertEquals(repeats.rest(), []);
});

Deno.test("Repeats.admit() remembers a bounded number of lines", () => {
  const repeats = new Repeats();
  for (let line = 0; line < 1000; line++) assertEquals(repeats.admit(`${line}`, line), `${line}`);
  assertEquals(repeats.admit("0", 1001), "0");
  assertEquals(repeats.admit("999", 1002), null);
});
