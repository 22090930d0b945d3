import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

/** What each example must print; one that is not in the table fails the last test. */
const EXAMPLES: Readonly<Record<string, readonly RegExp[]>> = {
  "attach.ts": [
    /^theirs is running; its process is not ours$/m,
    /^now it is paused$/m,
    /^host-quit: /m,
  ],
  "console_expect.ts": [/^The guest answered 1234$/m, /^guest-shutdown: .*"READY\\n1234"$/m],
  "launch.ts": [
    /^first is running on QEMU \d+\.\d+\.\d+, process \d+$/m,
    /-mon chardev=control,mode=control/,
    /^It ended by quit/m,
  ],
  "supervise.ts": [
    /^moody: guest-panic -> start$/m,
    /^moody: guest-shutdown -> give-up$/m,
    /^steady: killed -> start$/m,
    /^moody is wanted down and is down, after 1 restart\(s\)$/m,
    /^steady is wanted up and is up, after 1 restart\(s\)$/m,
  ],
  "two_monitors.ts": [
    /^human, on unix: VM status: running$/m,
    /^program saw STOP$/m,
    /^program saw RESUME$/m,
  ],
};
const TEST_EXAMPLES: readonly string[] = ["integration_test.ts"];

const root = new URL("../../", import.meta.url);

async function run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

for (const [name, expected] of Object.entries(EXAMPLES)) {
  Deno.test(`examples/${name} does what it says`, async () => {
    const { code, stdout, stderr } = await run(["run", "-A", `examples/${name}`]);
    assertEquals(code, 0, stderr);
    for (const pattern of expected) assertMatch(stdout, pattern);
  });
}

Deno.test("examples/integration_test.ts passes as a test", async () => {
  const { code, stdout, stderr } = await run(["test", "-A", "examples/integration_test.ts"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "4 passed");
});

Deno.test("every example is run here and has fewer than 60 lines", async () => {
  for await (const entry of Deno.readDir(new URL("examples", root))) {
    assert(entry.name in EXAMPLES || TEST_EXAMPLES.includes(entry.name), `${entry.name} is run by no test`);
    const text = await Deno.readTextFile(new URL(`examples/${entry.name}`, root));
    assert(text.split("\n").length < 60, `${entry.name} is too long`);
  }
});
