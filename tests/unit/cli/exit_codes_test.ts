import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { EXIT, EXIT_CODES, exitCodeOf } from "../../../src/cli/exit_codes.ts";
import { CAUSE_CLASSES } from "../../../src/supervisor/mod.ts";
import type { Verdict, VerdictCause } from "../../../src/vm/mod.ts";

const CAUSES = Object.keys(CAUSE_CLASSES) as VerdictCause[];
const code = (cause: VerdictCause, more: Partial<Verdict> = {}) =>
  exitCodeOf({ cause, exit: { code: 0, signal: null }, tripleFault: null, ...more });

Deno.test("exitCodeOf() gives each cause a code of the table, and 0 only to ends that were meant", () => {
  const known = EXIT_CODES.map(([written]) => Number(written));
  for (const cause of CAUSES) {
    assert(known.includes(code(cause)), cause);
    assertEquals(code(cause) === 0, CAUSE_CLASSES[cause] === "success", cause);
  }
});

Deno.test("exitCodeOf() tells a failing guest from a failing QEMU", () => {
  assertEquals(code("guest-panic"), 126);
  assertEquals(code("watchdog"), 126);
  assertEquals(code("io-error"), 126);
  assertEquals(code("crashed", { exit: { code: 139, signal: "SIGSEGV" } }), 127);
  assertEquals(code("killed", { exit: { code: 137, signal: "SIGKILL" } }), 127);
  assertEquals(code("launch-failed"), 125);
  assertEquals(code("guest-reset", { tripleFault: true }), 126);
  assertEquals(code("guest-reset", { tripleFault: "unknown" }), 0);
});

Deno.test("exitCodeOf() passes on the guest's own code", () => {
  assertEquals(code("guest-shutdown", { exit: { code: 33, signal: null } }), 33);
  assertEquals(code("guest-shutdown", { exit: null }), 0);
});

Deno.test("EXIT_CODES explains each code once", () => {
  const written = EXIT_CODES.map(([one]) => one);
  assertEquals(new Set(written).size, written.length);
  for (const own of Object.values(EXIT)) assert(written.includes(`${own}`), `${own}`);
  for (const [, meaning] of EXIT_CODES) assertNotEquals(meaning, "");
});
