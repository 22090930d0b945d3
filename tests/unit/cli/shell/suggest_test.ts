import { assertEquals } from "@std/assert";
import { type Refused, suggest } from "../../../../src/cli/shell/language/suggest.ts";
import { SCHEMA } from "./_schema.ts";

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
