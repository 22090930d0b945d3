import { assertEquals, assertThrows } from "@std/assert";
import { runPaths } from "../../../src/machine/mod.ts";

Deno.test("runPaths() gives every path in the run directory, no two the same", () => {
  const { monitor, secret, dir, ...files } = runPaths("/run/vm/");
  assertEquals(dir, "/run/vm");
  const paths = [
    ...Object.values(files),
    monitor("a"),
    secret("a"),
    monitor("control"),
    secret("console.log"),
  ];
  assertEquals(paths, [
    "/run/vm/control",
    "/run/vm/watch",
    "/run/vm/hmp",
    "/run/vm/console",
    "/run/vm/console.log",
    "/run/vm/agent",
    "/run/vm/rec",
    "/run/vm/pid",
    "/run/vm/stderr.log",
    "/run/vm/resets.log",
    "/run/vm/tie",
    "/run/vm/claim",
    "/run/vm/owner",
    "/run/vm/a.mon",
    "/run/vm/a.secret",
    "/run/vm/control.mon",
    "/run/vm/console.log.secret",
  ]);
  assertEquals(new Set(paths).size, paths.length);
});

Deno.test("runPaths() throws for a directory that is not absolute", () => {
  assertThrows(
    () => runPaths("run"),
    TypeError,
    `Cannot use "run" as a run directory: expected an absolute path`,
  );
});

Deno.test("runPaths() throws for a directory too deep for a socket, counted in bytes", () => {
  assertEquals(runPaths(`/${"d".repeat(98)}`).control.length, 107);
  assertThrows(() => runPaths(`/${"d".repeat(99)}`), TypeError, "paths of 108 bytes, expected at most 107");
  assertThrows(() => runPaths(`/${"é".repeat(50)}`), TypeError, "paths of 109 bytes, expected at most 107");
});
