import { assertEquals } from "@std/assert";
import type { Action } from "../../../src/supervisor/action.ts";
import { decide, type Incident } from "../../../src/supervisor/policy.ts";
import type { RestartWhen } from "../../../src/supervisor/spec.ts";
import { at, decided, line, NOW, under, USED, verdict } from "./_policy.ts";

const STUCK: Incident = { kind: "stuck" };
const UNREACHABLE: Incident = { kind: "unreachable" };
const WAIT_OVER: Incident = { kind: "wait-over" };
const gone: Incident = { kind: "ended", verdict: verdict("killed") };

Deno.test("decide() does about a stuck QEMU what onStuck says, whatever the restart word is", () => {
  const words = (["report", "restart", "preserve"] as const).map((action) =>
    decided(at("up"), STUCK, under({ restart: "no", onStuck: { action } }))
  );
  assertEquals(words, [
    "unresponsive, wanted up: nothing",
    "stopping, wanted up: put-down",
    "held, wanted up: give up: preserved",
  ]);
});

Deno.test("decide() lets a guest go on with its life when its QEMU answers again", () => {
  const stuck = decide(at("up"), STUCK, under()).state;
  const { state } = decide(stuck, { kind: "unstuck", guest: "running" }, under());
  assertEquals([state.phase, state.upSince], ["up", NOW - 100]);
});

Deno.test("decide() does again what was begun in place when its QEMU got stuck over it", () => {
  const begun = at("up", { begun: { kind: "reset" }, history: USED });
  const { state } = decide(begun, STUCK, under());
  const again = decide(state, { kind: "unstuck", guest: "held" }, under());
  assertEquals([line(again), again.state.history.attempts], ["up, wanted up: reset", 1]);
  assertEquals(decided(state, { kind: "unstuck", guest: "prelaunch" }), "up, wanted up: resume");
  const shown = decide(state, { kind: "resumed" }, under());
  assertEquals([line(shown), shown.state.begun], ["up, wanted up: nothing", null]);
  // Nothing was begun: its end is about to be told.
  const plain = decide(at("up"), STUCK, under()).state;
  assertEquals(decided(plain, { kind: "unstuck", guest: "held" }), "unresponsive, wanted up: nothing");
});

Deno.test("decide() restarts a stuck QEMU within the limit, by how long the guest ran", () => {
  const policy = under({ onStuck: { action: "restart" }, limit: { restarts: 1, withinMs: 60_000 } });
  const { state } = decide(at("up"), STUCK, policy);
  assertEquals(state.after, { kind: "restart", ranMs: 100 });
  assertEquals(decided(state, gone, policy), "starting, wanted up: start");
  assertEquals(
    decided({ ...state, history: USED }, gone, policy),
    "failed, wanted up: give up: restart-limit",
  );
});

Deno.test("decide() takes one that was preserved because it was stuck for up when its guest runs on", () => {
  const { state } = decide(at("up"), STUCK, under({ onStuck: { action: "preserve" } }));
  assertEquals(decided(state, { kind: "unstuck", guest: "running" }), "up, wanted up: nothing");
  // One that was held at its end is still there.
  assertEquals(decided(at("held"), { kind: "unstuck", guest: "held" }), "held, wanted up: nothing");
});

Deno.test("decide() does what onStuck says also while a guest is dumped, or waits in its QEMU", () => {
  const waiting = at("backoff", { pending: "reset" });
  const words = (["report", "restart", "preserve"] as const).map((action) =>
    [waiting, at("dumping")].map((state) => decided(state, STUCK, under({ onStuck: { action } })))
  );
  assertEquals(words, [
    ["backoff, wanted up: nothing", "dumping, wanted up: nothing"],
    ["stopping, wanted up: end-wait, put-down", "stopping, wanted up: put-down"],
    ["held, wanted up: end-wait, give up: preserved", "held, wanted up: give up: preserved"],
  ]);
  assertEquals(
    decided(at("backoff"), STUCK, under({ onStuck: { action: "restart" } })),
    "backoff, wanted up: nothing",
  );
});

