import { assertEquals, assertThrows } from "@std/assert";
import { policyOf } from "../../../src/supervisor/policy_of.ts";
import type { SupervisedVm } from "../../../src/supervisor/spec.ts";

type Spec = Omit<SupervisedVm, "config">;

Deno.test("policyOf() fills in what a spec leaves out", () => {
  assertEquals(policyOf({}), {
    restart: "on-failure",
    backoff: { initialMs: 100, factor: 2, maxMs: 30_000, jitter: 0.2, resetAfterMs: 60_000 },
    limit: { restarts: 5, withinMs: 60_000 },
    onCause: {},
    onStuck: { afterMs: 60_000, action: "report" },
    onUnreachable: { graceMs: 10_000 },
  });
});

Deno.test("policyOf() keeps what a spec says", () => {
  const spec = {
    restart: "always",
    backoff: { initialMs: 1, factor: 1, maxMs: 1, jitter: 0, resetAfterMs: 0 },
    limit: { restarts: 0, withinMs: 0 },
    onCause: {
      "guest-panic": { dump: { dir: "/dumps", format: "kdump-zlib", keep: 1 }, then: "reset" },
      "io-error": "resume",
      "watchdog": { dump: {}, then: "preserve" },
    },
    onStuck: { afterMs: 0, action: "preserve" },
    onUnreachable: { graceMs: 0 },
    stop: { powerdownMs: 0, quitMs: Infinity },
  } as const;
  const { stop: _, ...policy } = spec;
  assertEquals(policyOf(spec), policy);
});

Deno.test("policyOf() is not changed by what is done to the spec afterwards", () => {
  const onCause: NonNullable<Spec["onCause"]> = {};
  const policy = policyOf({ onCause });
  onCause["guest-panic"] = "stop";
  assertEquals(policy.onCause, {});
});

Deno.test("policyOf() takes each number at the ends of its range", () => {
  const specs: Spec[] = [
    { backoff: { initialMs: 0 } },
    { backoff: { initialMs: 30_000 } },
    { backoff: { factor: 1 } },
    { backoff: { maxMs: 100 } },
    { backoff: { maxMs: 2_147_483_647 } },
    { backoff: { jitter: 0 } },
    { backoff: { jitter: 1 } },
    { backoff: { resetAfterMs: Infinity } },
    { limit: { restarts: Infinity, withinMs: Infinity } },
    { stop: { powerdownMs: 0, quitMs: 0, termMs: 0 } },
  ];
  assertEquals(specs.map((spec) => policyOf(spec).restart), specs.map(() => "on-failure"));
});

Deno.test("policyOf() names the number that is out of its range, and the range", async (t) => {
  const cases: [Spec, string][] = [
    [
      { backoff: { initialMs: -1 } },
      "'backoff.initialMs' must be a number from 0 to 2147483647: current value is -1",
    ],
    [
      { backoff: { initialMs: NaN } },
      "'backoff.initialMs' must be a number from 0 to 2147483647: current value is NaN",
    ],
    [{ backoff: { factor: 0.9 } }, "'backoff.factor' must be a number of at least 1: current value is 0.9"],
    [
      { backoff: { maxMs: 99 } },
      "'backoff.maxMs' must be a number from 100 to 2147483647: current value is 99",
    ],
    [
      { backoff: { maxMs: 2_147_483_648 } },
      "'backoff.maxMs' must be a number from 100 to 2147483647: current value is 2147483648",
    ],
    [
      { backoff: { maxMs: Infinity } },
      "'backoff.maxMs' must be a number from 100 to 2147483647: current value is Infinity",
    ],
    [{ backoff: { jitter: -0.1 } }, "'backoff.jitter' must be a number from 0 to 1: current value is -0.1"],
    [{ backoff: { jitter: 1.1 } }, "'backoff.jitter' must be a number from 0 to 1: current value is 1.1"],
    [
      { backoff: { resetAfterMs: -1 } },
      "'backoff.resetAfterMs' must be a number of at least 0: current value is -1",
    ],
    [
      { limit: { restarts: 1.5, withinMs: 0 } },
      "'limit.restarts' must be a whole number, or Infinity: current value is 1.5",
    ],
    [
      { limit: { restarts: -1, withinMs: 0 } },
      "'limit.restarts' must be a number of at least 0: current value is -1",
    ],
    [
      { limit: { restarts: 1, withinMs: NaN } },
      "'limit.withinMs' must be a number of at least 0: current value is NaN",
    ],
    [{ stop: { quitMs: -5 } }, "'stop.quitMs' must be a number of at least 0: current value is -5"],
  ];
  for (const [spec, words] of cases) {
    await t.step(words, () => {
      assertThrows(() => policyOf(spec), RangeError, `Cannot supervise as ${words}`);
    });
  }
});

