// The shell of `qeeper qmp` on a terminal that the kernel gives, in a process of its own.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Screen } from "../unit/cli/shell/_screen.ts";
import { listening, path } from "./_shell.ts";
import { assertCooked, line, main, script, Terminal } from "./_terminal.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";

/** What stands on a terminal of 80 columns, behind what it said at its beginning. */
const linesOf = (terminal: Terminal) =>
  new Screen(80).write(terminal.screen.replaceAll("\r\r\n", "\r\n")).lines;

Deno.test({
  name: "qeeper qmp on a terminal edits, completes and remembers, and restores the terminal at exit",
  ignore: !script,
  async fn() {
    await using qemu = await listening();
    const state = await Deno.makeTempDir();
    try {
      await using terminal = new Terminal(`stty cols 80; ${line(`qmp ${path(qemu)}`)}`, {
        XDG_STATE_HOME: state,
      });
      await terminal.until("(qmp) ");
      await terminal.type(`qery-name${"\x1b[D".repeat(8)}u\x05`);
      await terminal.type("\r");
      await terminal.until("{}");
      await terminal.type("\x1b[A");
      await terminal.until("query-name\x1b[17G");
      await terminal.type(`\x15blockdev-add driver=qc`);
      await terminal.until("driver=qc");
      await terminal.type("\t");
      await terminal.until("ow");
      // One more would come together with the Ctrl-C now and then, and is taken for pasted text then.
      await terminal.type("\t");
      await terminal.until("qcow   qcow2");
      await terminal.type(CTRL_C);
      await terminal.until("^C");
      await terminal.type(CTRL_D);
      await terminal.until("end\r\n");
      const lines = linesOf(terminal);
      assert(lines.includes("(qmp) query-name"), lines.join("\n"));
      assert(lines.includes("(qmp) blockdev-add driver=qcow^C"), lines.join("\n"));
      assertStringIncludes(terminal.screen, "code=0\r\n");
      assertCooked(terminal.screen);
      assertEquals(await Deno.readTextFile(`${state}/qeeper/qmp_history`), "query-name\n");
    } finally {
      await Deno.remove(state, { recursive: true });
    }
  },
});

Deno.test({
  name: "qeeper qmp restores the terminal however the shell ends",
  ignore: !script,
  async fn(t) {
    const ends: [what: string, keys: string, shown: string][] = [
      ["Ctrl-D", CTRL_D, ""],
      ["two Ctrl-C", `half a line${CTRL_C}${CTRL_C}`, "half a line^C"],
      ["exit", "exit\r", ""],
      ["QEMU's end", "quit\r", "QEMU has ended (host-qmp-quit)"],
    ];
    for (const [what, keys, shown] of ends) {
      await t.step(what, async () => {
        await using qemu = await listening();
        await using terminal = new Terminal(line(`qmp ${path(qemu)}`), { XDG_STATE_HOME: "/dev/null" });
        await terminal.until("(qmp) ");
        await terminal.type(keys);
        await terminal.until("end\r\n");
        assertStringIncludes(terminal.screen, shown);
        assertStringIncludes(terminal.screen, "code=0\r\n");
        assertCooked(terminal.screen);
      });
    }
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
      await t.step(signal, async () => {
        await using qemu = await listening();
        const run = `"$DENO" run -A ${main} qmp ${path(qemu)}`;
        await using terminal = new Terminal(
          `sh -c 'echo pid=$$; exec ${run}'; echo "code=$?"; stty -a; echo end`,
          { XDG_STATE_HOME: "/dev/null" },
        );
        await terminal.until("(qmp) ");
        await terminal.type("half a line");
        await terminal.until("half a line");
        Deno.kill(Number(/pid=(\d+)/.exec(terminal.screen)?.[1]), signal);
        await terminal.until("end\r\n");
        assertStringIncludes(terminal.screen, "code=0\r\n");
        assertCooked(terminal.screen);
      });
    }
  },
});

Deno.test({
  name: "qeeper qmp comes back from Ctrl-Z with the line as it was",
  ignore: !script,
  async fn() {
    await using qemu = await listening();
    const run = `"$DENO" run -A ${main} qmp ${path(qemu)}`;
    // A shell with job control: it gets the terminal when the job stops, and gives it back.
    const jobs = `set -m; ${run}; echo stopped; stty -a; fg; echo "code=$?"; stty -a; echo end`;
    await using terminal = new Terminal(`bash -c '${jobs}'`, { XDG_STATE_HOME: "/dev/null" });
    await terminal.until("(qmp) ");
    await terminal.type("query-na");
    await terminal.until("query-na");
    await terminal.type("\x1a");
    await terminal.until("stopped\r\n");
    await terminal.until("(qmp) query-na\x1b");
    assertMatch(terminal.screen.slice(terminal.screen.indexOf("stopped")), /\sicanon\b/);
    await terminal.type("me\r");
    await terminal.until("{}");
    await terminal.type("exit\r");
    await terminal.until("end\r\n");
    assertCooked(terminal.screen);
  },
});

Deno.test({
  name: "qeeper qmp follows the size of its terminal, and shows events above the line",
  ignore: !script,
  async fn() {
    await using qemu = await listening();
    await using other = await qemu.connect(1);
    const run = `stty cols 60; tty; ${line(`qmp ${path(qemu)}`)}`;
    await using terminal = new Terminal(run, { XDG_STATE_HOME: "/dev/null" });
    await terminal.until("(qmp) ");
    const text = "0123456789".repeat(5);
    await terminal.type(text);
    await terminal.until(text);
    const tty = /\/dev\/\S+/.exec(terminal.screen)?.[0] ?? "";
    const resized = await new Deno.Command("stty", { args: ["-F", tty, "cols", "20"] }).output();
    assert(resized.success, `${tty} gets another size`);
    await terminal.until(`(qmp) ${text}\x1b`);
    const before = terminal.screen.length;
    await other.execute("stop");
    await terminal.until("STOP");
    await terminal.until(`(qmp) ${text}\x1b[17G`);
    // Three rows of 20 columns: the line was cleared from its first row on.
    assertStringIncludes(terminal.screen.slice(before), "\x1b[2A\r\x1b[J");
    await terminal.type(CTRL_C + CTRL_D);
    await terminal.until("end\r\n");
  },
});
