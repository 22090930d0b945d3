import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { type AnyQmpEvent, classifyMessage, type QmpEvent } from "../../../src/qmp/message.ts";

const timestamp = { seconds: 1795252542, microseconds: 624491 };

/** Byte for byte what QEMU 7.2 sends. */
const greeting72 =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2"}, "capabilities": ["oob"]}}';

Deno.test("classifyMessage() reads the greeting of today", () => {
  const value = JSON.parse(greeting72);
  assertEquals(classifyMessage(value), {
    kind: "greeting",
    greeting: {
      version: { qemu: { major: 7, minor: 2, micro: 22 }, package: "Debian 1:7.2" },
      capabilities: ["oob"],
      raw: value.QMP,
    },
  });
});

const versions: [qemu: unknown, expected: { major: number; minor: number; micro: number }][] = [
  ["0.12.50", { major: 0, minor: 12, micro: 50 }],
  ["0.12", { major: 0, minor: 12, micro: 0 }],
  ["0.12.1-rc2", { major: 0, minor: 12, micro: 1 }],
  [{ micro: 50, minor: 13, major: 0 }, { major: 0, minor: 13, micro: 50 }],
];
for (const [qemu, expected] of versions) {
  Deno.test(`classifyMessage() reads a greeting of version ${JSON.stringify(qemu)}, without package and capabilities`, () => {
    const message = classifyMessage({ QMP: { version: { qemu } } });
    assert(message.kind === "greeting");
    assertEquals(message.greeting.version, { qemu: expected, package: "" });
    assertEquals(message.greeting.capabilities, []);
  });
}

Deno.test("classifyMessage() reads replies, whatever their id is", () => {
  for (const id of [0, 1, "x", null, { x: [1, null] }, 2n ** 60n]) {
    assertEquals(classifyMessage({ return: {}, id }), { kind: "return", id, value: {} });
    assertEquals(classifyMessage({ id, error: { class: "GenericError", desc: "No" } }), {
      kind: "error",
      id,
      class: "GenericError",
      desc: "No",
    });
  }
});

Deno.test("classifyMessage() gives id undefined where there is none", () => {
  assertEquals(classifyMessage({ return: [] }), { kind: "return", id: undefined, value: [] });
  assertEquals(classifyMessage({ error: { class: "CommandNotFound", desc: "No" } }), {
    kind: "error",
    id: undefined,
    class: "CommandNotFound",
    desc: "No",
  });
});

Deno.test("classifyMessage() takes any value for a return, false ones included", () => {
  for (const value of [null, 0, "", false, [], "text"]) {
    assertEquals(classifyMessage({ return: value, id: 1 }), { kind: "return", id: 1, value });
  }
});

Deno.test("classifyMessage() hands on the very object of an event", () => {
  const withData = { timestamp, event: "SHUTDOWN", data: { guest: true, reason: "guest-panic" } };
  const withoutData = { timestamp, event: "SOMETHING_NEW" };
  for (const value of [withData, withoutData]) {
    const message = classifyMessage(value);
    assert(message.kind === "event");
    assertStrictEquals(message.event, value);
  }
});

const invalid: [value: unknown, reason: string][] = [
  [null, "JSON object"],
  [42, "JSON object"],
  ["STOP", "JSON object"],
  [[{ event: "STOP" }], "JSON object"],
  [{}, "one of the members"],
  [{ event: 1 }, "one of the members"],
  [{ id: 1 }, "one of the members"],
  [{ event: "STOP" }, 'The event "STOP"'],
  [{ event: "STOP", timestamp: 1 }, 'The event "STOP"'],
  [{ event: "STOP", timestamp: { seconds: 1 } }, 'The event "STOP"'],
  [{ event: "STOP", timestamp: { seconds: "1", microseconds: 1 } }, 'The event "STOP"'],
  [{ event: "STOP", timestamp, data: null }, 'The event "STOP"'],
  [{ event: "STOP", timestamp, data: [] }, 'The event "STOP"'],
  [{ error: "No" }, "class and a desc"],
  [{ error: null }, "class and a desc"],
  [{ error: { class: "GenericError" } }, "class and a desc"],
  [{ error: { desc: "No" }, id: 1 }, "class and a desc"],
  [{ QMP: null }, "must have a version"],
  [{ QMP: {} }, "must have a version"],
  [{ QMP: { version: {} } }, "version must be"],
  [{ QMP: { version: { qemu: "ten" } } }, "version must be"],
  [{ QMP: { version: { qemu: { major: 7, minor: "2", micro: 0 } } } }, "version must be"],
];
for (const [value, reason] of invalid) {
  Deno.test(`classifyMessage() finds ${JSON.stringify(value)} invalid and says why`, () => {
    const message = classifyMessage(value);
    assert(message.kind === "invalid", `found ${message.kind}`);
    assertStringIncludes(message.reason, reason);
  });
}

Deno.test("QmpEvent is a union that the event's name tells apart, and goes where any event goes", () => {
  const reasonOf = (event: QmpEvent<"SHUTDOWN" | "STOP">): string => {
    // This compiles only if `data` has the type of its event on either side.
    return event.event === "SHUTDOWN" ? event.data.reason : `none${event.data satisfies undefined ?? ""}`;
  };
  const events = [
    { event: "STOP", timestamp },
    { event: "SHUTDOWN", timestamp, data: { guest: true, reason: "guest-panic" } },
  ] satisfies QmpEvent[];
  assertEquals(events.map(reasonOf), ["none", "guest-panic"]);
  const any: AnyQmpEvent[] = events;
  assertEquals(any.length, 2);
});
