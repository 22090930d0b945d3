// What `qeeper qmp` does for scripts, on a real QEMU: --pipe, key=value arguments, transactions, transcripts.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { complete } from "../../src/cli/shell/language/completion.ts";
import { LiveSchema } from "../../src/cli/shell/language/live_schema.ts";
import type { QmpSchema } from "../../src/qmp/schema.ts";
import { qeeper, start } from "./_cli.ts";
import { listening, modeOf, path, pipe } from "./_shell.ts";

Deno.test("qeeper qmp --pipe answers each line with one line, in order, ids included", async () => {
  await using qemu = await listening();
  const { code, replies } = await pipe(
    qemu,
    [
      "# a comment",
      "",
      "query-status",
      '{"execute": "query-name", "id": {"n": 9007199254740993}}',
      '{"exec-oob": "query-yank", "id": 1}',
      "hmp info name",
      '{"execute": "nope", "id": 2}',
      "stop a",
      "exit",
      "query-name",
    ].join("\n"),
  );
  assertEquals(code, 1);
  assertEquals(replies.map(({ return: value }) => value === undefined ? "error" : typeof value), [
    ...["object", "object", "object", "string", "error", "error"],
  ]);
  assertEquals(replies[1]?.id, { n: Number("9007199254740993") });
  assertEquals([replies[2]?.id, replies[4]?.id, replies[5]?.id], [1, 2, undefined]);
  assertEquals(replies[4]?.error?.class, "CommandNotFound");
  assertEquals(replies[5]?.error, { class: "Usage", desc: 'Column 6: Expected key=value, found "a"' });
});

Deno.test("qeeper qmp --pipe prints events as lines of their own, before the reply of the command that causes them", async () => {
  await using qemu = await listening();
  const { code, replies } = await pipe(qemu, "stop\ncont\n");
  assertEquals(code, 0);
  assertEquals(replies.map(({ event }) => event ?? "reply"), ["STOP", "reply", "RESUME", "reply"]);
});

Deno.test("qeeper qmp --pipe sends no line after QEMU's end, and says so", async () => {
  {
    await using qemu = await listening();
    assertEquals((await pipe(qemu, "quit\n")).code, 0);
  }
  await using qemu = await listening();
  const { code, replies } = await pipe(qemu, "quit\nquery-status\n");
  assertEquals(code, 1);
  assertEquals(replies.map(({ event, error }) => event ?? error?.class ?? "reply"), [
    "SHUTDOWN",
    "reply",
    "Closed",
  ]);
});

Deno.test("qeeper qmp --pipe ends with QEMU although its stdin is open", async () => {
  await using qemu = await listening();
  const { io, code, until } = start(["qmp", path(qemu), "--pipe"]);
  io.type("query-name\n");
  await until(({ out }) => out.includes("return"));
  qemu.signal("SIGKILL");
  assertEquals(await code, 0);
});

Deno.test("qeeper qmp --pipe goes on after a command that is not answered in time", async () => {
  await using qemu = await listening();
  const { io, code, until } = start(["qmp", path(qemu), "--pipe", "--timeout", "2"]);
  io.type("query-name\n");
  await until(({ out }) => out.includes("return"));
  await qemu.stop();
  io.type("query-status\n");
  await until(({ out }) => out.includes("error"));
  qemu.signal("SIGCONT");
  io.type("query-version\n");
  io.endInput();
  assertEquals(await code, 1);
  const [, late, version] = io.out.split("\n").map((line) => line === "" ? {} : JSON.parse(line));
  assertEquals(late.error.class, "Timeout");
  assertEquals(typeof version.return.qemu.major, "number", "the late reply is not taken for another's");
});

Deno.test("qeeper qmp takes key=value arguments as QEMU wants them, on the command line and in the shell", async () => {
  await using qemu = await listening();
  // A number where QEMU wants a text, a word where it wants a boolean, and both inside of an object.
  const add = "blockdev-add driver=raw node-name=n0 read-only=on file.driver=null-co file.size=0x100000";
  const { code, replies } = await pipe(
    qemu,
    [
      add,
      "device_del id=1",
      'set-action panic="pause"',
      'migrate-set-capabilities capabilities=[{"capability":"events","state":true}]',
      "blockdev-del node-name=n0",
    ].join("\n"),
  );
  assertEquals(replies[0], { return: {} });
  assertEquals(replies[1]?.error, { class: "DeviceNotFound", desc: "Device '1' not found" });
  assertEquals([replies[2], replies[3], replies[4]], [{ return: {} }, { return: {} }, { return: {} }]);
  assertEquals(code, 1);
  assertEquals((await qeeper("qmp", path(qemu), ...add.split(" "))).out, "{}\n");
  assertEquals(
    (await qeeper("qmp", path(qemu), "device_del", "id=7")).err.includes("Device '7' not found"),
    true,
  );
  const message = '{"exec-oob": "query-yank", "id": 5}';
  assertEquals(JSON.parse((await qeeper("qmp", path(qemu), message)).out).length, 2);
});

