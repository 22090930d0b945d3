/**
 * Many guests over time: what ends one becomes a report, and its policy says what to do about it.
 *
 * @module
 */
export { actionFor, CAUSE_CLASSES, type EndClass, RESTARTED } from "./cause_table.ts";
export type { Phase, PolicyAction, Wanted } from "./policy.ts";
export { type Report, type ReportBody, REPORTED_EVENTS, type ReportHead } from "./report.ts";
export type { Action, Backoff, Policy, RestartLimit, RestartWhen, SupervisedVm } from "./spec.ts";
export { type GuestStatus, Supervisor, type SupervisorOptions, type WaitOptions } from "./supervisor.ts";
