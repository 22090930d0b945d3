import type { GroupReportBody, RestartReason } from "../supervisor/mod.ts";
import { describeEnd } from "../supervisor/groups/helper_process.ts";
import { then } from "./next_actions.ts";
import type { RunReport } from "./reports.ts";

/** A report that only a group makes. */
export type OwnGroupReport = Extract<RunReport, { kind: GroupReportBody["kind"] }>;

/** Why something is restarted, in words. */
const BECAUSE: Readonly<Record<RestartReason, string>> = {
  "asked": "as asked",
  "ended": "because it ended",
  "helper": "because of its helper",
  "not-ready": "because it did not become ready",
  "reset": "because it was reset",
  "stuck": "because it does not answer",
};

const KINDS: Readonly<Record<GroupReportBody["kind"], true>> = {
  "member-ready": true,
  "member-not-ready": true,
  "helper-started": true,
  "helper-ended": true,
  "helper-failed": true,
  "restart-planned": true,
  "member-failed": true,
};

/**
 * Whether only a group makes such a report.
 *
 * @param report The report.
 * @returns Whether it is so.
 */
export function isGroupReport(report: RunReport): report is OwnGroupReport {
  return report.kind in KINDS;
}

/**
 * A report of a group in words.
 *
 * @param report The report.
 * @returns One line, without time and name.
 */
export function describeGroupReport(report: OwnGroupReport): string {
  switch (report.kind) {
    case "member-ready":
      return "ready";
    case "member-not-ready":
      return `not ready: ${report.why}${then(report.actions)}`;
    case "helper-started":
      return `its helper ${report.helper} is process ${report.pid}, and writes to ${report.log}`;
    case "helper-ended":
      return `its helper ${report.helper} ended: ${describeEnd(report)}${then(report.actions)}`;
    case "helper-failed":
      return `its helper ${report.helper} could not be started: ${report.why}${then(report.actions)}`;
    case "restart-planned": {
      const { stop, start } = report.plan;
      return `restart ${BECAUSE[report.because]}: stop ${inOrder(stop)}; start ${inOrder(start)}`;
    }
    case "member-failed": {
      const others = report.with.length === 0 ? "" : `; with it are stopped: ${report.with.join(", ")}`;
      return `given up: ${report.why}${others}`;
    }
  }
}

function inOrder(waves: readonly (readonly string[])[]): string {
  return waves.map((wave) => wave.join(" and ")).join(", then ");
}
