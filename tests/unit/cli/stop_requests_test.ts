import { assertEquals } from "@std/assert";
import { StopRequests } from "../../../src/cli/stop_requests.ts";
import { MemoryIo } from "./_memory_io.ts";

function recorded(io: MemoryIo, timeoutMs: number | null = null) {
  const done: string[] = [];
  const timedOut = Promise.withResolvers<void>();
  const stops = new StopRequests(io, timeoutMs, {
    stop: (how) => done.push(`stop by ${how}`),
    kill: () => done.push("kill"),
    timeout: () => {
      done.push("timeout");
      timedOut.resolve();
    },
  });
  return { stops, done, timedOut: timedOut.promise };
}

Deno.test("StopRequests stops at the first request and kills at each further one", () => {
  const io = new MemoryIo();
  const { stops, done } = recorded(io);
  using _stops = stops;
  assertEquals(stops.reason, "nobody");
  io.signal("SIGTERM");
  assertEquals([stops.reason, stops.impatient.aborted], ["person", false]);
  stops.ask("Ctrl-A x");
  io.signal("SIGINT");
  assertEquals(done, ["stop by SIGTERM", "kill", "kill"]);
  assertEquals([stops.reason, stops.impatient.aborted], ["person", true]);
});

Deno.test("StopRequests says when the time is over, and a person can still kill then", async () => {
  const io = new MemoryIo();
  const { stops, done, timedOut } = recorded(io, 1);
  using _stops = stops;
  await timedOut;
  io.signal("SIGINT");
  assertEquals(done, ["timeout", "kill"]);
  assertEquals(stops.reason, "timeout");
});

Deno.test("StopRequests lets go of signals and time when it is disposed of", () => {
  const io = new MemoryIo();
  const { stops, done } = recorded(io, 1_000_000);
  assertEquals(io.listeners, 1);
  stops[Symbol.dispose]();
  assertEquals(io.listeners, 0);
  io.signal("SIGINT");
  assertEquals(done, []);
});
