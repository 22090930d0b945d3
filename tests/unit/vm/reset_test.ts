import { assertEquals, assertRejects } from "@std/assert";
import type { QmpClient } from "../../../src/qmp/mod.ts";
import { resetGuest, type ResetTarget } from "../../../src/vm/reset.ts";

/** A guest under a firmware that repeats resets, in which resets follow each other for ever, each 20 ms after the last one. */
function loopingGuest(): { target: ResetTarget; commands: string[] } {
  const commands: string[] = [];
  const execute = (command: string, args: Record<string, unknown> = {}) => {
    commands.push([command, ...Object.values(args)].join(" "));
    return Promise.resolve({ status: "running" });
  };
  const resets = () => ({
    next: () =>
      new Promise<IteratorResult<unknown>>((resolve) =>
        setTimeout(() => resolve({ value: {}, done: false }), 20)
      ),
    [Symbol.dispose]() {},
  });
  const qmp = { execute } as unknown as QmpClient;
  return { target: { qmp, reboots: "held", resetHabit: "repeats", resets }, commands };
}

Deno.test("resetGuest() takes a guest that resets again and again for no firmware that repeats a reset", async () => {
  const { target, commands } = loopingGuest();
  await resetGuest(target, {});
  assertEquals(commands, ["query-status", "set-action reset", "system_reset", "set-action shutdown"]);
});

Deno.test("resetGuest() that is given up has QEMU hold reboots again", async () => {
  const { target, commands } = loopingGuest();
  const signal = AbortSignal.timeout(30);
  await assertRejects(() => resetGuest(target, { signal }), DOMException, "timeout");
  assertEquals(commands.at(-1), "set-action shutdown");
});
