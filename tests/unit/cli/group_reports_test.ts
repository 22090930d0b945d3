import { assertEquals } from "@std/assert";
import { Reporter } from "../../../src/cli/reporter.ts";
import { describeReport, type RunReport } from "../../../src/cli/reports.ts";
import { MemoryIo } from "./_memory_io.ts";

const head = { at: new Date(0), vm: "web" };
const plan = { stop: [["web", "logs"], ["db"]], start: [["db"], ["web", "logs"]] };
const exit = { code: 137, signal: "SIGKILL" };

Deno.test("describeReport() says what a group does in one line each", () => {
  const cases: [RunReport, string][] = [
    [{ ...head, kind: "member-ready" }, "ready"],
    [
      { ...head, kind: "member-not-ready", why: "Its probes", actions: [{ kind: "wait", delayMs: 100 }] },
      "not ready: Its probes; next: wait 100 ms",
    ],
    [
      { ...head, kind: "helper-started", helper: "tpm", pid: 7, log: "/run/a/tpm.0.log" },
      "its helper tpm is process 7, and writes to /run/a/tpm.0.log",
    ],
    [
      {
        ...head,
        kind: "helper-ended",
        helper: "tpm",
        exit,
        stderrTail: "one\ntwo\n",
        actions: [{ kind: "start" }],
      },
      "its helper tpm ended: SIGKILL, two; next: start",
    ],
    [
      { ...head, kind: "helper-ended", helper: "tpm", exit: null, stderrTail: "", actions: [] },
      "its helper tpm ended: nobody can say how",
    ],
    [
      {
        ...head,
        kind: "helper-failed",
        helper: "tpm",
        why: "It ended",
        actions: [{ kind: "give-up", why: "restart-limit" }],
      },
      "its helper tpm could not be started: It ended; next: nothing more, as the restart limit is reached",
    ],
    [
      { ...head, kind: "restart-planned", because: "helper", plan },
      "restart because of its helper: stop web and logs, then db; start db, then web and logs",
    ],
    [{ ...head, kind: "member-failed", why: "Enough", with: [] }, "given up: Enough"],
    [
      { ...head, kind: "member-failed", why: "Enough", with: ["a", "b"] },
      "given up: Enough; with it are stopped: a, b",
    ],
  ];
  for (const [report, line] of cases) assertEquals(describeReport(report), line);
});

Deno.test("Reporter thins out what one guest repeats, and not what two guests say", async () => {
  const io = new MemoryIo();
  const options = {
    io,
    vm: "shop",
    format: "text",
    paused: false,
    breakLine: () => "",
    debug: false,
  } as const;
  const reporter = new Reporter(options);
  for (const vm of ["db", "web", "db"]) {
    reporter.report({ ...head, vm, kind: "started", pid: 7, argv: [], actions: [] });
    const event = { event: "RESUME", timestamp: { seconds: 1, microseconds: 2 } };
    reporter.report({ ...head, vm, kind: "event", event });
    reporter.report({ ...head, vm, kind: "member-ready" });
  }
  await reporter.flush();
  assertEquals(
    io.err.replaceAll(/\d+\.\d+ s /g, ""),
    [
      "qeeper: db: started: QEMU is process 7\n",
      "qeeper: db: ready\n",
      "qeeper: web: started: QEMU is process 7\n",
      "qeeper: web: ready\n",
    ].join(""),
  );
});
