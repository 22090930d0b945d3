import { assertEquals } from "@std/assert";
import { RunFailedError, RunTimeoutError } from "../../../../src/testing/run/errors.ts";
import { exitOf, RunResult } from "../../../../src/testing/run/run_result.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("exitOf() tells a shell that exited from one that was killed", () => {
  assertEquals(exitOf(0, "exited"), { exitCode: 0, signal: null });
  assertEquals(exitOf(137, "exited"), { exitCode: 137, signal: null });
  assertEquals(exitOf(137, null), { exitCode: null, signal: 9 });
  // A program that took the shell's place says nothing, and neither does a syntax error.
  assertEquals(exitOf(2, null), { exitCode: 2, signal: null });
  assertEquals(exitOf(255, null), { exitCode: 255, signal: null });
});

Deno.test("RunFailedError shows the command on one line, how it ended, and the end of what it wrote", () => {
  const end = {
    exitCode: null,
    signal: 9,
    stdoutBytes: bytes(""),
    stderrBytes: bytes(`${"x".repeat(900)}the end\n`),
  };
  const { message } = new RunFailedError(new RunResult("make\n  test", end));
  assertEquals(
    message,
    `Command \`make; test\` was killed by signal 9 in the guest; it wrote to stderr (its end) "...${
      "x".repeat(793)
    }the end"`,
  );
});

Deno.test("RunTimeoutError has the output so far, and says when the guest could not confirm the end", () => {
  const end = { kind: "killed", known: "unknown", stdout: bytes("é"), stderr: bytes("") } as const;
  const error = new RunTimeoutError("top", 50, end);
  assertEquals([error.stdout, error.stderr, error.stdoutBytes, error.known], [
    "é",
    "",
    bytes("é"),
    "unknown",
  ]);
  assertEquals(
    error.message,
    "Command `top` had not ended within 50 ms and was told to die, which the guest has not confirmed: it is paused or hangs; " +
      'it wrote to stdout "é"',
  );
});
