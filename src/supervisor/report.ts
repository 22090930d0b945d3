import type { AnyQmpEvent } from "../qmp/mod.ts";
import type { Verdict } from "../vm/mod.ts";
import type { GuestNow } from "./incident.ts";
import type { Liveness, ProbeResult, Readiness } from "./liveness/mod.ts";
import type { PolicyAction } from "./policy_action.ts";

/**
 * Something that happened to a supervised guest, and what is done about it.
 *
 * @example
 * ```ts
 * import { type Report, Supervisor } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const supervisor = await Supervisor.open();
 * using reports = supervisor.reports();
 * await supervisor.add({ config: { name: "web", machine: "none", accel: "tcg" }, stop: { powerdownMs: 0 } });
 * await supervisor.close({ vms: "stop" });
 *
 * const all: Report[] = await Array.fromAsync(reports);
 * assertEquals(
 *   all.filter(({ kind }) => kind !== "event").map(({ vm, kind }) => `${vm} ${kind}`),
 *   ["web asked", "web started", "web asked", "web ended"],
 * );
 * ```
 */
export type Report = ReportHead & ReportBody;

/**
 * What every report has.
 *
 * @example
 * ```ts
 * import type { Report, ReportHead } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * const line = ({ at, vm }: ReportHead) => `${at.toISOString()} ${vm}`;
 *
 * const report: Report = { at: new Date(0), vm: "web", kind: "wait-over", actions: [{ kind: "start" }] };
 * assertEquals(line(report), "1970-01-01T00:00:00.000Z web");
 * ```
 */
export interface ReportHead {
  /** When it was known. */
  at: Date;
  /** The guest's name. */
  vm: string;
}

/**
 * What happened. `actions` is what the policy makes of it, in order; empty when there is nothing to do.
 *
 * @example
 * ```ts
 * import type { ReportBody } from "@qeeper/qeeper";
 * import { assertEquals } from "@std/assert";
 *
 * // Does the policy leave it to a person from here on?
 * const isOver = (report: ReportBody) =>
 *   "actions" in report && report.actions.some(({ kind }) => kind === "give-up");
 *
 * assertEquals(isOver({ kind: "wait-over", actions: [{ kind: "start" }] }), false);
 * assertEquals(isOver({ kind: "asked", ask: "stop", actions: [{ kind: "give-up", why: "stopped" }] }), true);
 * ```
 */
export type ReportBody =
  /** The operator asked for something; `clear` is that earlier restarts be forgotten. */
  | { kind: "asked"; ask: "start" | "stop" | "restart" | "clear"; actions: readonly PolicyAction[] }
  /** Config and policy were replaced. */
  | { kind: "updated" }
  /** QEMU is ready and the guest runs. */
  | { kind: "started"; pid: number | null; argv: readonly string[]; actions: readonly PolicyAction[] }
  /** A QEMU that an earlier supervisor started was found, proven to be ours, and taken over. */
  | { kind: "adopted"; pid: number | null; guest: "running" | "held"; actions: readonly PolicyAction[] }
  /** Something is in its place that could not be proven to be ours: it is left alone. `why` is for people. */
  | { kind: "not-adopted"; found: "foreign" | "unverifiable"; why: string; actions: readonly PolicyAction[] }
  /** Nothing of it was there, and nothing had to be: it goes on from what was remembered. */
  | { kind: "recalled"; actions: readonly PolicyAction[] }
  /** QEMU said something about the guest's life. What ends a life has a report of its own. */
  | { kind: "event"; event: AnyQmpEvent }
  /** The guest ended and QEMU is still there. */
  | { kind: "guest-ended"; verdict: Verdict; actions: readonly PolicyAction[] }
  /** QEMU is gone, or never came to be. */
  | { kind: "ended"; verdict: Verdict; actions: readonly PolicyAction[] }
  /** The wait before a restart, or for an answer, is over. */
  | { kind: "wait-over"; actions: readonly PolicyAction[] }
  /** How far the dump of the guest's memory is, at most once a second. */
  | { kind: "dump-progress"; file: string; completedBytes: number; totalBytes: number }
  /** The guest's memory is in this file. */
  | { kind: "dumped"; file: string; actions: readonly PolicyAction[] }
  /** It could not be written. */
  | { kind: "dump-failed"; error: Error; actions: readonly PolicyAction[] }
  /** QEMU answers as it should, or does not: `busy` with something, or `stopped` by somebody, for so long. */
  | { kind: "liveness"; liveness: Liveness }
  /** A probe began to pass, or to fail. */
  | { kind: "probed"; probe: string; result: ProbeResult }
  /** The guest's readiness probes say something else than before. */
  | { kind: "readiness"; readiness: Readiness }
  /** QEMU has not answered for as long as the policy has it, or a liveness probe of the guest fails. */
  | { kind: "stuck"; liveness: Liveness; why: string; actions: readonly PolicyAction[] }
  /** It answers again. */
  | { kind: "unstuck"; guest: GuestNow; actions: readonly PolicyAction[] }
  /** Every monitor is lost, and the process lives. */
  | { kind: "unreachable"; actions: readonly PolicyAction[] }
  /** Its monitors are connected again. */
  | { kind: "reachable"; guest: GuestNow; actions: readonly PolicyAction[] }
  /** The clock of this machine jumped by so many milliseconds: it was suspended, or somebody set the clock. */
  | { kind: "clock-jump"; byMs: number }
  /** An action could not be carried out. */
  | { kind: "action-failed"; action: PolicyAction; error: Error; actions: readonly PolicyAction[] };

/**
 * The events that say something about a guest's life; the others are for those who ask for them (`Vm.events`).
 *
 * @example
 * ```ts
 * import { REPORTED_EVENTS } from "@qeeper/qeeper";
 * import { assert } from "@std/assert";
 *
 * assert(REPORTED_EVENTS.includes("GUEST_PANICKED"));
 * assert(!REPORTED_EVENTS.includes("VSERPORT_CHANGE"));
 * ```
 */
export const REPORTED_EVENTS: readonly string[] = [
  "BLOCK_IO_ERROR",
  "GUEST_CRASHLOADED",
  "GUEST_PANICKED",
  "GUEST_PVSHUTDOWN",
  "MEMORY_FAILURE",
  "POWERDOWN",
  "RESET",
  "RESUME",
  "SHUTDOWN",
  "STOP",
  "SUSPEND",
  "SUSPEND_DISK",
  "WAKEUP",
  "WATCHDOG",
];
