import { assertEquals } from "@std/assert";
import { decide, INITIAL_STATE, type PolicyState } from "../../../src/supervisor/policy.ts";
import { heldConfig } from "../../../src/supervisor/held_config.ts";
import { policyInForce } from "../../../src/supervisor/spec_change.ts";
import { policy, verdict } from "./_policy.ts";

const cold = policy({ onCause: { "guest-reset": "restart" }, restart: "no" });

Deno.test("policyInForce() is the new policy at once, but for reboots that QEMU holds because of the earlier one", () => {
  const changed = policy({ restart: "always", limit: { restarts: 9, withinMs: 1 } });
  assertEquals(policyInForce(null, changed), changed);
  assertEquals(policyInForce(policy(), changed), changed);
  assertEquals(policyInForce(cold, changed), { ...changed, onCause: { "guest-reset": "restart" } });
  const stops = policy({ onCause: { "guest-reset": "stop" } });
  assertEquals(policyInForce(cold, stops), stops);
});

Deno.test("a reboot that is held is a cold restart also when the spec that made it one was replaced, and the next one is none", () => {
  const changed = policy();
  const up: PolicyState = { ...INITIAL_STATE, wanted: "up", phase: "up", upSince: 0 };
  const reboot = {
    kind: "guest-ended",
    verdict: verdict("guest-reset", { process: "held", reason: "guest-reset" }),
  } as const;
  const under = (launched: typeof cold) => ({
    policy: policyInForce(launched, changed),
    now: 90_000,
    random: 0.5,
  });

  const clearing = decide(up, reboot, under(cold));
  assertEquals(clearing.actions, [{ kind: "clear-away" }]);
  const next = decide(clearing.state, { kind: "ended", verdict: verdict("guest-reset") }, under(cold));
  assertEquals([next.state.phase, next.actions], ["starting", [{ kind: "start" }]]);

  // That start is the new spec's: QEMU resets the guest itself from then on.
  assertEquals(heldConfig({}, changed).actions?.reboot, undefined);
  const plain = { kind: "guest-ended", verdict: verdict("guest-reset", { process: "running" }) } as const;
  assertEquals(decide(up, plain, under(changed)).actions, []);
});
