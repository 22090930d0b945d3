import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { QmpDecoder } from "../../../src/qmp/decoder.ts";
import { QmpProtocolError } from "../../../src/qmp/errors.ts";

const encoder = new TextEncoder();

function toBytes(source: string | Uint8Array): Uint8Array {
  return typeof source === "string" ? encoder.encode(source) : source;
}

/** What a decoder makes of a whole stream, cut into chunks of the given sizes in turn; the rest comes as one chunk. */
function decode(
  stream: string | Uint8Array,
  sizes: readonly number[] = [],
  decoder: QmpDecoder = new QmpDecoder(),
): { messages: unknown[]; failure: string | null } {
  const bytes = toBytes(stream);
  // One buffer for all chunks, as a reader has it: what the decoder needs later it must have copied.
  const buffer = new Uint8Array(bytes.length);
  const messages: unknown[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const chunk = buffer.subarray(0, Math.min(size, bytes.length - at));
    chunk.set(bytes.subarray(at, at + chunk.length));
    at += chunk.length;
    messages.push(...decoder.push(chunk));
    buffer.fill(0x7b);
    if (decoder.failure) break;
  }
  try {
    decoder.end();
  } catch (error) {
    assertInstanceOf(error, QmpProtocolError);
    assertEquals(error, decoder.failure);
  }
  return { messages, failure: decoder.failure?.reason ?? null };
}

const oneByOne = (stream: string | Uint8Array): number[] => Array(toBytes(stream).length).fill(1);

const event = '{"timestamp": {"seconds": 1795252542, "microseconds": 624491}, "event": "STOP"}';
const prettyEvent =
  '{\r\n    "timestamp": {\r\n        "seconds": 1795252542,\r\n        "microseconds": 624491\r\n    },' +
  '\r\n    "event": "STOP"\r\n}';
const reply = '{"return": [{"name": "quit"}, {"name": "stop"}], "id": 1}';

const streams: [what: string, stream: string, expected: string[]][] = [
  ["nothing", "", []],
  ["white space", " \t\r\n", []],
  ["one message, CRLF", `${event}\r\n`, [event]],
  ["one message, no line end", event, [event]],
  ["three messages, CRLF", `${event}\r\n${reply}\r\n${event}\r\n`, [event, reply, event]],
  ["three messages, LF", `${event}\n${reply}\n${event}\n`, [event, reply, event]],
  ["three messages, nothing between", `${event}${reply}${event}`, [event, reply, event]],
  ["nothing between some of them", `${event}${event}\r\n${event}\r\n`, [event, event, event]],
  ["both line ends", `${event}\r\n${event}\n${event}\r\n`, [event, event, event]],
  ["empty lines", `\r\n\r\n${event}\r\n\r\n\n${event}\r\n`, [event, event]],
  ["pretty", `${prettyEvent}\r\n${prettyEvent}\r\n${prettyEvent}\r\n`, [event, event, event]],
  ["pretty, LF", `${prettyEvent}\n${prettyEvent}\n`.replaceAll("\r\n", "\n"), [event, event]],
  ["pretty, nothing between", prettyEvent + prettyEvent, [event, event]],
  ["pretty and compact", `${prettyEvent}\r\n${event}\r\n${prettyEvent}\r\n${event}\r\n`, [
    event,
    event,
    event,
    event,
  ]],
  ["braces and quotes in strings", '{"a": "}{\\"}\\\\"}\r\n{"}\\r\\n{": "["}\r\n', [
    '{"a":"}{\\"}\\\\"}',
    '{"}\\r\\n{":"["}',
  ]],
  ["a line end within a message", '{"a": {}\r\n}\r\n{"b": 1}\r\n', ['{"a":{}}', '{"b":1}']],
  ["escaped and raw characters", '{"a": "\\u20ac\\ud83d\\ude00 €😀é"}\r\n{}\r\n', ['{"a":"€😀 €😀é"}', "{}"]],
  ["a raw U+FFFD, which is valid", '{"a": "\ufffd"}\r\n{}\r\n', ['{"a":"\ufffd"}', "{}"]],
  ["an own __proto__", '{"__proto__": {"a": 1}}\r\n{}\r\n', ['{"__proto__":{"a":1}}', "{}"]],
];
for (const [what, stream, expected] of streams) {
  Deno.test(`QmpDecoder.push() decodes ${what}, whole, byte by byte, and cut in two anywhere`, () => {
    const wanted = { messages: expected.map((text) => JSON.parse(text)), failure: null };
    assertEquals(decode(stream), wanted);
    assertEquals(decode(stream, oneByOne(stream)), wanted);
    for (let cut = 1; cut < toBytes(stream).length; cut++) assertEquals(decode(stream, [cut]), wanted);
  });
}

