// Secrets are not seen.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RedactedOutput, Redactor } from "../../../../src/testing/console/redaction.ts";
import { cuts, kernelLine } from "./_chunks.ts";

Deno.test("Redactor.redact() hides", async (t) => {
  const table: readonly [what: string, secrets: (string | RegExp)[], text: string, shown: string][] = [
    ["a text, each time", ["hunter2"], "a hunter2 b hunter2", "a [redacted] b [redacted]"],
    [
      "a text with characters that mean something in expressions",
      ["a.b*[c]"],
      "axb a.b*[c]",
      "axb [redacted]",
    ],
    ["what an expression matches", [/token=\w+/], "x token=abc y", "x [redacted] y"],
    ["all that a sticky expression would match", [/\d{4}/y], "a 1234", "a [redacted]"],
    ["two secrets that overlap, as one", ["abcd", "cdef"], "xabcdefx", "x[redacted]x"],
    ["a secret within another one", ["abcd", "bc"], "abcd", "[redacted]"],
    [
      "the lines of a secret of several lines",
      ["-----KEY-----\nMIIE1234\n}\n"],
      "MIIE1234 }",
      "[redacted] }",
    ],
    ["nothing where there are no secrets", [], "hunter2", "hunter2"],
    ["nothing where an expression matches nothing", [/x*/], "abc", "abc"],
  ];
  for (const [what, secrets, text, shown] of table) {
    await t.step(what, () => assertEquals(new Redactor(secrets).redact(text), shown));
  }
});

Deno.test("Redactor refuses an empty secret, which would be everywhere", () => {
  assertThrows(() => new Redactor(["a", ""]), TypeError, "empty");
});

Deno.test("Redactor.redactConsole() hides a secret", async (t) => {
  const redactor = new Redactor(["hunter2", /tok-\d+/]);
  const table: readonly [what: string, raw: string, shown: string][] = [
    ["in one piece", "pass hunter2\r\n", "pass [redacted]\r\n"],
    ["that a kernel line breaks into", "hun[    1.000000] x\r\nter2!", "[redacted][    1.000000] x\r\n!"],
    ["that a colour breaks into", "hun\x1b[1mter2!", "[redacted]\x1b[1m!"],
    [
      "of an expression that a kernel line breaks into",
      "tok-1[    1.000000] x\r\n23;",
      "[redacted][    1.000000] x\r\n;",
    ],
    ["in a kernel line", "[    1.000000] hunter2\r\n", "[    1.000000] [redacted]\r\n"],
    ["within an escape sequence", "\x1b]0;hunter2\x07", "\x1b]0;[redacted]\x07"],
  ];
  for (const [what, raw, shown] of table) {
    await t.step(what, () => assertEquals(redactor.redactConsole(raw), shown));
  }
});

Deno.test("Redactor.add() hides what was said before as well", () => {
  const redactor = new Redactor([]);
  assertEquals(redactor.redact("swordfish"), "swordfish");
  redactor.add("swordfish");
  assertEquals(redactor.redact("swordfish"), "[redacted]");
});

Deno.test("RedactedOutput never shows a secret, in whatever chunks it comes, and shows all the rest", () => {
  const secret = "hunter2";
  const part = fc.oneof(
    fc.constantFrom("a", "hun", "ter2", "\r\n", "\n", "login: ", "\x1b[1m", "h", "2"),
    fc.constant(secret),
    kernelLine.map(({ whole }) => whole),
    kernelLine.map(({ whole }) => `hun${whole}ter2`),
  );
  const said = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(cuts(said), ({ text, chunks }) => {
      const redactor = new Redactor([secret]);
      const output = new RedactedOutput(redactor);
      const shown = chunks.map((chunk) => output.push(chunk)).join("") + output.end();
      assertEquals(shown, redactor.redactConsole(text));
      assert(!shown.includes(secret));
    }),
    { numRuns: 500 },
  );
});

Deno.test("RedactedOutput shows everything at once where there are no secrets, else whole lines", () => {
  assertEquals(new RedactedOutput(new Redactor([])).push("log"), "log");
  const output = new RedactedOutput(new Redactor(["hunter2"]));
  assertEquals(output.push("a\nlog"), "a\n");
  assertEquals(output.push("[    1.000000] x\n"), "");
  assertEquals(output.push("in: \n"), "log[    1.000000] x\nin: \n");
});

Deno.test("RedactedOutput holds back only so much of a line without an end, and cuts no secret there", () => {
  const output = new RedactedOutput(new Redactor(["hunter2"]));
  const text = "xhunter2".repeat(16 * 1024);
  let shown = "";
  for (let at = 0; at < text.length; at += 1000) shown += output.push(text.slice(at, at + 1000));
  assert(shown.length > 1000);
  assertEquals(shown + output.end(), "x[redacted]".repeat(16 * 1024));
});
