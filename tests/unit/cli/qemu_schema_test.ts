import { assertEquals, assertRejects } from "@std/assert";
import { readSchema } from "../../../src/cli/qemu_schema.ts";
import { QmpClosedError, QmpCommandError } from "../../../src/qmp/mod.ts";

/** A monitor of QEMU 2.4.1 that answers with a reply, or an error. */
function monitor(answer: unknown): Parameters<typeof readSchema>[0] {
  const version = { qemu: { major: 2, minor: 4, micro: 1 }, package: " (Debian 1:2.4) " };
  return {
    greeting: { version, capabilities: [], raw: {} },
    execute: () => answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as never),
  };
}

Deno.test("readSchema() gives the reply with the version and the distributor's words", async () => {
  const reply = [{ name: "STOP", "meta-type": "event", "arg-type": "0" }];
  assertEquals(await readSchema(monitor(reply), "qemu"), {
    version: "2.4.1",
    package: "(Debian 1:2.4)",
    reply: reply as never,
  });
});

Deno.test("readSchema() says of a QEMU that has no schema to tell what it said, and what to do", async () => {
  const error = new QmpCommandError(
    "query-qmp-schema",
    "CommandNotFound",
    "The command query-qmp-schema has not been found",
  );
  await assertRejects(
    () => readSchema(monitor(error), "./old-qemu"),
    Error,
    'Cannot ask ./old-qemu for its schema: QEMU 2.4.1 says "The command query-qmp-schema has not been found"; ' +
      "QEMU can say it since 2.5: name a newer one with --qemu",
  );
});

Deno.test("readSchema() leaves other errors as they are", async () => {
  await assertRejects(() => readSchema(monitor(new QmpClosedError("unix:/m")), "qemu"), QmpClosedError);
});