Deno.test("QmpDecoder.push() hands a message over with its last byte", () => {
  const decoder = new QmpDecoder();
  const bytes = encoder.encode(event);
  assertEquals(decoder.push(bytes.subarray(0, -1)), []);
  assertEquals(decoder.push(bytes.subarray(-1)), [JSON.parse(event)]);
  assertEquals(decoder.push(encoder.encode("\r\n")), []);
});

const JSON_VALID = "A message is not valid JSON";
const JSON_OBJECT = "A message must be a JSON object";
const UTF8 = "A message is not valid UTF-8";
const TRUNCATED = "The stream ended within a message";

/** Bytes that are not text, between two texts. */
function around(before: string, bytes: number[], after: string): Uint8Array {
  return new Uint8Array([...encoder.encode(before), ...bytes, ...encoder.encode(after)]);
}

const broken: [what: string, stream: string | Uint8Array, reason: string][] = [
  ["a bare word", "hello\r\n", JSON_OBJECT],
  ["an HMP prompt", "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ", JSON_OBJECT],
  ["a number", "42\r\n", JSON_OBJECT],
  ["a string", '"STOP"\r\n', JSON_OBJECT],
  ["null", "null\r\n", JSON_OBJECT],
  ["an array", "[{}]\r\n", JSON_OBJECT],
  ["a closing brace", "}\r\n", JSON_OBJECT],
  ["a comma between messages", ",{}\r\n", JSON_OBJECT],
  ["a comma and a message in its line", "{},{}\r\n{}\r\n", JSON_OBJECT],
  ["a NUL", "\0{}\r\n", JSON_OBJECT],
  ["a byte order mark", "\ufeff{}\r\n", JSON_OBJECT],
  ["a no-break space", "\u00a0{}\r\n", JSON_OBJECT],
  ["0xff", around("", [0xff], "{}\r\n"), JSON_OBJECT],
  ["a missing value", '{"a": }\r\n', JSON_VALID],
  ["a missing comma", '{"a": 1 "b": 2}\r\n', JSON_VALID],
  ["a line end for a comma between members", '{"a": {}\r\n"b": 2}\r\n', JSON_VALID],
  ["a line end for a comma between items", '{"a": [{}\r\n{}]}\r\n', JSON_VALID],
  ["a line end and a comma that make up for each other", '{"a": [{}\r\n{}]},{}\r\n', JSON_VALID],
  ["a trailing comma", '{"a": 1,}\r\n', JSON_VALID],
  ["an unquoted key", "{a: 1}\r\n", JSON_VALID],
  ["single quotes", "{'a': 1}\r\n", JSON_VALID],
  ["a wrong bracket", '{"a": [1}]\r\n', JSON_VALID],
  ["a raw line end in a string", '{"a": "b\r\nc"}\r\n', JSON_VALID],
  ["a bad escape", '{"a": "\\x41"}\r\n', JSON_VALID],
  ["inf, as QEMU echoes an id of 1e400", '{"return": {}, "id": inf}\r\n', JSON_VALID],
  ["a leading zero", '{"a": 012345678901234567}\r\n', JSON_VALID],
  ["a stray continuation byte", around('{"a": "', [0x80], '"}\r\n'), UTF8],
  ["0xff in a string", around('{"a": "', [0xff], '"}\r\n'), UTF8],
  ["a character cut short", around('{"a": "', [0xe2, 0x82], '"}\r\n'), UTF8],
  ["an overlong form", around('{"a": "', [0xc0, 0xaf], '"}\r\n'), UTF8],
  ["a surrogate", around('{"a": "', [0xed, 0xa0, 0x80], '"}\r\n'), UTF8],
  ["a character beyond Unicode", around('{"a": "', [0xf4, 0x90, 0x80, 0x80], '"}\r\n'), UTF8],
  ["an end in an object", '{"a": 1', TRUNCATED],
  ["an end in a string", '{"a": "}', TRUNCATED],
  ["an end after a backslash", '{"a": "\\', TRUNCATED],
  ["an end in a character", around('{"a": "', [0xe2, 0x82], ""), TRUNCATED],
];
for (const [what, stream, reason] of broken) {
  Deno.test(`QmpDecoder.failure says "${reason}" for ${what}, and no message before it is lost`, () => {
    for (
      const before of [
        "",
        `${event}\r\n`,
        `${event}\r\n${reply}\r\n`,
        `${prettyEvent}\r\n${prettyEvent}\r\n`,
        event,
      ]
    ) {
      const whole = around(before, [...toBytes(stream)], "");
      const messages = decode(before).messages;
      // The comma's line has a whole message before the comma.
      if (what.startsWith("a comma and")) messages.push({});
      const wanted = { messages, failure: reason };
      assertEquals(decode(whole), wanted);
      assertEquals(decode(whole, oneByOne(whole)), wanted);
    }
  });
}

