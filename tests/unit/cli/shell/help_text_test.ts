import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { explain, SHELL_HELP } from "../../../../src/cli/shell/language/help_text.ts";
import { readLine } from "../../../../src/cli/shell/language/line.ts";
import { type Refused, suggest } from "../../../../src/cli/shell/language/suggest.ts";
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

Deno.test("suggest() says what was probably meant, where QEMU's words are about it", () => {
  const refused = (
    command: string,
    args: Record<string, unknown>,
    desc: string,
    errorClass = "GenericError",
  ): Refused => ({
    command,
    args,
    class: errorClass,
    desc,
  });
  const table: [Refused, string][] = [
    [refused("qeury-status", {}, "", "CommandNotFound"), "query-status"],
    [refused("hlep", {}, "", "CommandNotFound"), "help"],
    [refused("set-action", { pnaic: "none" }, "Parameter 'pnaic' is unexpected"), "panic"],
    [refused("set-action", { panic: "puase" }, "Parameter 'panic' does not accept value 'puase'"), "pause"],
    [refused("device_del", { idd: "x" }, "Parameter 'id' is missing"), "id"],
    [
      refused(
        "blockdev-add",
        { driver: "qcow2", file: { driver: "fiel" } },
        "Parameter 'driver' does not accept value 'fiel'",
      ),
      "file",
    ],
    [
      refused("blockdev-add", { driver: "file", filenam: "x" }, "Parameter 'file.filenam' is unexpected"),
      "filename",
    ],
    [
      refused(
        "migrate-set-capabilities",
        { capabilities: [{ capability: "xbzrl", state: true }] },
        "Parameter 'capability' does not accept value 'xbzrl'",
      ),
      "xbzrle",
    ],
  ];
  for (const [one, near] of table) assertEquals(suggest(one, SCHEMA), `, did you mean ${near}?`);
});

Deno.test("suggest() says nothing where nothing is near, or QEMU complains of something else", () => {
  const table: Refused[] = [
    { command: "utter-nonsense", args: {}, class: "CommandNotFound", desc: "" },
    { command: "set-action", args: { pnaic: "none" }, class: "GenericError", desc: "The disk is full" },
    {
      command: "set-action",
      args: { panic: "none" },
      class: "GenericError",
      desc: "Parameter 'panic' is bad",
    },
    // A device has properties of its own.
    {
      command: "device_add",
      args: { driver: "x", drive: "d0" },
      class: "GenericError",
      desc: "Property 'drive' is bad",
    },
  ];
  for (const refused of table) assertEquals(suggest(refused, SCHEMA), "", refused.desc);
});
