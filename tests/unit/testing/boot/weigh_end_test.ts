import { assertEquals } from "@std/assert";
import { weighEnd } from "../../../../src/testing/boot/weigh_end.ts";
import type { Intent, Verdict, VerdictCause } from "../../../../src/vm/mod.ts";

function end(
  cause: VerdictCause,
  intent: Intent = "none",
  process: Verdict["process"] = "ended",
): Verdict {
  return {
    ...{ cause, intent, process, detail: "", at: new Date(0), exit: null, reason: null, tripleFault: null },
    ...{ oomKill: null, rung: null, stderrTail: "", consoleTail: "", events: [] },
  };
}

const NOTHING = { expected: [], allowed: [] };

Deno.test("weighEnd() takes any end that nobody asked for for a failure", () => {
  const causes: VerdictCause[] = [
    "guest-panic",
    "guest-shutdown",
    "guest-reset",
    "killed",
    "host-quit",
    "lost",
  ];
  for (const cause of causes) assertEquals(weighEnd(end(cause), NOTHING), { kind: "failure" }, cause);
});

Deno.test("weighEnd() gives an end to the first expectation that has its cause", () => {
  const expected = [["watchdog"], ["guest-panic", "guest-reset"], ["guest-panic"]] as const;
  assertEquals(weighEnd(end("guest-panic"), { expected, allowed: [] }), { kind: "expected", by: 1 });
  assertEquals(weighEnd(end("killed"), { expected, allowed: [] }), { kind: "failure" });
});

Deno.test("weighEnd() lets an end pass that is allowed", () => {
  const wanted = { expected: [], allowed: ["guest-reset"] } as const;
  assertEquals(weighEnd(end("guest-reset", "none", "running"), wanted), { kind: "wanted" });
});

Deno.test("weighEnd() takes the ends that a shutdown or a kill brings about for wanted", () => {
  for (const cause of ["guest-shutdown", "host-quit", "host-signal", "killed"] as const) {
    assertEquals(weighEnd(end(cause, "stop"), NOTHING), { kind: "wanted" }, cause);
  }
  assertEquals(weighEnd(end("killed", "kill"), NOTHING), { kind: "wanted" });
});

Deno.test("weighEnd() takes a panic or a crash for a failure, also while the VM is being shut down", () => {
  for (const cause of ["guest-panic", "watchdog", "crashed", "io-error", "internal-error"] as const) {
    assertEquals(weighEnd(end(cause, "stop"), NOTHING), { kind: "failure" }, cause);
  }
});

Deno.test("weighEnd() does not count an end again that was wanted, when QEMU that held the guest at it is ended", () => {
  const held = { cause: "guest-panic", meaning: "expected" } as const;
  assertEquals(weighEnd(end("guest-panic", "stop"), NOTHING, held), { kind: "wanted" });
  assertEquals(weighEnd(end("guest-panic", "stop", "held"), NOTHING, held), { kind: "failure" });
  assertEquals(weighEnd(end("killed"), NOTHING, held), { kind: "failure" });
});