Deno.test("QmpDecoder.push() and end() throw the same failure again, and decode nothing more", () => {
  const decoder = new QmpDecoder();
  assertEquals(decoder.failure, null);
  assertEquals(decoder.push(encoder.encode('{"a":1}\r\n{"b":}\r\n{"c":1}\r\n')), [{ a: 1 }]);
  const { failure } = decoder;
  assertInstanceOf(failure, QmpProtocolError);
  assertEquals(failure.offending, '{"b":}');
  assertInstanceOf(failure.cause, SyntaxError);
  for (let again = 0; again < 2; again++) {
    assertEquals(assertThrows(() => decoder.push(encoder.encode("{}"))), failure);
    assertEquals(assertThrows(() => decoder.end()), failure);
  }
});

Deno.test("QmpDecoder.end() throws for a truncated message with its beginning, and not between messages", () => {
  const decoder = new QmpDecoder();
  decoder.push(encoder.encode(`${event}\r\n`));
  decoder.end();
  decoder.push(encoder.encode('{"return"'));
  const error = assertThrows(() => decoder.end(), QmpProtocolError);
  assertEquals([error.reason, error.offending], [TRUNCATED, '{"return"']);
});

const long: [stream: string, expected: unknown[]][] = [
  ['{"a": 9007199254740993}\r\n', [{ a: 9007199254740993n }]],
  ['{"a": 1}\r\n{"b": -9223372036854775808}\r\n{"c": 1}\r\n', [{ a: 1 }, { b: -9223372036854775808n }, {
    c: 1,
  }]],
  ['{"a": 1}\r\n{"b": [18446744073709551615]}\r\n', [{ a: 1 }, { b: [18446744073709551615n] }]],
];
for (const [stream, messages] of long) {
  Deno.test(`QmpDecoder keeps the digits of ${JSON.stringify(stream)}, whole and byte by byte`, () => {
    assertEquals(decode(stream), { messages, failure: null });
    assertEquals(decode(stream, oneByOne(stream)), { messages, failure: null });
  });
}

Deno.test("QmpDecoder.failure tells of a message that is too deep for its long integer", () => {
  const depth = 200_000;
  const stream = `${event}\r\n{"a": ${"[".repeat(depth)}9007199254740993${"]".repeat(depth)}}\r\n`;
  assertEquals(decode(stream), { messages: [JSON.parse(event)], failure: "A message could not be parsed" });
});

const LIMIT = 100;
const ofSize = (size: number): string => `{"a": "${"x".repeat(size - 9)}"}`;
Deno.test("QmpDecoder takes a message of exactly the limit, in any chunks", () => {
  const stream = `${ofSize(LIMIT)}\r\n${ofSize(LIMIT)}\r\n{}\r\n`;
  for (const sizes of [[], [1], [50], [99], [101], [150], oneByOne(stream)]) {
    const { messages, failure } = decode(stream, sizes, new QmpDecoder({ maxMessageBytes: LIMIT }));
    assertEquals([messages.length, failure], [3, null]);
  }
});

Deno.test("QmpDecoder refuses a message one byte larger, in any chunks, and as soon as it is too large", () => {
  const stream = `{}\r\n${ofSize(LIMIT + 1)}\r\n`;
  for (const sizes of [[], [3], [50], [104], oneByOne(stream)]) {
    const { messages, failure } = decode(stream, sizes, new QmpDecoder({ maxMessageBytes: LIMIT }));
    assertEquals(messages, [{}]);
    assertStringIncludes(failure ?? "", "larger than 100 bytes");
  }
  const decoder = new QmpDecoder({ maxMessageBytes: LIMIT });
  assertEquals(decoder.push(encoder.encode(ofSize(LIMIT + 1).slice(0, LIMIT))), []);
  assertEquals(decoder.failure, null);
  decoder.push(encoder.encode("x"));
  assertStringIncludes(decoder.failure?.reason ?? "", "larger than 100 bytes");
  assertStringIncludes(decoder.failure?.offending ?? "", '{"a": "xxx');
});

Deno.test("QmpDecoder takes a message of 64 MiB by default, in chunks of 64 KiB, and not one byte more", () => {
  const size = 64 * 1024 * 1024;
  const bytes = new Uint8Array(size).fill(0x78);
  bytes.set(encoder.encode('{"return":"'));
  bytes.set(encoder.encode('"}'), size - 2);
  const decoder = new QmpDecoder();
  const messages: unknown[] = [];
  for (let at = 0; at < size; at += 65536) messages.push(...decoder.push(bytes.subarray(at, at + 65536)));
  assertEquals((messages as { return: string }[]).map((message) => message.return.length), [size - 13]);
  decoder.push(bytes.subarray(0, size - 2));
  assertEquals(decoder.failure, null);
  decoder.push(encoder.encode('xx"}'));
  assertStringIncludes(decoder.failure?.reason ?? "", `larger than ${size} bytes`);
});

