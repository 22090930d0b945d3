import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromBase64 } from "../../../src/qga/base64.ts";
import { QgaCommandError, QgaDisabledError, QgaProtocolError } from "../../../src/qga/errors.ts";
import { readReply } from "../../../src/qga/reply.ts";

Deno.test("readReply() returns any value that the agent returns", () => {
  for (const value of [{}, 0, null, "text", [1]]) {
    assertEquals(readReply("guest-info", { return: value }), { kind: "return", value });
  }
});

Deno.test("readReply() tells disabled commands from failed ones, in every wording", async (t) => {
  const cases: [
    errorClass: unknown,
    desc: unknown,
    type: typeof QgaDisabledError | typeof QgaCommandError,
  ][] = [
    ["CommandNotFound", "The command guest-x has not been found", QgaDisabledError],
    ["CommandNotFound", "Command guest-x has been disabled: the command is not allowed", QgaDisabledError],
    ["GenericError", "The command guest-x has been disabled for this instance", QgaDisabledError],
    ["GenericError", "Failed to open file 'Command guest-x has been disabled'", QgaCommandError],
    ["GenericError", "this feature or command is not currently supported", QgaCommandError],
    [7, undefined, QgaCommandError],
  ];
  for (const [errorClass, desc, type] of cases) {
    await t.step(`${errorClass}: ${desc}`, () => {
      const reply = readReply("guest-x", { error: { class: errorClass, desc } });
      assert(reply.kind === "error" && reply.error instanceof type);
      assertEquals(reply.error.command, "guest-x");
    });
  }
});

Deno.test("readReply() refuses what is no answer", () => {
  for (const message of [{}, { event: "STOP" }, { error: "no" }, { error: null }, null, 5]) {
    assertThrows(() => readReply("guest-ping", message), QgaProtocolError, "neither");
  }
});

Deno.test("fromBase64() refuses what is none as the guest's fault", () => {
  assertEquals(fromBase64("guest-exec-status", "AP8="), Uint8Array.of(0, 255));
  assertThrows(() => fromBase64("guest-exec-status", "?"), QgaProtocolError, "guest-exec-status");
});