Deno.test("policyOf() refuses a word or a key that it does not know, and names those that it knows", async (t) => {
  const cases: [unknown, string][] = [
    [
      { restart: "on-panic" },
      `'restart' must be one of no, on-success, on-failure, on-abnormal, always: current value is "on-panic"`,
    ],
    [
      { onCause: { "guest-panic": "reboot" } },
      `'onCause.guest-panic' must be one of restart, reset, resume, preserve, stop, { dump, then }: current value is "reboot"`,
    ],
    [
      { onCause: { "guest-panic": { dump: {} } } },
      "'onCause.guest-panic.then' must be one of restart, reset, resume, preserve, stop: current value is undefined",
    ],
    [
      { onCause: { "guest-panic": { then: "stop" } } },
      "'onCause.guest-panic.dump' must be an object, such as {}: current value is undefined",
    ],
    [
      { onCause: { "guest-panic": { dump: {}, them: "stop" } } },
      `'onCause.guest-panic' has no "them"; it has: dump, then`,
    ],
    [
      { onCause: { "guest-panic": { dump: { file: "x" }, then: "stop" } } },
      `'onCause.guest-panic.dump' has no "file"; it has: dir, format, keep`,
    ],
    [
      { onCause: { "guest-panic": { dump: { dir: "" }, then: "stop" } } },
      `'onCause.guest-panic.dump.dir' must be the path of a directory: current value is ""`,
    ],
    [
      { onCause: { "guest-panic": { dump: { format: "core" }, then: "stop" } } },
      "'onCause.guest-panic.dump.format' must be one of elf, kdump-zlib, ",
    ],
    [
      { onCause: { "guest-panic": { dump: { keep: 0 }, then: "stop" } } },
      "'onCause.guest-panic.dump.keep' must be a number from 1 to 10000: current value is 0",
    ],
    [{ onStuck: { action: "kill" } }, "'onStuck.action' must be one of report, restart, preserve: "],
    [{ onStuck: { afterMs: -1 } }, "'onStuck.afterMs' must be a number of at least 0: "],
    [{ onStuck: { after: 1 } }, `'onStuck' has no "after"; it has: afterMs, action`],
    [
      { onUnreachable: { graceMs: Infinity } },
      "'onUnreachable.graceMs' must be a number from 0 to 2147483647: ",
    ],
    [{ onCause: { "panic": "stop" } }, `'onCause' has no "panic"; it has: guest-shutdown, guest-reset, `],
    [
      { backoff: { initial: 5 } },
      `'backoff' has no "initial"; it has: initialMs, factor, maxMs, jitter, resetAfterMs`,
    ],
    [{ limit: { periodMs: 5 } }, `'limit' has no "periodMs"; it has: restarts, withinMs`],
    [{ stop: { killMs: 5 } }, `'stop' has no "killMs"; it has: powerdownMs, agentMs, quitMs, termMs`],
    [
      { backOff: {} },
      `a guest's spec has no "backOff"; it has: config, restart, backoff, limit, onCause, onStuck, onUnreachable, probes, stop`,
    ],
    [
      { limit: { restarts: "5", withinMs: 1 } },
      `'limit.restarts' must be a number of at least 0: current value is 5`,
    ],
  ];
  for (const [spec, words] of cases) {
    await t.step(words, () => {
      assertThrows(() => policyOf(spec as Spec), Error, `Cannot supervise as ${words}`);
    });
  }
});