Deno.test("QmpDecoder costs about as much per byte for a long message in small chunks as for a short one", () => {
  const costOf = (size: number, chunk: number): number => {
    const bytes = encoder.encode(ofSize(size));
    let best = Infinity;
    for (let round = 0; round < 5; round++) {
      const decoder = new QmpDecoder();
      const start = performance.now();
      let count = 0;
      for (let at = 0; at < size; at += chunk) count += decoder.push(bytes.subarray(at, at + chunk)).length;
      best = Math.min(best, performance.now() - start);
      assertEquals(count, 1);
    }
    return best / size;
  };
  for (const [chunk, size] of [[1, 1 << 13], [100, 1 << 17]] as const) {
    costOf(1 << 16, chunk); // Let the compiler do its work before the clock runs.
    // Work that grows with the square of the size makes this 16.
    assertLess(costOf(16 * size, chunk) / costOf(size, chunk), 6);
  }
});

Deno.test("QmpDecoder refuses a limit that is no positive integer", () => {
  for (const maxMessageBytes of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      () => new QmpDecoder({ maxMessageBytes }),
      RangeError,
      `current value is ${maxMessageBytes}`,
    );
  }
});

/** The values as the decoder gives them: integers that a double can't hold become bigints. */
function exact(value: unknown): unknown {
  if (typeof value === "number") {
    return /^-?\d+$/.test(`${value}`) && !Number.isSafeInteger(value) ? BigInt(`${value}`) : value;
  }
  if (Array.isArray(value)) return value.map(exact);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, exact(member)]));
}

const anyObject = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue());
/** A message as a peer could write it: compact or indented, with either line end inside. */
const anyText = fc.record({
  value: anyObject,
  indent: fc.constantFrom(0, 0, 2, 4),
  lineEnd: fc.constantFrom("\r\n", "\n"),
})
  .map(({ value, indent, lineEnd }) => JSON.stringify(value, null, indent).replaceAll("\n", lineEnd));
const anySizes = fc.array(fc.integer({ min: 0, max: 200 }));
const anySeparators = fc.oneof(
  fc.constantFrom("\r\n", "\n", "").map((separator) => () => separator),
  fc.func(fc.constantFrom("\r\n", "\n", "", " ", "\t", "\r\n\r\n")),
);

Deno.test("QmpDecoder decodes any objects, compact or pretty, with any separators, cut at any places", () => {
  fc.assert(fc.property(fc.array(anyText), anySeparators, anySizes, (texts, separatorAfter, sizes) => {
    const stream = texts.map((text, index) => text + separatorAfter(index)).join("");
    assertEquals(decode(stream, sizes), {
      messages: texts.map((text) => exact(JSON.parse(text))),
      failure: null,
    });
  }));
});

Deno.test("QmpDecoder gives the same messages and the same failure whatever the cuts, also for what is no JSON", () => {
  const token = fc.constantFrom(
    ...[
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"',
      "\\",
      "1",
      "9007199254740993",
      " ",
      "\r\n",
      "\n",
      "x",
      "\ufffd",
    ],
    ...[
      "{}",
      '{"a":1}',
      '{"a":{}}',
      '{"a":[]}',
      "{}\r\n{}",
      '{"a":{}}\r\n{"b":[{}',
      "{}]}",
      "},{",
      '{"a":[{}\r\n{}]},{}',
      "{\r\n",
    ],
    ...['{\r\n  "a": 1\r\n}\r\n{\r\n  "b": {\r\n  }\r\n}', '{\r\n"a":[{}\r\n{}]},{}'],
  );
  const soup = fc.array(token, { maxLength: 12 }).map((tokens) => `{}\r\n${tokens.join("")}\r\n{}\r\n`);
  fc.assert(
    fc.property(soup, anySizes, (stream, sizes) => {
      const slow = decode(stream, oneByOne(stream));
      assertEquals(decode(stream), slow);
      assertEquals(decode(stream, sizes), slow);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("QmpDecoder gives the same messages and the same failure whatever the cuts, when one byte is damaged", () => {
  const damage = fc.record({
    at: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
    remove: fc.nat({ max: 2 }),
  });
  fc.assert(
    fc.property(
      fc.array(anyText, { minLength: 1 }),
      damage,
      anySizes,
      (texts, { at, byte, remove }, sizes) => {
        const bytes = [...encoder.encode(texts.map((text) => `${text}\r\n`).join(""))];
        bytes.splice(at % bytes.length, remove, byte);
        const stream = new Uint8Array(bytes);
        const slow = decode(stream, oneByOne(stream));
        assertEquals(decode(stream), slow);
        assertEquals(decode(stream, sizes), slow);
        assert(slow.messages.length <= 2 * texts.length);
      },
    ),
    { numRuns: 500 },
  );
});
