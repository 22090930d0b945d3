import { assert, assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import {
  MonitorBusyError,
  QmpClosedError,
  QmpCommandError,
  QmpConnectError,
  QmpError,
  QmpInterruptedError,
  QmpProtocolError,
  QmpTimeoutError,
} from "../../../src/qmp/errors.ts";

const cause = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");

const table: { error: QmpError; name: string; kind: string; message: string }[] = [
  {
    error: new QmpCommandError("device_add", "GenericError", "'nope' is not a valid device model name"),
    name: "QmpCommandError",
    kind: "command",
    message: `Command "device_add" failed: 'nope' is not a valid device model name (GenericError)`,
  },
  {
    error: new QmpConnectError("unix:/run/vm/qmp", "open", { cause }),
    name: "QmpConnectError",
    kind: "connect",
    message: "Cannot connect to the monitor at unix:/run/vm/qmp: Connection refused (os error 111)",
  },
  {
    error: new QmpConnectError("unix:/run/vm/qmp", "greeting"),
    name: "QmpConnectError",
    kind: "connect",
    message: "Cannot connect to the monitor at unix:/run/vm/qmp: the connection ended before QEMU's greeting",
  },
  {
    error: new QmpConnectError("stdio", "negotiation", { cause: new Error("Boom") }),
    name: "QmpConnectError",
    kind: "connect",
    message: "Cannot connect to the monitor at stdio: negotiating capabilities failed: Boom",
  },
  {
    error: new MonitorBusyError("tcp:[::1]:4444"),
    name: "MonitorBusyError",
    kind: "connect",
    message: "Cannot connect to the monitor at tcp:[::1]:4444: no greeting came in time, so another client " +
      "probably has it. A QMP monitor serves one client at a time: close the other one, or give QEMU one more monitor",
  },
  {
    error: new QmpProtocolError("A message is not valid JSON", '{"a":}'),
    name: "QmpProtocolError",
    kind: "protocol",
    message: 'A message is not valid JSON, found: {"a":}',
  },
  {
    error: new QmpProtocolError("A reply without an id"),
    name: "QmpProtocolError",
    kind: "protocol",
    message: "A reply without an id",
  },
  {
    error: new QmpInterruptedError("quit", true, cause),
    name: "QmpInterruptedError",
    kind: "interrupted",
    message: 'Command "quit" was interrupted: the connection ended after it was sent, so it may have run: ' +
      "ask for the state before sending it again",
  },
  {
    error: new QmpInterruptedError("quit", false),
    name: "QmpInterruptedError",
    kind: "interrupted",
    message: 'Command "quit" was interrupted: the connection ended before it was sent, so it has not run',
  },
  {
    error: new QmpTimeoutError("query-status", 250),
    name: "QmpTimeoutError",
    kind: "timeout",
    message:
      'Command "query-status" got no answer within 250 ms and may still run: QEMU is busy or stopped, ' +
      "so look at its process, or allow more time",
  },
  {
    error: new QmpClosedError("unix:/run/vm/qmp"),
    name: "QmpClosedError",
    kind: "closed",
    message: "Cannot use the connection to unix:/run/vm/qmp after its end: connect again",
  },
];

for (const { error, name, kind, message } of table) {
  Deno.test(`${name} says what happened and what to do: ${message.slice(0, 60)}`, () => {
    assertInstanceOf(error, QmpError);
    assertEquals(error.name, name);
    assertEquals(error.kind, kind);
    assertEquals(error.message, message);
    assert(error.stack?.startsWith(`${name}: `), `the stack begins with the name: ${error.stack}`);
  });
}

Deno.test("QmpCommandError keeps command, class and desc", () => {
  const { command, class: className, desc } = new QmpCommandError("cont", "DeviceNotActive", "No balloon");
  assertEquals([command, className, desc], ["cont", "DeviceNotActive", "No balloon"]);
});

Deno.test("QmpConnectError keeps address, phase and cause", () => {
  const error = new QmpConnectError("unix:/x", "open", { cause });
  assertEquals([error.address, error.phase, error.cause], ["unix:/x", "open", cause]);
});

Deno.test("MonitorBusyError is a QmpConnectError that says which queue was full", () => {
  const error = new MonitorBusyError("unix:/x", "open", { cause });
  assertInstanceOf(error, QmpConnectError);
  assertEquals([error.phase, error.cause], ["open", cause]);
  assertStringIncludes(error.message, "queue of waiting clients is full");
});

Deno.test("QmpInterruptedError has no cause when the connection ended plainly", () => {
  assertEquals("cause" in new QmpInterruptedError("quit", true, null), false);
  assertEquals(new QmpInterruptedError("quit", true, cause).cause, cause);
});

Deno.test("QmpClosedError has the cause of the end, and none for a plain end", () => {
  assertEquals("cause" in new QmpClosedError("unix:/x", null), false);
  assertEquals(new QmpClosedError("unix:/x", cause).cause, cause);
});

Deno.test("QmpProtocolError shows at most 200 characters, all of them printable ASCII", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
  for (const offending of [bytes, String.fromCharCode(...bytes), "\u{1f4a5}\u20ac".repeat(100)]) {
    const error = new QmpProtocolError("Broken", offending);
    assertEquals(error.offending.length, 200);
    assertMatch(error.offending, /^[\x20-\x7e]*$/);
  }
  assertEquals(
    new QmpProtocolError("Broken", new Uint8Array([0, 10, 13, 9, 255])).offending,
    "\\x00\\n\\r\\t\\xff",
  );
  assertEquals(new QmpProtocolError("Broken", "\x1b[31m\u20ac").offending, "\\x1b[31m\\u20ac");
});
