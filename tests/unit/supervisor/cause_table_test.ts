import { assertEquals } from "@std/assert";
import { actionFor, CAUSE_CLASSES, RESTARTED } from "../../../src/supervisor/cause_table.ts";
import type { ActionWord } from "../../../src/supervisor/action.ts";
import type { RestartWhen } from "../../../src/supervisor/spec.ts";
import type { VerdictCause } from "../../../src/vm/mod.ts";

const WORDS: RestartWhen[] = ["no", "on-success", "on-failure", "on-abnormal", "always"];

// Written out, so that a change of the classes is a change that somebody sees.
const TABLE: Record<VerdictCause | "triple fault", ActionWord[]> = {
  //                    no          on-success  on-failure  on-abnormal always
  "guest-shutdown": ["stop", "restart", "stop", "stop", "restart"],
  "guest-reset": ["stop", "restart", "stop", "stop", "restart"],
  "triple fault": ["stop", "stop", "restart", "restart", "restart"],
  "guest-panic": ["stop", "stop", "restart", "stop", "restart"],
  "watchdog": ["stop", "stop", "restart", "restart", "restart"],
  "io-error": ["preserve", "preserve", "preserve", "preserve", "preserve"],
  "internal-error": ["stop", "stop", "restart", "restart", "restart"],
  "host-quit": ["stop", "restart", "stop", "stop", "restart"],
  "host-signal": ["stop", "restart", "stop", "stop", "restart"],
  "killed": ["stop", "stop", "restart", "restart", "restart"],
  "crashed": ["stop", "stop", "restart", "restart", "restart"],
  "launch-failed": ["stop", "stop", "restart", "stop", "restart"],
  "unresponsive": ["stop", "stop", "restart", "restart", "restart"],
  "lost": ["stop", "stop", "restart", "restart", "restart"],
};

Deno.test("actionFor() has this answer for each cause under each restart word", async (t) => {
  for (const [row, expected] of Object.entries(TABLE) as [VerdictCause | "triple fault", ActionWord[]][]) {
    await t.step(row, () => {
      const verdict = row === "triple fault"
        ? { cause: "guest-reset" as const, tripleFault: true }
        : { cause: row, tripleFault: null };
      assertEquals(WORDS.map((restart) => actionFor({ restart, onCause: {} }, verdict)), expected);
    });
  }
});

Deno.test("actionFor() takes a reset for a plain one when nobody knows whether it was a triple fault", () => {
  for (const tripleFault of [false, "unknown"] as const) {
    const verdict = { cause: "guest-reset" as const, tripleFault };
    assertEquals(actionFor({ restart: "on-failure", onCause: {} }, verdict), "stop");
  }
});

Deno.test("actionFor() puts what is named for a cause before the restart word", () => {
  const actions: ActionWord[] = ["restart", "reset", "resume", "preserve", "stop"];
  for (const restart of WORDS) {
    for (const cause of Object.keys(CAUSE_CLASSES) as VerdictCause[]) {
      const found = actions.map((action) =>
        actionFor({ restart, onCause: { [cause]: action } }, { cause, tripleFault: null })
      );
      assertEquals(found, actions);
    }
  }
});

Deno.test("RESTARTED never restarts what needs a person", () => {
  assertEquals(Object.values(RESTARTED).filter((classes) => classes.includes("attention")), []);
});
