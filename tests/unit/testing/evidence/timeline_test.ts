import { assertEquals } from "@std/assert";
import { makeTimeline, type TimelineSources } from "../../../../src/testing/evidence/timeline.ts";

const NOTHING: TimelineSources = {
  events: [],
  ends: [],
  typings: [],
  commands: [],
  notes: [],
  pictures: [],
  failure: null,
};

function event(
  seconds: number,
  name: string,
  data?: Record<string, unknown>,
): TimelineSources["events"][number] {
  return {
    at: seconds * 1000 + 999,
    event: { event: name, timestamp: { seconds, microseconds: 500 }, ...(data ? { data } : {}) },
  };
}

Deno.test("makeTimeline() puts everything in the order in which it happened, events by QEMU's own time", () => {
  const { entries, dropped } = makeTimeline({
    ...NOTHING,
    events: [event(2, "RTC_CHANGE", { offset: 9007199254740993n, list: ["a"] })],
    typings: [{ at: 2000, text: 'echo "a"\n', by: "console" }],
    notes: [{ at: 2100, title: "ready", detail: "" }],
    commands: [{
      at: 1900,
      command: "true",
      tookMs: 12.4,
      outcome: { kind: "exited", code: 0 },
      stdout: "",
      stderr: "",
    }],
    failure: { at: 3000, name: "Error", message: "no" },
  });
  assertEquals(dropped, 0);
  assertEquals(entries.map(({ at, kind, title, detail }) => [at, kind, title, detail]), [
    [1900, "command", "$ true", "exit 0, 12 ms"],
    [2000, "typed", "Typed on the console", 'echo "a"\\n'],
    [2000.5, "event", "RTC_CHANGE", 'offset: "9007199254740993", list: ["a"]'],
    [2100, "note", "ready", ""],
    [3000, "failure", "The test failed: Error", "no"],
  ]);
});

Deno.test("makeTimeline() folds an event that comes over and over into one, and leaves out the middle of what is too long", () => {
  const repeats = makeTimeline({
    ...NOTHING,
    events: [event(1, "STOP"), event(2, "STOP"), event(3, "RESUME")],
  });
  assertEquals(repeats.entries.map(({ title }) => title), ["STOP (2 times)", "RESUME"]);
  const names = ["RESET", "STOP", "RESUME", "STOP", "RESUME", "STOP", "SHUTDOWN"];
  const pairs = makeTimeline({ ...NOTHING, events: names.map((name, at) => event(at, name)) });
  assertEquals(pairs.entries.map(({ title }) => title), [
    "RESET",
    "STOP, RESUME (2 times)",
    "STOP",
    "SHUTDOWN",
  ]);
  const notes = Array.from({ length: 1000 }, (_, at) => ({ at, title: `${at}`, detail: "" }));
  const long = makeTimeline({ ...NOTHING, notes });
  assertEquals([long.entries.length, long.dropped], [400, 600]);
  assertEquals([long.entries[0]?.title, long.entries.at(-1)?.title], ["0", "999"]);
});