Deno.test("qeeper qmp sends the lines of a transaction as one command", async () => {
  await using qemu = await listening(["-blockdev", "driver=null-co,node-name=n0,size=1048576"]);
  const bitmaps = "query-named-block-nodes";
  const { code, replies } = await pipe(
    qemu,
    [
      "transaction(",
      "block-dirty-bitmap-add node=n0 name=7 persistent=false",
      '# the same in JSON: "7" is a text',
      'block-dirty-bitmap-add {"node": "n0", "name": "b"}',
      ")",
      "transaction( block-dirty-bitmap-remove node=n0 name=b )",
      bitmaps,
      "transaction( abort",
    ].join("\n"),
  );
  assertEquals(code, 1, "the last one is never closed");
  assertEquals(replies.slice(0, 2), [{ return: {} }, { return: {} }]);
  const [node] = replies[2]?.return as { "dirty-bitmaps": { name: string }[] }[];
  assertEquals(node?.["dirty-bitmaps"].map(({ name }) => name), ["7"]);
  assertStringIncludes(replies[3]?.error?.desc ?? "", "the transaction was not sent");
});

Deno.test("complete() offers nothing that this QEMU does not accept, for any of its commands", async () => {
  await using qemu = await listening();
  await using client = await qemu.connect();
  const schema: QmpSchema = await client.schema();
  const live = new LiveSchema(schema.raw);
  let values = 0;
  for (const command of live.commands) {
    for (const key of complete(`${command} `, live).candidates) {
      const name = key.replace(/[=.]$/, "");
      assert(schema.accepts(command, name), `${command} ${key}`);
      if (!key.endsWith("=")) continue;
      for (const value of complete(`${command} ${key}`, live).candidates) {
        values++;
        // What follows a discriminator is accepted with it.
        const inner = complete(`${command} ${key}${value} `, live).candidates;
        if (/^(?:true|false|null|[[{])/.test(value)) continue;
        assert(schema.accepts(command, name, value.trim()), `${command} ${key}${value}`);
        for (const more of inner) {
          const [member = ""] = more.split(/[=.]/);
          const accepted = schema.accepts(command, name, value.trim(), member) ||
            schema.accepts(command, member);
          assert(accepted, `${command} ${key}${value} ${more}`);
        }
      }
    }
  }
  assert(values > 300, `${values} values`);
});

Deno.test("qeeper qmp --transcript appends what is said, with its time, for its owner only, and without secrets", async () => {
  await using qemu = await listening();
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/log`;
    const secret = "hunter2";
    const lines =
      `stop\nobject-add qom-type=secret id=s0 data=${secret}\nhmp change vnc password ${secret}\nnope\n`;
    await pipe(qemu, lines, "--transcript", file);
    await qeeper("qmp", path(qemu), "query-name", "--transcript", file);
    assertEquals(await modeOf(file), 0o600);
    const text = await Deno.readTextFile(file);
    assert(!text.includes(secret), text);
    const entries = text.split("\n").slice(0, -1).map((line) => {
      assertMatch(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [<>#] /);
      return line.slice(25);
    });
    assertEquals(entries[0], `# connected to unix:${path(qemu)}`);
    assert(entries[1]?.startsWith('< {"QMP":{"version":'));
    assertEquals(entries.slice(2, 5).map((entry) => entry.replace(/"timestamp":.*/, "...")), [
      '> {"execute":"stop"}',
      "< {...",
      '< {"return":{}}',
    ]);
    assertEquals(
      entries[5],
      '> {"execute":"object-add","arguments":{"qom-type":"secret","id":"s0","data":"<hidden>"}}',
    );
    assertEquals(entries.slice(-2), ['> {"execute":"query-name"}', '< {"return":{}}']);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
