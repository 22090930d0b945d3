import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CliFolder, untilGone } from "./_cli.ts";
import { assertCooked, line, main, script, Terminal } from "./_terminal.ts";

Deno.test({
  name: "qeeper run gives the guest every key of a terminal but Ctrl-A x, and restores the terminal",
  ignore: !script,
  async fn() {
    await using folder = await CliFolder.make();
    await using terminal = new Terminal(line(`run ${await folder.rom("unirom")} --powerdown 0`));
    await terminal.until("READY");
    assertStringIncludes(terminal.screen, "Ctrl-A x ends the guest");
    await terminal.type("a\x03\x01\x01.");
    await terminal.until("a\x03\x01.");
    await terminal.type("\x01x");
    await terminal.until("end\r\n");
    assertStringIncludes(terminal.screen, "\x01.\r\nqeeper: ", "a report begins a line of its own");
    assertStringIncludes(terminal.screen, "code=0\r\n");
    assertCooked(terminal.screen);
  },
});

Deno.test({
  name: "qeeper run kills a guest that does not obey at the second Ctrl-A x",
  ignore: !script,
  async fn() {
    await using folder = await CliFolder.make();
    await using terminal = new Terminal(line(`run ${await folder.rom("unirom")}`));
    await terminal.until("READY");
    await terminal.type("\x01x");
    await terminal.until("event POWERDOWN");
    await terminal.type("\x01x");
    await terminal.until("end\r\n");
    assertStringIncludes(terminal.screen, "code=127\r\n");
    assertCooked(terminal.screen);
  },
});

Deno.test({
  name: "qeeper run restores the terminal however the guest ends",
  ignore: !script,
  async fn(t) {
    await using folder = await CliFolder.make();
    const cases: [what: string, args: string, code: number][] = [
      ["a power-off", await folder.rom("off"), 0],
      ["a panic", await folder.rom("panic"), 126],
      ["the time limit", `${await folder.rom("print")} --timeout 0.5`, 124],
      ["the restart limit", `${await folder.rom("panic")} --restart on-failure --limit 1/60`, 123],
      ["a QEMU that does not start", `${await folder.rom("off")} -- -bogus`, 125],
    ];
    for (const [what, args, code] of cases) {
      await t.step(what, async () => {
        await using terminal = new Terminal(line(`run ${args}`));
        await terminal.until("end\r\n");
        assertStringIncludes(terminal.screen, `code=${code}\r\n`);
        assertCooked(terminal.screen);
      });
    }
  },
});

Deno.test({
  name: "qeeper run obeys SIGTERM on a terminal, and restores it",
  ignore: !script,
  async fn() {
    await using folder = await CliFolder.make();
    const run = `"$DENO" run -A ${main} run ${await folder.rom("unirom")} --powerdown 0`;
    // The shell's child is the command itself; another one sends the signal once it is told to.
    await using terminal = new Terminal(
      `sh -c 'echo pid=$$; exec ${run}'; echo "code=$?"; stty -a; echo end`,
    );
    await terminal.until("READY");
    const pid = Number(/pid=(\d+)/.exec(terminal.screen)?.[1]);
    Deno.kill(pid, "SIGTERM");
    await terminal.until("end\r\n");
    assertStringIncludes(terminal.screen, "code=0\r\n");
    assertEquals(terminal.screen.includes("host-quit"), true);
    assertCooked(terminal.screen);
  },
});

Deno.test({
  name: "qeeper run ends the guest when its terminal goes",
  ignore: !script,
  async fn() {
    await using folder = await CliFolder.make();
    const config = await folder.rom("unirom");
    let pid: number;
    {
      await using terminal = new Terminal(`"$DENO" run -A ${main} run ${config} --powerdown 0`);
      await terminal.until("READY");
      pid = Number(/QEMU is process (\d+)/.exec(terminal.screen)?.[1]);
    }
    assert(pid > 0);
    assert(await untilGone(pid), "QEMU is gone");
  },
});

Deno.test({
  name: "qeeper qmp and info write nothing but text to a terminal",
  ignore: !script,
  async fn() {
    await using terminal = new Terminal(
      `"$DENO" run -A ${main} --help; "$DENO" run -A ${main} qmp; echo end`,
    );
    await terminal.until("end\r\n");
    assertEquals(terminal.screen.includes("\x1b"), false);
  },
});
