import fc from "fast-check";
import { assertEquals } from "@std/assert";
import type { AnyQmpEvent } from "../../../src/qmp/mod.ts";
import { eventsAfter, parseRecording } from "../../../src/vm/recording.ts";
import { event, RESUME, shutdown, STOP } from "./_events.ts";

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}\r\n';
const REPLY = '{"return": {}}\r\n';

function line(of: AnyQmpEvent): string {
  return `${JSON.stringify(of)}\r\n`;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function read(text: string): { events: AnyQmpEvent[]; used: number } {
  const { events, used } = parseRecording(bytes(text));
  return { events: events.map(({ event }) => event), used };
}

Deno.test("parseRecording() returns the events, and nothing of greeting and replies", () => {
  const text = GREETING + REPLY + line(RESUME) + line(shutdown("guest-panic"));
  assertEquals(read(text), { events: [RESUME, shutdown("guest-panic")], used: text.length });
  assertEquals(read(""), { events: [], used: 0 });
});

Deno.test("parseRecording() says where each event's line ends", () => {
  const text = GREETING + line(RESUME) + line(STOP);
  const { events } = parseRecording(bytes(text));
  assertEquals(events.map(({ end }) => text.slice(0, end)), [GREETING + line(RESUME), text]);
});

Deno.test("parseRecording() leaves a last line that is not whole for the next time, wherever it is torn", () => {
  const whole = line(RESUME);
  for (let cut = 0; cut < whole.length - 1; cut++) {
    assertEquals(read(line(STOP) + whole.slice(0, cut)), { events: [STOP], used: line(STOP).length });
  }
});

Deno.test("parseRecording() passes over NULs and damaged lines, and goes on after them", () => {
  const nuls = "\0".repeat(10_000);
  assertEquals(read(nuls + line(RESUME)).events, [RESUME]);
  assertEquals(
    read(`"data": {}}\r\n${line(RESUME)}{"event": \r\n[1]\r\n{"event":1}\r\n\r\n${line(STOP)}`).events,
    [
      RESUME,
      STOP,
    ],
  );
});

Deno.test("parseRecording() keeps every digit of a 64-bit integer", () => {
  const text =
    '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "X", "data": {"n": 18446744073709551615}}\r\n';
  assertEquals(read(text).events[0]?.data, { n: 18446744073709551615n });
});

Deno.test("parseRecording() gives each event once, however a recording is cut into reads", () => {
  const events = Array.from({ length: 20 }, (_, at) => event(`E${at}`, { at }, at));
  const all = bytes(GREETING + REPLY + events.map(line).join(""));
  fc.assert(fc.property(fc.array(fc.nat(all.length), { maxLength: 12 }), (cuts) => {
    const seen: AnyQmpEvent[] = [];
    let from = 0;
    for (const cut of [...cuts.toSorted((a, b) => a - b), all.length]) {
      const { events, used } = parseRecording(all.subarray(from, Math.max(from, cut)));
      seen.push(...events.map(({ event }) => event));
      from += used;
    }
    assertEquals(seen, events);
  }));
});

Deno.test("eventsAfter() returns what follows the last event that was seen", async (t) => {
  const [a, b, c] = [event("A", {}, 1), event("B", { n: 1 }, 2), event("C", {}, 3)];
  const cases: [string, AnyQmpEvent | null, AnyQmpEvent[]][] = [
    ["none was seen", null, [a, b, c]],
    ["the first was", a, [b, c]],
    ["the last was", c, []],
    ["it was removed since: then by the time", event("Z", {}, 1.5), [b, c]],
    ["it is later than all", event("Z", {}, 4), []],
    ["another one of that name and time", event("B", { n: 2 }, 2), [c]],
  ];
  for (const [name, last, expected] of cases) {
    await t.step(name, () => assertEquals(eventsAfter([a, b, c], last), expected));
  }
});

Deno.test("eventsAfter() goes by the order of the recording where the clock was set back", () => {
  const [before, after] = [event("A", {}, 1000), event("B", {}, 10)];
  assertEquals(eventsAfter([before, after], before), [after]);
});
