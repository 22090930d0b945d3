import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { explain, SHELL_HELP } from "../../../../src/cli/shell/language/help_text.ts";
import { readLine } from "../../../../src/cli/shell/language/line.ts";
import { splitWords } from "../../../../src/cli/shell/language/tokens.ts";
import { SCHEMA } from "./_schema.ts";

const help = (text: string) => explain(splitWords(text).words, SCHEMA);

Deno.test("explain() lists a command's arguments, the required ones first, and what it returns", () => {
  assertEquals(
    help("query-status"),
    "query-status: a command\nArguments: none\nReturns:\n  running            boolean\n  since    optional  number\n",
  );
  assertEquals(
    help("balloon"),
    "balloon: a command; deprecated\nArguments:\n  value    integer\n",
  );
  assertStringIncludes(help("query-names"), "Returns: list of string\n");
  assertStringIncludes(help("query-yank"), "a command; may be sent out of band (exec-oob)\n");
});

Deno.test("explain() shows the variant of a union that is asked for, else how to ask", () => {
  const open = help("blockdev-add");
  assertStringIncludes(open, "More arguments depend on driver: help blockdev-add driver=file\n");
  assert(!open.includes("filename"));
  const chosen = help("blockdev-add driver=qcow2 file.driver=file");
  for (const key of ["cache.direct", "lazy-refcounts", "file.filename"]) {
    assertStringIncludes(chosen, `  ${key} `);
  }
  assert(!chosen.includes("More arguments depend on driver"));
});

Deno.test("explain() explains events, finds names by a part, and the nearest one", () => {
  assertEquals(
    help("SHUTDOWN"),
    "SHUTDOWN: an event\nData:\n  guest     boolean\n  reason    guest-panic or host-qmp-quit\n",
  );
  assertEquals(help("STATUS"), 'Commands and events with "STATUS" in their names:\n  query-status\n');
  assertEquals(
    help("qeury-status"),
    'There is no command or event "qeury-status", did you mean query-status?\n',
  );
});

Deno.test("the help's examples are lines that the shell reads", () => {
  const examples = [...SHELL_HELP.matchAll(/^ {2}(\S.*?)(?: {2,}.*)?$/gm)].map(([, line]) => line ?? "");
  assert(examples.length >= 8);
  for (const line of examples) assert(readLine(line).kind !== "empty", line);
});
