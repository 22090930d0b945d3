/**
 * Many guests over time: what ends one becomes a report, and its policy says what to do about it.
 *
 * Decisions are apart from effects. `policy.ts` is one total table, phase by incident, over plain values; `cause_table.ts` and
 * `backoff.ts` are what it asks. A keeper carries the decisions out for one guest: it makes each thing that happens one incident, one
 * decision and one report. A start is only decided where QEMU is known to be gone, so there are never two for one guest. With a state
 * directory each decision is on the disk (`store/`) before it is carried out, and the next supervisor goes on from there: `recall.ts` finds what
 * runs, `adoption.ts` decides whose it is, `after_death.ts` what is to be done first.
 *
 * @module
 */
export { type Action, type ActionWord, type DumpAction, type DumpOptions, wordOf } from "./action.ts";
export { actionFor, CAUSE_CLASSES, type EndClass, RESTARTED } from "./cause_table.ts";
export {
  type GroupConfig,
  GroupError,
  type GroupMember,
  type GroupOptions,
  type GroupReport,
  type GroupReportBody,
  type HelperConfig,
  type MemberPhase,
  type MemberStatus,
  openGroup,
  type RestartPlan,
  type RestartReason,
  type Strategy,
  type VmGroup,
} from "./groups/mod.ts";
export type { Phase, PolicyAction, Wanted } from "./policy.ts";
export type {
  AgentProbe,
  ConsoleProbe,
  Liveness,
  Probe,
  ProbeResult,
  ProbeTiming,
  Readiness,
  TcpProbe,
  TextPattern,
} from "./liveness/mod.ts";
export { policyOf } from "./policy_of.ts";
export { type Report, type ReportBody, REPORTED_EVENTS, type ReportHead } from "./report.ts";
export type {
  Backoff,
  OnStuck,
  OnUnreachable,
  Policy,
  RestartLimit,
  RestartWhen,
  SupervisedVm,
} from "./spec.ts";
export type { CrashHook, CrashPoint } from "./store/crash_points.ts";
export { StateError, StateLockedError } from "./store/errors.ts";
export { type GuestStatus, Supervisor, type SupervisorOptions, type WaitOptions } from "./supervisor.ts";
