import { assertEquals, assertThrows } from "@std/assert";
import { formatBytes } from "../../../src/cli/bytes.ts";
import { formatTable } from "../../../src/cli/table.ts";
import { formatJson, oneLine, parseJson, printable } from "../../../src/cli/text.ts";

Deno.test("printable() lets no control character through but tabs and line feeds", () => {
  assertEquals(
    printable("a\x1b[31mb\x07\r\nc\td\x7f\x9be\u202e"),
    "a\\x1b[31mb\\x07\nc\td\\x7f\\x9be\\u202e",
  );
  assertEquals(printable("é 漢 🙂"), "é 漢 🙂");
});

Deno.test("oneLine() joins lines", () => {
  assertEquals(oneLine("said:\n  qemu: no\n  such\tthing\n"), "said: / qemu: no / such thing");
});

Deno.test("formatJson() keeps all digits and stays JSON, with no control character in it", () => {
  assertEquals(
    formatJson({ big: 18446744073709551615n, text: "\x9b\x7f\u2028é" }),
    '{"big":18446744073709551615,"text":"\\u009b\\u007f\\u2028é"}',
  );
  assertEquals(JSON.parse(formatJson({ text: "\x00\x9b\u202e" }, 2)), { text: "\x00\x9b\u202e" });
  assertEquals(formatJson({ error: new Error("gone") }), '{"error":"gone"}');
  assertEquals(formatJson(undefined), "null");
});

Deno.test("parseJson() keeps all digits", () => {
  assertEquals(parseJson('{"size": 9007199254740993, "n": 1}'), { size: 9007199254740993n, n: 1 });
  assertThrows(() => parseJson("{"), SyntaxError);
});

Deno.test("formatTable() pads all columns but the last, and makes cells harmless", () => {
  assertEquals(
    formatTable([["a", "bb", "c"], ["aaa", "b"], ["x\x1b", "y\nz"]], " "),
    " a      bb     c\n aaa    b\n x\\x1b  y / z\n",
  );
  assertEquals(formatTable([]), "");
});

Deno.test("formatBytes() takes the largest unit that leaves at least 1", () => {
  const cases: [number | bigint, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [64 * 1024 ** 2, "64 MiB"],
    [2n ** 63n, "8 EiB"],
  ];
  for (const [bytes, text] of cases) assertEquals(formatBytes(bytes), text);
});
