import { assertEquals, assertThrows } from "@std/assert";
import type { VmConfig } from "../../../../src/machine/mod.ts";
import { checkProbes } from "../../../../src/supervisor/liveness/check_probes.ts";
import type { Probe } from "../../../../src/supervisor/liveness/probe.ts";

const CONFIG: VmConfig = {
  agent: true,
  networks: [{ type: "none" }, { type: "user", forward: [{ guest: 22 }, { guest: 53, protocol: "udp" }] }],
};

Deno.test("checkProbes() fills in what a probe leaves out, and keeps nothing of what it was given", () => {
  const given: Probe[] = [
    { kind: "agent", for: "liveness" },
    { kind: "console", for: "readiness", pattern: { regexp: "login: $", flags: "m" }, graceMs: 0 },
    { kind: "tcp", for: "readiness", port: { guest: 22 }, expect: "SSH-", failures: 1 },
    { kind: "tcp", for: "liveness", host: "::1", port: 80, send: "x", everyMs: 100, timeoutMs: 1 },
  ];
  const defaults = { everyMs: 10_000, timeoutMs: 1_000, failures: 3, graceMs: 60_000 };
  const checked = checkProbes(given, CONFIG);
  assertEquals(checked, given.map((probe) => ({ ...defaults, ...probe })));
  Object.assign(given[2] ?? {}, { expect: "changed" });
  assertEquals(checked[2]?.kind === "tcp" && checked[2].expect, "SSH-");
  assertEquals(checkProbes([], {}), []);
});

const AGENT = { kind: "agent", for: "liveness" };
const CONSOLE = { kind: "console", for: "readiness", pattern: "ok" };
const TCP = { kind: "tcp", for: "readiness", port: 80 };

/** Each wrong in one way, and what is said of it. */
const WRONG: readonly [probe: unknown, error: typeof TypeError | typeof RangeError, words: string][] = [
  [null, TypeError, "'probes[1]' must be an object: current value is null"],
  [{}, TypeError, "'probes[1].kind' must be one of agent, console, tcp: current value is undefined"],
  [{ ...AGENT, kind: "ping" }, TypeError, "'probes[1].kind' must be one of agent, console, tcp"],
  [{ ...AGENT, for: "fun" }, TypeError, "'probes[1].for' must be one of readiness, liveness"],
  [{ ...AGENT, pattern: "x" }, TypeError, "'probes[1]' has no \"pattern\"; it has: kind, for, everyMs"],
  [{ ...AGENT, everyMs: 99 }, RangeError, "'probes[1].everyMs' must be a number from 100 to"],
  [{ ...AGENT, everyMs: "1s" }, RangeError, "'probes[1].everyMs'"],
  [{ ...AGENT, timeoutMs: 0 }, RangeError, "'probes[1].timeoutMs'"],
  [{ ...AGENT, failures: 0 }, RangeError, "'probes[1].failures'"],
  [{ ...AGENT, failures: 1.5 }, RangeError, "'probes[1].failures' must be a whole number"],
  [{ ...AGENT, graceMs: -1 }, RangeError, "'probes[1].graceMs'"],
  [{ ...AGENT, graceMs: NaN }, RangeError, "'probes[1].graceMs'"],
  [{ ...CONSOLE, pattern: undefined }, TypeError, "'probes[1].pattern' must be a text, or { regexp"],
  [{ ...CONSOLE, pattern: "" }, TypeError, "'probes[1].pattern'"],
  [{ ...CONSOLE, pattern: /x/ }, TypeError, "'probes[1].pattern'"],
  [{ ...CONSOLE, pattern: { regexp: "(" } }, TypeError, "'probes[1].pattern' is no regular expression"],
  [{ ...CONSOLE, pattern: { regexp: "x", flags: "g" } }, TypeError, "'probes[1].pattern.flags'"],
  [{ ...CONSOLE, pattern: { regexp: "x", flag: "i" } }, TypeError, "'probes[1].pattern' has no \"flag\""],
  [{ ...TCP, port: undefined }, TypeError, "'probes[1].port' must be a port, or { guest: port }"],
  [{ ...TCP, port: 65_536 }, RangeError, "'probes[1].port'"],
  [{ ...TCP, port: { guest: 0 } }, RangeError, "'probes[1].port.guest'"],
  [{ ...TCP, port: { guest: 80 } }, TypeError, "'probes[1].port' needs a network of type \"user\""],
  [{ ...TCP, port: { guest: 53 } }, TypeError, "'probes[1].port' needs a network"], // it is forwarded for udp
  [{ ...TCP, port: { guest: 22 }, host: "h" }, TypeError, "'probes[1].port' is a port of the guest"],
  [{ ...TCP, host: "" }, TypeError, "'probes[1].host' must be a text"],
  [{ ...TCP, send: 5 }, TypeError, "'probes[1].send' must be a text"],
  [{ ...TCP, expect: 5 }, TypeError, "'probes[1].expect' must be a text"],
];

for (const [probe, error, words] of WRONG) {
  Deno.test(`checkProbes() refuses ${JSON.stringify(probe)}, and says where it is wrong`, () => {
    const probes = [AGENT, probe] as Probe[];
    assertThrows(() => checkProbes(probes, CONFIG), error, `Cannot supervise as ${words}`);
  });
}

Deno.test("checkProbes() refuses a probe for which the config has nothing", () => {
  assertThrows(() => checkProbes([AGENT as Probe], {}), TypeError, "needs the config to have agent: true");
  for (const console of [false, "none"] as const) {
    assertThrows(() => checkProbes([CONSOLE as Probe], { console }), TypeError, "needs a console");
  }
  assertThrows(() => checkProbes({} as Probe[], {}), TypeError, "'probes' must be a list of probes");
});
