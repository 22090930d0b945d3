import { assertEquals } from "@std/assert";
import { Reporter, type ReporterOptions } from "../../../src/cli/reporter.ts";
import type { RunReport } from "../../../src/cli/reports.ts";
import { MemoryIo } from "./_memory_io.ts";

const head = { at: new Date(0), vm: "web" };
const started: RunReport = { ...head, kind: "started", pid: 7, argv: [], actions: [] };
const resumed: RunReport = {
  ...head,
  kind: "event",
  event: { event: "RESUME", timestamp: { seconds: 1, microseconds: 2 } },
};

/** What is said of some reports, without the times. */
async function said(
  reports: readonly RunReport[],
  options: Partial<ReporterOptions> = {},
): Promise<string[]> {
  const io = options.io ?? new MemoryIo();
  const defaults = {
    io,
    vm: "web",
    format: "text",
    paused: false,
    breakLine: () => "",
    debug: false,
  } as const;
  const reporter = new Reporter({ ...defaults, ...options });
  for (const report of reports) reporter.report(report);
  await reporter.flush();
  return (io as MemoryIo).err.split("\n").slice(0, -1).map((line) => line.replace(/\d+\.\d+ s /, ""));
}

Deno.test("Reporter says nothing of the RESUME of a start, but of every other one", async () => {
  const start = "qeeper: web: started: QEMU is process 7";
  const resume = "qeeper: web: event RESUME";
  assertEquals(await said([started, resumed]), [start]);
  assertEquals(await said([started, resumed, resumed]), [start, resume]);
  assertEquals(await said([started, resumed], { paused: true }), [start, resume]);
  assertEquals((await said([started, resumed], { format: "json" })).length, 2);
});

Deno.test("Reporter begins a line of its own on a terminal only", async () => {
  const breakLine = () => "\n";
  assertEquals(await said([started], { breakLine, io: new MemoryIo({ stderr: true }) }), [
    "",
    "qeeper: web: started: QEMU is process 7",
  ]);
  assertEquals((await said([started], { breakLine })).length, 1);
});

Deno.test("Reporter passes on the library's warnings, and its debugging only where it is asked for", async () => {
  for (const [debug, count] of [[false, 1], [true, 2]] as const) {
    const io = new MemoryIo();
    const reporter = new Reporter({
      io,
      vm: "web",
      format: "text",
      paused: false,
      breakLine: () => "",
      debug,
    });
    reporter.logger.debug("Accelerator chosen", { reason: "asked for tcg" });
    reporter.logger.warn("There is no setpriv");
    await reporter.flush();
    assertEquals(io.err.split("\n").length - 1, count);
    assertEquals(io.err.includes("Accelerator chosen: asked for tcg"), debug);
  }
});

Deno.test("Reporter goes on when stderr is gone", async () => {
  const io = new MemoryIo();
  const broken = {
    stdin: io.stdin,
    stdout: io.stdout,
    stderr: { terminal: false, write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")) },
    onStopSignal: () => ({ [Symbol.dispose]() {} }),
  };
  const reporter = new Reporter({
    io: broken,
    vm: "web",
    format: "json",
    paused: false,
    breakLine: () => "",
    debug: false,
  });
  reporter.notice("a");
  reporter.error("b");
  await reporter.flush();
  assertEquals(io.err, "");
});
