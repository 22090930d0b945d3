import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../src/cli/command.ts";
import { readLines } from "../../../src/cli/line_reader.ts";
import { parseArguments, parseQmpLine, type QmpLine } from "../../../src/cli/qmp_line.ts";
import { MemoryIo } from "./_memory_io.ts";

const run = (command: string, args: object = {}, oob = false): QmpLine => ({
  kind: "command",
  command,
  args,
  oob,
});

Deno.test("parseQmpLine() reads commands, whole messages and lines of the human monitor", () => {
  const cases: [string, QmpLine][] = [
    ["", { kind: "empty" }],
    ["  ", { kind: "empty" }],
    ["help", { kind: "help" }],
    ["query-status", run("query-status")],
    [' device_del {"id": "d0"} ', run("device_del", { id: "d0" })],
    ['device_del{"id": "d0"}', run("device_del", { id: "d0" })],
    ['{"execute": "stop"}', run("stop")],
    [
      '{"execute": "balloon", "arguments": {"value": 9007199254740993}, "id": 7}',
      run("balloon", { value: 9007199254740993n }),
    ],
    ['{"exec-oob": "query-yank"}', run("query-yank", {}, true)],
    ["hmp info status", { kind: "hmp", command: "info status" }],
  ];
  for (const [line, expected] of cases) assertEquals(parseQmpLine(line), expected);
});

Deno.test("parseQmpLine() refuses what it can't read, and says what it expects", () => {
  for (
    const line of [
      "stop [1]",
      "stop {",
      "stop x",
      "{",
      "{}",
      '{"execute": 1}',
      '{"execute": "a", "exec-oob": "b"}',
      '{"execute": "a", "argument": {}}',
      '{"execute": "a", "arguments": []}',
      "hmp",
    ]
  ) {
    assertThrows(() => parseQmpLine(line), UsageError);
  }
  assertThrows(() => parseArguments("[]"), UsageError, "as a JSON object");
});

Deno.test("readLines() yields lines however they are cut, and a last one without an end", async () => {
  const io = new MemoryIo();
  const lines = Array.fromAsync(readLines(io.stdin));
  for (const part of ["a", "b\nc\r", "\n\n", Uint8Array.of(0xc3), Uint8Array.of(0xa9, 0x64)]) io.type(part);
  io.endInput();
  assertEquals(await lines, ["ab", "c", "", "éd"]);
});
