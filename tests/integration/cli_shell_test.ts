// The shell of `qeeper qmp` for a person, on a real QEMU and a terminal in memory.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { listening, modeOf, screenOf, shell, untilPrompt, untilSchema } from "./_shell.ts";

Deno.test("the shell says what QEMU said, in words and indented, with the nearest name for a misspelling", async () => {
  await using qemu = await listening();
  const running = shell(qemu);
  await untilPrompt(running);
  assertMatch(screenOf(running)[0] ?? "", /^QEMU \d+\.\d+\.\d+ at unix:.*TAB completes/);
  const table: [line: string, shown: RegExp][] = [
    ["query-name", /^\{\}$/],
    ["query-status", /^\{\n {2}"status": "running",\n/],
    ["qeury-name", /^CommandNotFound: The command qeury-name has not been found, did you mean query-name\?$/],
    ["set-action pnaic=none", /^GenericError: Parameter 'pnaic' is unexpected, did you mean panic\?$/],
    ["set-action panic=puase", /^GenericError: .*, did you mean pause\?$/],
    ["set-action panic", /^Usage: Column 12: Expected key=value, found "panic"$/],
    ["hmp info name", /^$/],
    ["help set-action", /^set-action: a command\nArguments:\n {2}reboot +optional +reset or shutdown\n/],
    ["help", /^Type a command[^]*TAB completes commands/],
    ["# a comment", /^$/],
    ["{}", /^Usage: Column 1: Expected \{"execute": "command"/],
  ];
  for (const [line, shown] of table) {
    const before = screenOf(running).length;
    running.io.type(`${line}\r`);
    await running.until(() => screenOf(running).length > before && screenOf(running).at(-1) === "(qmp)");
    assertMatch(screenOf(running, 100).slice(before, -1).join("\n"), shown, line);
  }
  running.io.type("exit\r");
  assertEquals(await running.code, 0);
  assertEquals([running.io.rawDepth, running.io.listeners], [0, 0]);
});

Deno.test("the shell completes from the schema of the QEMU that it talks to", async () => {
  await using qemu = await listening();
  const running = shell(qemu);
  await untilSchema(running);
  const keys: [typed: string, shown: string][] = [
    ["blockdev-a\t", "blockdev-add "],
    ["dri\t", "blockdev-add driver="],
    ["qcow2 ", "blockdev-add driver=qcow2 "],
    ["lazy\t", "blockdev-add driver=qcow2 lazy-refcounts="],
    ["t\t", "blockdev-add driver=qcow2 lazy-refcounts=true "],
    ["file.dr\t", "blockdev-add driver=qcow2 lazy-refcounts=true file.driver="],
  ];
  for (const [typed, shown] of keys) {
    // TAB counts as such only when it comes by itself.
    running.io.type(typed.replace("\t", ""));
    if (typed.endsWith("\t")) running.io.type("\t");
    await untilPrompt(running, shown);
  }
  running.io.type("\x03");
  await untilPrompt(running);
  running.io.type("query-name\r");
  await running.until(({ out }) => out.includes("{}"));
  await untilPrompt(running);
  running.io.type("\x03");
  await running.until(({ out }) => out.includes("Ctrl-C once more, or Ctrl-D, leaves"));
  running.io.type("\x03");
  assertEquals(await running.code, 0);
});

Deno.test("the shell prints events above the line that is being edited, and leaves that whole", async () => {
  await using qemu = await listening();
  await using other = await qemu.connect(1);
  const running = shell(qemu, { columns: 30 });
  const text = "query-named-block-nodes flat=true";
  await running.until(() => screenOf(running, 30).at(-1) === "(qmp)");
  running.io.type(`${text}\x1b[D\x1b[D`);
  const drawn = [`(qmp) ${text.slice(0, 23)}`, text.slice(24)];
  await running.until(() => screenOf(running, 30).slice(-2).join() === drawn.join());
  await other.execute("stop");
  await other.execute("cont");
  await running.until(() => screenOf(running, 30).some((line) => line.endsWith("RESUME")));
  await running.until(() => screenOf(running, 30).slice(-2).join() === drawn.join());
  const shown = screenOf(running, 30).slice(-4);
  assertMatch(shown[0] ?? "", /^\[\d\d:\d\d:\d\d\.\d{3}\] STOP$/);
  assertMatch(shown[1] ?? "", /^\[\d\d:\d\d:\d\d\.\d{3}\] RESUME$/);
  running.io.type("\r");
  await running.until(() => screenOf(running, 30).slice(-2).join() === "[],(qmp)");
  running.io.type("\x04");
  assertEquals(await running.code, 0);
});

Deno.test("the shell stops waiting for a reply at Ctrl-C, and at the end of its terminal", async () => {
  await using qemu = await listening();
  const running = shell(qemu);
  await untilPrompt(running);
  await qemu.stop();
  running.io.type("query-name\r");
  await running.until(() => screenOf(running).at(-2)?.endsWith("query-name") ?? false);
  running.io.type("\x03");
  await untilPrompt(running);
  assertStringIncludes(running.io.out, "Interrupted: No longer waited for; QEMU may still do it");
  running.io.type("query-name\r");
  await running.until(() => screenOf(running).at(-2)?.endsWith("query-name") ?? false);
  running.io.signal("SIGHUP");
  assertEquals(await running.code, 0);
  assertEquals([running.io.rawDepth, running.io.listeners], [0, 0]);
});

Deno.test("the shell says that QEMU has ended, and why, and ends with it", async () => {
  {
    await using qemu = await listening();
    const running = shell(qemu);
    await untilPrompt(running);
    running.io.type("quit\r");
    assertEquals(await running.code, 0);
    assertEquals(screenOf(running).at(-2), "QEMU has ended (host-qmp-quit)");
  }
  await using qemu = await listening();
  const running = shell(qemu);
  await untilPrompt(running);
  running.io.type("half a li");
  await untilPrompt(running, "half a li");
  qemu.signal("SIGKILL");
  assertEquals(await running.code, 0);
  assertMatch(screenOf(running).at(-2) ?? "", /^The connection is over: QEMU ended without a word/);
  assertEquals([running.io.rawDepth, running.io.listeners], [0, 0]);
});

Deno.test("the shell takes a transaction line by line, and drops it at Ctrl-C", async () => {
  await using qemu = await listening();
  const running = shell(qemu);
  await untilSchema(running);
  running.io.type("transaction(\r");
  await untilPrompt(running, "", "(transaction) ");
  running.io.type("abo");
  running.io.type("\t");
  await untilPrompt(running, "abort", "(transaction) ");
  running.io.type("\r)\r");
  await running.until(() => screenOf(running).some((line) => line.includes("Transaction aborted")));
  await untilPrompt(running);
  running.io.type("transaction(\r");
  await untilPrompt(running, "", "(transaction) ");
  running.io.type("\x03");
  await untilPrompt(running);
  running.io.type("\x04");
  assertEquals(await running.code, 0);
});

Deno.test("the shell warns of a deprecated command once, beside its reply", async () => {
  await using qemu = await listening();
  const running = shell(qemu);
  await untilPrompt(running);
  running.io.type("nbd-server-add device=x\rnbd-server-add device=x\r");
  await running.until(() => screenOf(running).filter((line) => line.startsWith("GenericError")).length === 2);
  await untilPrompt(running);
  const warnings = screenOf(running).filter((line) => line.includes("nbd-server-add is deprecated"));
  assertEquals(warnings.length, 1);
  running.io.endInput();
  assertEquals(await running.code, 0);
});

Deno.test("the shell is coloured unless NO_COLOR says not to, and plain where the cursor can't move", async () => {
  await using qemu = await listening();
  const red = "\x1b[31mCommandNotFound";
  for (
    const [environment, coloured] of [[{}, true], [{ NO_COLOR: "" }, true], [
      { NO_COLOR: "1" },
      false,
    ]] as const
  ) {
    const running = shell(qemu, { environment });
    running.io.type("nope\r");
    running.io.type("exit\r");
    assertEquals(await running.code, 0);
    assertEquals(running.io.out.includes(red), coloured, JSON.stringify(environment));
  }
  const dumb = shell(qemu, { environment: { TERM: "dumb" } });
  dumb.io.type("nope\nquery-name\n");
  dumb.io.endInput();
  assertEquals(await dumb.code, 0);
  assert(!dumb.io.out.includes("\x1b"));
  assertMatch(dumb.io.out, /^\(qmp\) CommandNotFound: .*\n\(qmp\) \{\}\n\(qmp\) $/);
});

Deno.test("the shell keeps its history between sessions, for its owner only, without secrets", async () => {
  await using qemu = await listening();
  const state = await Deno.makeTempDir();
  try {
    const environment = { NO_COLOR: "1", XDG_STATE_HOME: `${state}/deeper` };
    const first = shell(qemu, { environment });
    await untilPrompt(first);
    first.io.type(
      "query-name\rset_password protocol=vnc password=hunter2\r query-status\rquery-yank\rexit\r",
    );
    assertEquals(await first.code, 0);
    const file = `${state}/deeper/qeeper/qmp_history`;
    assertEquals(await Deno.readTextFile(file), "query-name\nquery-yank\nexit\n");
    assertEquals(await modeOf(file), 0o600);
    assertEquals(await modeOf(`${state}/deeper/qeeper`), 0o700);

    const second = shell(qemu, { environment });
    await untilPrompt(second);
    second.io.type("\x1b[A\x1b[A");
    await untilPrompt(second, "query-yank");
    second.io.type("\x1b[A");
    await untilPrompt(second, "query-name");
    second.io.type("\x03");
    await untilPrompt(second);
    second.io.type("\x04");
    assertEquals(await second.code, 0);
  } finally {
    await Deno.remove(state, { recursive: true });
  }
});

Deno.test("the shell works, and says so, where its history can't be kept", async () => {
  await using qemu = await listening();
  const running = shell(qemu, { environment: { NO_COLOR: "1", XDG_STATE_HOME: "/dev/null" } });
  await untilPrompt(running);
  assertStringIncludes(running.io.out, "The history is not kept: ");
  running.io.type("query-name\rexit\r");
  assertEquals(await running.code, 0);
});
