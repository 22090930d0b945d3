import { assertEquals } from "@std/assert";
import { heldConfig } from "../../../src/supervisor/held_config.ts";
import type { ActionWord } from "../../../src/supervisor/action.ts";

Deno.test("heldConfig() has QEMU hold every end but a reboot", () => {
  assertEquals(heldConfig({ name: "web", memoryMiB: 64 }, { onCause: {} }), {
    name: "web",
    memoryMiB: 64,
    actions: { shutdown: "pause", panic: "pause", watchdog: "pause" },
  });
});

Deno.test("heldConfig() has reboots held too where the policy has something to do about them", () => {
  const held: Record<ActionWord, boolean> = {
    restart: true,
    stop: true,
    preserve: true,
    reset: false,
    resume: false,
  };
  for (const [action, expected] of Object.entries(held) as [ActionWord, boolean][]) {
    const { actions } = heldConfig({}, { onCause: { "guest-reset": action } });
    assertEquals(actions?.reboot, expected ? "shutdown" : undefined, action);
  }
});

Deno.test("heldConfig() has reboots held where their memory is to be dumped, whatever follows", () => {
  for (const then of ["restart", "reset", "resume", "preserve", "stop"] as const) {
    const { actions } = heldConfig({}, { onCause: { "guest-reset": { dump: {}, then } } });
    assertEquals(actions?.reboot, "shutdown", then);
  }
});

Deno.test("heldConfig() leaves what the config itself says", () => {
  const { actions } = heldConfig(
    { actions: { panic: "none", reboot: "reset" } },
    { onCause: { "guest-reset": "restart" } },
  );
  assertEquals(actions, { shutdown: "pause", panic: "none", watchdog: "pause", reboot: "reset" });
});
