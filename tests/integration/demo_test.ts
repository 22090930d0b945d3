import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertWithin } from "./_assert_within.ts";

const root = new URL("../../", import.meta.url);

function demo(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "tools/demo.ts", ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

Deno.test("the demo reports a panic, starts the guest again, and leaves it stopped after its power-off", async () => {
  let text = "";
  await assertWithin(10_000, async () => {
    const startedMs = performance.now();
    const { code, stdout, stderr } = await demo([]).output();
    text = new TextDecoder().decode(stdout);
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    return performance.now() - startedMs;
  });
  const order = [
    "asked to start -> start",
    "qemu-system-x86_64 -nodefaults",
    "Hello from life 1",
    "event GUEST_PANICKED",
    "ended: guest-panic",
    "Hello from life 2",
    "ended: guest-shutdown",
    "life 1: guest-panic",
    "life 2: guest-shutdown",
  ];
  let from = 0;
  for (const words of order) {
    const at = text.indexOf(words, from);
    assert(at >= 0, `"${words}" does not come after what should come before it in:\n${text}`);
    from = at;
  }
  assertMatch(text, /^ +\d+\.\d{3} s {2}up: QEMU is ready, process \d+$/m);
});

Deno.test("the demo with --watch goes on after a power-off, until Ctrl-C or SIGTERM, also while it waits for the next life", async (t) => {
  const cases = [["Hello from life 3", "SIGINT"], ["-> wait ", "SIGINT"], ["-> wait ", "SIGTERM"]] as const;
  for (const [words, signal] of cases) {
    await t.step(`${signal} at "${words}"`, async () => {
      const child = demo(["--watch"]).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes(words)) {
        const { value, done } = await reader.read();
        assert(!done, `it ended by itself:\n${text}`);
        text += value;
      }
      child.kill(signal);
      for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
      const [status, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
      assertEquals(status.code, 0, stderr);
      assertStringIncludes(text, "asked to stop");
      assertStringIncludes(text, "Verdicts:");
    });
  }
});
