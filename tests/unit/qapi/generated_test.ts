// The generated files are imported as texts, so that the tests need no rights to read them.
import { assertEquals, assertStringIncludes } from "@std/assert";
import qga from "../../../src/qapi/qga.gen.ts" with { type: "text" };
import qgaNames from "../../../src/qapi/qga_names.gen.ts" with { type: "text" };
import qmp from "../../../src/qapi/qmp.gen.ts" with { type: "text" };
import qmpNames from "../../../src/qapi/qmp_names.gen.ts" with { type: "text" };
import { shippedModel } from "../../../src/typegen/shipped.ts";
import { QGA_COMMANDS } from "../../../src/qapi/qga_names.gen.ts";
import { QMP_COMMANDS, QMP_EVENTS } from "../../../src/qapi/qmp_names.gen.ts";
import shipped from "../../../src/typegen/shipped.gen.ts" with { type: "text" };
import { firstDifference } from "../../../tools/qapi/difference.ts";
import { emitFiles, emitShipped } from "../../../tools/qapi/emit.ts";
import { decodeFacts, encodeFacts } from "../../../tools/qapi/facts.ts";
import qgaFacts from "../../../tools/qapi/facts/qga.jsonl" with { type: "text" };
import qmpFacts from "../../../tools/qapi/facts/qmp.jsonl" with { type: "text" };
import block from "../../typed/block.ts" with { type: "text" };
import devices from "../../typed/devices.ts" with { type: "text" };
import machine from "../../typed/machine.ts" with { type: "text" };
import migration from "../../typed/migration.ts" with { type: "text" };

Deno.test("src/qapi/*.gen.ts are what the generator writes from the facts", () => {
  const files = new Map([
    ...emitFiles(decodeFacts(qmpFacts, "qmp")),
    ...emitFiles(decodeFacts(qgaFacts, "qga")),
  ]);
  const actual: Readonly<Record<string, string>> = {
    "qmp.gen.ts": qmp,
    "qmp_names.gen.ts": qmpNames,
    "qga.gen.ts": qga,
    "qga_names.gen.ts": qgaNames,
  };
  assertEquals([...files.keys()].sort(), Object.keys(actual).sort());
  for (const [name, text] of files) {
    assertEquals(firstDifference(text, actual[name] ?? null), null, name);
    assertStringIncludes(text.split("\n")[0] ?? "", "tools/qapi");
    assertStringIncludes(text.split("\n")[0] ?? "", "QEMU 10.2");
  }
});

Deno.test("src/typegen/shipped.gen.ts is what the generator writes from the facts, and has all but conditions and features", () => {
  const model = decodeFacts(qmpFacts, "qmp");
  assertEquals(firstDifference(emitShipped(model), shipped), null);
  const bare = JSON.stringify(
    [...model.definitions],
    (key, value) => /^(if|features)$/.test(key) ? undefined : value,
  );
  assertEquals(JSON.stringify([...shippedModel().definitions]), bare);
});

Deno.test("tools/qapi/facts are as encodeFacts() writes them", () => {
  for (const [name, facts] of [["qmp", qmpFacts], ["qga", qgaFacts]] as const) {
    assertEquals(firstDifference(encodeFacts(decodeFacts(facts, name)), facts), null, name);
  }
});

Deno.test("QMP_COMMANDS, QMP_EVENTS and QGA_COMMANDS have every name of 10.2, with flags", () => {
  assertEquals(QMP_COMMANDS.size, 244);
  assertEquals(QMP_EVENTS.size, 57);
  assertEquals(QGA_COMMANDS.size, 44);
  assertEquals(QMP_COMMANDS.get("query-status"), { since: "0.14", preconfig: true });
  assertEquals(QMP_COMMANDS.get("migrate-pause"), { since: "3.0", oob: true });
  assertEquals(QMP_COMMANDS.get("drive-backup"), {
    since: "1.6",
    deprecated: true,
    instead: "blockdev-backup",
    preconfig: true,
  });
  assertEquals(QMP_COMMANDS.get("x-query-roms")?.unstable, true);
  assertEquals(QGA_COMMANDS.get("guest-shutdown")?.noReply, true);
  assertEquals(QMP_COMMANDS.get("constructor"), undefined);
  const outOfBand = [...QMP_COMMANDS].filter(([, { oob }]) => oob).map(([name]) => name);
  assertEquals(outOfBand.sort(), ["migrate-pause", "migrate-recover", "query-yank", "yank"]);
});

Deno.test("QMP_COMMANDS names a command in place of each deprecated one, where there is one", () => {
  const without: string[] = [];
  for (const [name, { deprecated, instead }] of QMP_COMMANDS) {
    if (instead === undefined) {
      if (deprecated) without.push(name);
      continue;
    }
    assertEquals(deprecated, true, name);
    assertEquals(QMP_COMMANDS.get(instead)?.deprecated, undefined, `${instead}, in place of ${name}`);
    assertEquals(QMP_COMMANDS.has(instead), true, `${instead}, in place of ${name}`);
  }
  assertEquals(without, ["query-migrationthreads"]);
});

Deno.test("tests/typed calls every command of 10.2, and at least 60 of them wrongly", () => {
  const text = [block, devices, machine, migration].join("\n");
  const called = new Set([...text.matchAll(/^ {2}await execute\("([^"]+)"/gm)].map(([, name]) => name ?? ""));
  assertEquals([...QMP_COMMANDS.keys()].filter((name) => !called.has(name)), []);
  const wrong = new Set(
    [...text.matchAll(/@ts-expect-error .+\n\s+await execute\("([^"]+)"/g)].map(([, name]) => name),
  );
  assertEquals(wrong.size >= 60, true, `${wrong.size} commands have a wrong call`);
});

Deno.test("firstDifference() names the line, and what is wrong with it", () => {
  assertEquals(firstDifference("a\nb\n", "a\nb\n"), null);
  assertEquals(firstDifference("a\n", null), "is missing");
  assertEquals(firstDifference("a\nb\n", "a\nc\n"), 'line 2 is "c" and should be "b"');
  assertEquals(firstDifference("a\nb", "a"), 'line 2 is missing and should be "b"');
  assertEquals(firstDifference("a", "a\nb"), "goes on after line 1, where it should end");
});
