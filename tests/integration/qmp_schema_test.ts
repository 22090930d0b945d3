import { assert, assertEquals } from "@std/assert";
import { launch } from "../../mod.ts";
import type { Logger } from "../../src/qmp/mod.ts";

Deno.test("schema().accepts() follows members, enum values, lists and variants as this QEMU has them", async () => {
  await using vm = await launch({ machine: "none", accel: "tcg" });
  const schema = await vm.qmp.schema();
  const table: readonly [boolean, string, ...string[]][] = [
    [true, "query-status"],
    [false, "query-nothing"],
    [true, "blockdev-add", "driver"],
    [true, "blockdev-add", "driver", "qcow2"],
    [true, "blockdev-add", "driver", "qcow2", "lazy-refcounts"],
    [true, "blockdev-add", "driver", "qcow2", "node-name"],
    [false, "blockdev-add", "driver", "raw", "lazy-refcounts"],
    [true, "blockdev-add", "driver", "file", "aio", "io_uring"],
    [false, "blockdev-add", "driver", "file", "aio", "abacus"],
    [false, "blockdev-add", "driver", "abacus"],
    // Without the discriminator any variant will do.
    [true, "blockdev-add", "lazy-refcounts"],
    [true, "migrate-set-capabilities", "capabilities", "capability", "events"],
    [false, "migrate-set-capabilities", "capabilities", "capability", "events", "deeper"],
    [false, "query-status", "anything"],
  ];
  for (const [expected, command, ...path] of table) {
    assertEquals(schema.accepts(command, ...path), expected, [command, ...path].join(" "));
  }
  assertEquals([schema.hasCommand("SHUTDOWN"), schema.hasEvent("SHUTDOWN")], [false, true]);
  assert(schema.features("drive-backup").includes("deprecated"));
});

Deno.test("schema() asks QEMU once for each connection", async () => {
  await using vm = await launch({ machine: "none", accel: "tcg" });
  const [first, second] = await Promise.all([vm.qmp.schema(), vm.qmp.schema()]);
  assertEquals(first === second, true);
  assertEquals(first.raw.length > 1000, true);
});

Deno.test("execute() says once a command that it is deprecated, with its replacement, or unstable", async () => {
  const said: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn: (message) => void said.push(message), error() {} };
  await using vm = await launch({ machine: "none", accel: "tcg" }, { logger });
  for (let times = 0; times < 2; times++) {
    await vm.qmp.execute("x-query-roms");
    await vm.qmp.execute("nbd-server-add", { device: "none" }).catch(() => {});
    await vm.qmp.execute("query-status");
  }
  const about = said.filter((line) => /deprecated|unstable/.test(line));
  assertEquals(about.length, 2, about.join("\n"));
  assert(
    about.some((line) =>
      line.includes("nbd-server-add is deprecated") && line.includes("use block-export-add")
    ),
  );
  assert(about.some((line) => line.includes("x-query-roms is unstable")));
});
