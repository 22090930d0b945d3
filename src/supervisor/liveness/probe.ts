/**
 * A question to the guest itself, asked again and again: does it do what it is for? With `for: "readiness"` the guest counts as ready while
 * it passes; with `for: "liveness"` a guest that fails it is stuck, though its QEMU is healthy.
 *
 * - `agent`: the guest agent answers a ping (the config needs `agent: true`).
 * - `console`: the guest says something on its serial console; nothing is taken from those who `expect` it too. For readiness once is
 *   enough; for liveness it has to be said anew each time.
 * - `tcp`: somebody listens at a port, and with `expect` says this, perhaps after `send`. A port of a user network is accepted by QEMU
 *   itself, whatever the guest does, so there only `expect` proves anything.
 *
 * Only what a running guest fails counts: not while it is paused, suspended, migrated, saved or at its end, nor while QEMU is busy or
 * stopped.
 *
 * @example
 * ```ts
 * import type { Probe } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const probes: Probe[] = [
 *   { kind: "console", for: "readiness", pattern: "login: " },
 *   { kind: "tcp", for: "liveness", port: { guest: 22 }, expect: "SSH-", everyMs: 30_000 },
 * ];
 * assertEquals(probes.map(({ kind }) => kind), ["console", "tcp"]);
 * ```
 */
export type Probe = AgentProbe | ConsoleProbe | TcpProbe;

/**
 * What every probe has.
 *
 * @example
 * ```ts
 * import type { Probe, ProbeTiming } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const timing: ProbeTiming = { for: "liveness", everyMs: 5_000, failures: 2, graceMs: 60_000 };
 * const probe: Probe = { kind: "agent", ...timing };
 * assertEquals(probe.failures, 2);
 * ```
 */
export interface ProbeTiming {
  /** What it decides. */
  for: "readiness" | "liveness";
  /** How far apart they are, in milliseconds; at least 100. Default 10000. Readiness is asked for each second until it is there. */
  everyMs?: number;
  /** How long one may take, in milliseconds. Default 1000. */
  timeoutMs?: number;
  /** After so many in a row that were not passed the probe fails. Default 3. */
  failures?: number;
  /** For so long after the guest's start failures don't count, unless it has passed before, in milliseconds. Default 60000. */
  graceMs?: number;
}

/**
 * The guest agent answers a ping; a refusal counts as well, since it comes from the guest.
 *
 * @example
 * ```ts
 * import { type AgentProbe, Supervisor } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * const probe: AgentProbe = { kind: "agent", for: "liveness", graceMs: 5 * 60_000 };
 * await using supervisor = await Supervisor.open();
 * // The config has to have a channel for it.
 * await assertRejects(
 *   () => supervisor.add({ config: { machine: "none", accel: "tcg" }, probes: [probe] }),
 *   TypeError,
 *   "agent: true",
 * );
 * ```
 */
export interface AgentProbe extends ProbeTiming {
  /** That it is an agent's. */
  kind: "agent";
}

/**
 * The guest says something on its console: once, to be ready; again and again, to be alive.
 *
 * @example
 * ```ts
 * import { type ConsoleProbe, Supervisor } from "@qeeper/qeeper";
 * import { rom, unirom } from "@qeeper/qeeper/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const bios = await Deno.makeTempFile();
 * await Deno.writeFile(bios, rom(unirom.code));
 * const probe: ConsoleProbe = { kind: "console", for: "readiness", pattern: "READY\n" };
 * await using supervisor = await Supervisor.open();
 * using reports = supervisor.reports();
 * const config = { name: "tiny", accel: "tcg", memoryMiB: 16, firmware: { bios } } as const;
 * await supervisor.add({ config, probes: [probe], stop: { powerdownMs: 0 } });
 * for await (const report of reports) {
 *   if (report.kind === "readiness") {
 *     assertEquals(report.readiness, "ready");
 *     break;
 *   }
 * }
 * await Deno.remove(bios);
 * ```
 */
export interface ConsoleProbe extends ProbeTiming {
  /** That it is a console's. */
  kind: "console";
  /** What it says. */
  pattern: TextPattern;
}

/**
 * Somebody listens at a port, and says what they should.
 *
 * @example
 * ```ts
 * import { type TcpProbe, Supervisor } from "@qeeper/qeeper";
 * import { assertRejects } from "@std/assert";
 *
 * const probe: TcpProbe = {
 *   kind: "tcp",
 *   for: "readiness",
 *   port: { guest: 80 },
 *   send: "GET / HTTP/1.0\r\n\r\n",
 *   expect: { regexp: "^HTTP/1.. 200 " },
 * };
 * await using supervisor = await Supervisor.open();
 * // The config has to forward that port.
 * await assertRejects(
 *   () => supervisor.add({ config: { machine: "none", accel: "tcg" }, probes: [probe] }),
 *   TypeError,
 *   "forward: [{ guest: 80 }]",
 * );
 * ```
 */
export interface TcpProbe extends ProbeTiming {
  /** That it is a port's. */
  kind: "tcp";
  /** The host. Default `127.0.0.1`. */
  host?: string;
  /** The port; or the guest's, whose forward on a user network is then looked up, on `127.0.0.1`. */
  port: number | { guest: number };
  /** What is sent first. Default: nothing. */
  send?: string;
  /** What has to be said there, in the first 64 Ki characters. Default: it only has to accept, and not close again at once. */
  expect?: TextPattern;
}

/**
 * What a text has to have in it: another text, or what a regular expression in JavaScript's words finds. It is data, so that it can be kept.
 *
 * @example
 * ```ts
 * import type { Probe, TextPattern } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const pattern: TextPattern = { regexp: "login: $", flags: "m" };
 * const probe: Probe = { kind: "console", for: "readiness", pattern };
 * assertEquals(probe.pattern, pattern);
 * ```
 */
export type TextPattern = string | { regexp: string; flags?: string };

/** A probe, with nothing left to say about its times. */
export type WholeProbe = Probe & Required<ProbeTiming>;

/**
 * Whether a guest does what it is for, as far as its readiness probes tell: `unknown` until they have all passed, or one has failed.
 *
 * @example
 * ```ts
 * import type { Readiness } from "@qeeper/qeeper";
 * import { assert } from "@std/assert";
 *
 * const words: Readiness[] = ["unknown", "ready", "not-ready"];
 * assert(words.includes("ready"));
 * ```
 */
export type Readiness = "unknown" | "ready" | "not-ready";

/**
 * What a probe says from now on; `why` is for people.
 *
 * @example
 * ```ts
 * import type { ProbeResult } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const inWords = (result: ProbeResult) => result.kind === "failing" ? `fails: ${result.why}` : "passes";
 *
 * assertEquals(inWords({ kind: "failing", why: "the connection was closed at once" }), "fails: the connection was closed at once");
 * ```
 */
export type ProbeResult = { kind: "passing" } | { kind: "failing"; why: string };

/** A probe that says something else than before. */
export interface ProbeChange {
  /** Its place in the spec. */
  index: number;
  probe: WholeProbe;
  result: ProbeResult;
}
