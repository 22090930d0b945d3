import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseInvocation } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { EXIT_CODES } from "../../src/cli/exit_codes.ts";
import { main } from "../../src/cli/main.ts";
import { MemoryIo } from "../unit/cli/_memory_io.ts";

/** Runs the command without a console and returns all that is left of it. */
async function qeeper(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new MemoryIo();
  const code = await main(args, io);
  return { code, out: io.out, err: io.err };
}

Deno.test("main() lists the commands with --help, and without any word exits with 2", async () => {
  const { code, out, err } = await qeeper("--help");
  assertEquals([code, err], [0, ""]);
  for (const { name, summary } of COMMANDS) assertMatch(out, new RegExp(`^  ${name} +${summary}$`, "m"));
  assertEquals(await qeeper("-h"), { code, out, err });
  assertEquals(await qeeper("help"), { code, out, err });
  assertEquals(await qeeper(), { code: 2, out: "", err: out });
});

Deno.test("main() explains each command, from the tables that it is parsed by", async () => {
  for (const entry of COMMANDS) {
    const { code, out } = await qeeper(entry.name, "--help");
    assertEquals(code, 0);
    assertEquals((await qeeper("help", entry.name)).out, out);
    assert(out.split("\n").every((line) => line.length <= 105), `${entry.name}: no line is too long`);
    const command = await entry.load();
    for (const { name } of command.options) assertStringIncludes(out, `--${name}`);
    assert(command.examples.length > 0, `${entry.name} has examples`);
    for (const [line] of command.examples) {
      assertStringIncludes(out, line);
      // What the help shows must work: at least it is parsed.
      const own = line.replace(/^.*\bqeeper /, "").replace(/ (\||<\/).*$/, "");
      const [name, ...words] = own.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
      assertEquals(name, entry.name);
      parseInvocation(command, words.map((word) => word.replace(/^(['"])(.*)\1$/, "$2")));
    }
  }
});

Deno.test("main() prints the one table of exit codes in the help of run", async () => {
  const { out } = await qeeper("run", "--help");
  for (const [code, meaning] of EXIT_CODES) {
    assertMatch(out, new RegExp(`^  ${code} +${meaning.replace(/[*+()]/g, "\\$&")}$`, "m"));
  }
});

Deno.test("main() says its version", async () => {
  const { code, out } = await qeeper("--version");
  assertEquals(code, 0);
  assertMatch(out, /^qeeper \d+\.\d+\.\d+ \(Deno \d+\.\d+\.\d+\)\n$/);
});

Deno.test("main() exits with 2 and one message for a wrong command line, with no stack", async () => {
  const cases: [string[], string][] = [
    [["rnu"], 'qeeper: Unknown command "rnu", did you mean run?\n'],
    [
      ["\x1b[2J"],
      'qeeper: Unknown command "\\u001b[2J"; there are run, up, argv, qmp, info, types, replay, doctor, help\n',
    ],
    [["--hlep"], "qeeper: Unknown option --hlep, did you mean --help?\n"],
    [
      ["run"],
      "qeeper: Too few arguments: expected CONFIG [OPTIONS] [-- QEMU-ARGUMENTS]\nSee: qeeper run --help\n",
    ],
    [
      ["run", "a", "--limit", "5/60"],
      "qeeper: --limit limits restarts: it needs --restart\nSee: qeeper run --help\n",
    ],
    [
      ["run", "a", "--restart", "always", "--paused"],
      "qeeper: --paused can't be used with --restart\nSee: qeeper run --help\n",
    ],
    [["run", "/no/such.jsonc"], "qeeper: Cannot read the config /no/such.jsonc: there is no such file\n"],
    [["help", "doctr"], 'qeeper: Unknown command "doctr", did you mean doctor?\nSee: qeeper help --help\n'],
  ];
  for (const [args, err] of cases) assertEquals(await qeeper(...args), { code: 2, out: "", err });
  for (const limit of ["5", "x/60", "5/", "5/60s", "/60"]) {
    const { code, err } = await qeeper("run", "a", "--restart", "always", `--limit=${limit}`);
    assertEquals(code, 2);
    assertStringIncludes(err, "expected restarts and seconds, as in 5/60");
  }
});

Deno.test("main() takes options before the command as well", async () => {
  assertEquals((await qeeper("--help", "run")).out, (await qeeper("run", "--help")).out);
});

Deno.test("main() shows where an error comes from with --debug only", async () => {
  const { code, err } = await qeeper("run", "/no/such.jsonc", "--debug");
  assertEquals(code, 2);
  assertMatch(err, /there is no such file\n.*\n\s+at /s);
  assertStringIncludes(err, "Caused by: NotFound");
  assertEquals((await qeeper("run", "/no/such.jsonc", "--", "--debug")).err.includes("    at "), false);
});

Deno.test("main() uses no escape sequences in what it prints", async () => {
  for (const args of [["--help"], ["run", "--help"], ["nonsense"]]) {
    const { out, err } = await qeeper(...args);
    assertEquals((out + err).includes("\x1b"), false);
  }
});

Deno.test("main() writes errors of run as JSON lines with --json", async () => {
  const { code, out, err } = await qeeper("run", "/no/such.jsonc", "--json");
  assertEquals([code, out], [2, ""]);
  const { kind, message } = JSON.parse(err);
  assertEquals([kind, message], ["error", "Cannot read the config /no/such.jsonc: there is no such file"]);
});

Deno.test("main() is silent when the reader of its output has gone", async () => {
  const io = new MemoryIo();
  const stdout = { terminal: false, write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")) };
  assertEquals(
    await main(["--help"], {
      ...io,
      stdin: io.stdin,
      stderr: io.stderr,
      onStopSignal: () => io.onStopSignal(() => {}),
      stdout,
    }),
    0,
  );
  assertEquals(io.err, "");
});
