import fc from "fast-check";
import { assertEquals, assertThrows } from "@std/assert";
import {
  cutChunks,
  encodeMessage,
  eventMessage,
  greetingMessage,
  hugeReply,
} from "../../../../src/testing/peer/wire.ts";
import { readCommand } from "../../../../src/testing/peer/command.ts";
import { classifyMessage, QmpDecoder } from "../../../../src/qmp/mod.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("encodeMessage() writes a line of ASCII, many lines when pretty, and what is raw as it is", () => {
  assertEquals(
    text(encodeMessage({ return: "é€😀" }, "compact")),
    '{"return":"\\u00e9\\u20ac\\ud83d\\ude00"}\r\n',
  );
  assertEquals(text(encodeMessage({ return: {} }, "pretty")), '{\n    "return": {}\n}\r\n');
  assertEquals(text(encodeMessage('{"é', "pretty")), '{"é');
  const bytes = Uint8Array.of(0xff, 0);
  assertEquals(encodeMessage(bytes, "compact"), bytes);
});

Deno.test("encodeMessage() writes all digits of a bigint", () => {
  const message = { return: [2n ** 64n - 1n, -(2n ** 63n), 1] };
  assertEquals(
    text(encodeMessage(message, "compact")),
    '{"return":[18446744073709551615,-9223372036854775808,1]}\r\n',
  );
});

Deno.test("encodeMessage() writes what the client's decoder reads as the same, any JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), fc.boolean(), (value, pretty) => {
      const [message] = new QmpDecoder().push(
        encodeMessage({ return: value }, pretty ? "pretty" : "compact"),
      );
      // An integer beyond 2^53 is a bigint then.
      const plain = (_key: string, member: unknown) => typeof member === "bigint" ? Number(member) : member;
      assertEquals(JSON.stringify(message, plain), JSON.stringify({ return: value }));
    }),
    { numRuns: 30 },
  );
});

Deno.test("greetingMessage() and eventMessage() make what the client takes for a greeting and an event", () => {
  const greeting = classifyMessage(greetingMessage({ version: { major: 7, minor: 2, micro: 1 } }));
  assertEquals(greeting.kind === "greeting" && greeting.greeting.version.qemu.major, 7);
  assertEquals(classifyMessage(greetingMessage({ version: "0.12.50" })).kind, "greeting");
  const event = classifyMessage(eventMessage("RESET", { guest: true }));
  assertEquals(event.kind === "event" && [event.event.event, event.event.data], ["RESET", { guest: true }]);
  assertEquals("data" in eventMessage("STOP"), false);
});

Deno.test("hugeReply() is exactly as long as it is told, line end included", () => {
  for (const [id, bytes] of [[1, 100], ["a name", 64], [undefined, 16], [2, 1_000_001]] as const) {
    const line = hugeReply({ id }, bytes);
    assertEquals([line.length, text(line.subarray(-2))], [bytes, "\r\n"]);
    const message = classifyMessage(new QmpDecoder().push(line)[0]);
    assertEquals(message.kind === "return" && [message.id, typeof message.value], [id, "string"]);
  }
  assertThrows(() => hugeReply({ id: 1 }, 20), RangeError, "at least 22");
  assertThrows(() => hugeReply({ id: 1 }, 30.5), RangeError, "'lineBytes'");
});

Deno.test("cutChunks() loses nothing, and takes the sizes in turn", () => {
  const sizes = (length: number, ...args: [number[], number]) =>
    cutChunks(new Uint8Array(length), ...args).map((chunk) => chunk.length);
  assertEquals(sizes(5, [], 0), [5]);
  assertEquals(sizes(0, [], 0), []);
  assertEquals(sizes(7, [1, 3], 0), [1, 3, 1, 2]);
  assertEquals(sizes(7, [1, 3], 1), [3, 1, 3]);
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.integer({ min: 1, max: 9 })), fc.nat(), (bytes, sizes, turn) => {
      assertEquals(cutChunks(bytes, sizes, turn).flatMap((chunk) => [...chunk]), [...bytes]);
    }),
  );
});

Deno.test("readCommand() reads commands of both bands, and refuses the rest in QEMU's words", () => {
  const read = (message: object) => {
    const result = readCommand(message);
    return result.kind === "command" ? result.command : result.desc;
  };
  assertEquals(read({ execute: "stop", id: 1 }), { name: "stop", band: "in", id: 1 });
  assertEquals(read({ "exec-oob": "query-yank", arguments: { a: 1 } }), {
    name: "query-yank",
    band: "out",
    arguments: { a: 1 },
    id: undefined,
  });
  assertEquals(read({}), "QMP input lacks member 'execute'");
  assertEquals(read({ execute: "stop", foo: 1 }), "QMP input member 'foo' is unexpected");
  assertEquals(read({ execute: 1 }), "QMP input member 'execute' must be a string");
  assertEquals(read({ execute: "stop", arguments: 1 }), "QMP input member 'arguments' must be an object");
});