Deno.test("decide() gives a QEMU whose monitors are lost time to end, or to be reached again", () => {
  const policy = under({ onUnreachable: { graceMs: 5_000 } });
  const lost = decide(at("up"), UNREACHABLE, policy);
  assertEquals(line(lost), "unresponsive, wanted up: wait 5000");
  assertEquals(decided(lost.state, UNREACHABLE, policy), "unresponsive, wanted up: nothing");
  assertEquals(decided(lost.state, STUCK, policy), "unresponsive, wanted up: nothing");
  assertEquals(
    decided(lost.state, { kind: "unstuck", guest: "running" }),
    "unresponsive, wanted up: nothing",
  );
  assertEquals(decided(lost.state, gone, policy), "starting, wanted up: end-wait, start");
  const back = decide(lost.state, { kind: "reachable", guest: "running" }, policy);
  assertEquals([line(back), back.state.upSince], ["up, wanted up: end-wait", NOW - 100]);
});

Deno.test("decide() does about one that does not come back what is said about the cause unresponsive", async (t) => {
  const cases: [RestartWhen, Action | null, string][] = [
    ["no", null, "stopping, wanted down: put-down"],
    ["on-success", null, "stopping, wanted down: put-down"],
    ["on-failure", null, "stopping, wanted up: put-down"],
    ["on-abnormal", null, "stopping, wanted up: put-down"],
    ["always", null, "stopping, wanted up: put-down"],
    ["no", "restart", "stopping, wanted up: put-down"],
    ["no", "reset", "stopping, wanted up: put-down"],
    ["no", "resume", "stopping, wanted up: put-down"],
    ["no", { dump: {}, then: "restart" }, "stopping, wanted up: put-down"],
    ["always", "preserve", "held, wanted up: give up: preserved"],
    ["always", "stop", "stopping, wanted down: put-down"],
  ];
  for (const [restart, action, expected] of cases) {
    await t.step(`${restart}, ${JSON.stringify(action)}`, () => {
      const policy = under({ restart, ...(action && { onCause: { "unresponsive": action } }) });
      const { state } = decide(at("up"), UNREACHABLE, policy);
      assertEquals(decided(state, WAIT_OVER, policy), expected);
      const atOnce = { ...policy, policy: { ...policy.policy, onUnreachable: { graceMs: 0 } } };
      assertEquals(decided(at("up"), UNREACHABLE, atOnce), expected);
    });
  }
});

Deno.test("decide() lets the operator stop or restart one that does not answer", () => {
  const lost = decide(at("up"), UNREACHABLE, under()).state;
  const stuck = decide(at("up"), STUCK, under()).state;
  assertEquals(decided(lost, { kind: "stop-asked" }), "stopping, wanted down: end-wait, stop");
  assertEquals(decided(lost, { kind: "restart-asked" }), "stopping, wanted up: end-wait, stop");
  assertEquals(decided(stuck, { kind: "stop-asked" }), "stopping, wanted down: stop");
  assertEquals(decided(stuck, WAIT_OVER), "unresponsive, wanted up: nothing");
});

Deno.test("decide() waits for an answer of a stuck QEMU once its monitors are lost as well", () => {
  const stuck = decide(at("up"), STUCK, under()).state;
  const lost = decide(stuck, UNREACHABLE, under());
  assertEquals(line(lost), "unresponsive, wanted up: wait 10000");
  assertEquals(decided(lost.state, WAIT_OVER), "stopping, wanted up: put-down");
});

Deno.test("decide() acts on an end that is learned of while QEMU does not answer, and leaves a reboot alone", () => {
  const lost = decide(at("up"), UNREACHABLE, under()).state;
  const panic: Incident = { kind: "guest-ended", verdict: verdict("guest-panic", { process: "held" }) };
  assertEquals(decided(lost, panic), "stopping, wanted up: end-wait, clear-away");
  const reboot: Incident = { kind: "guest-ended", verdict: verdict("guest-reset", { process: "running" }) };
  const { state, actions } = decide(lost, reboot, under());
  assertEquals([state, actions], [lost, []]);
});
