import type { UsernetForward } from "../machine/mod.ts";
import type { GroupReport, Report } from "../supervisor/mod.ts";
import { describeGroupReport, isGroupReport } from "./group_reports.ts";
import { then } from "./next_actions.ts";
import { formatJson, oneLine } from "./text.ts";

/** A line of stderr: what a supervisor or a group reports, where the guest's files are, and what a person should know. */
export type RunReport =
  | GroupReport
  | { at: Date; vm: string; kind: "run-directory"; runDir: string }
  | { at: Date; vm: string; kind: "forward"; forward: UsernetForward }
  | { at: Date; vm: string; kind: "notice"; message: string }
  | { at: Date; vm: string; kind: "error"; message: string };

/**
 * A report in words.
 *
 * @param report The report.
 * @returns One line, without time and name.
 */
export function describeReport(report: RunReport): string {
  if (isGroupReport(report)) return describeGroupReport(report);
  switch (report.kind) {
    case "asked":
      return `asked to ${report.ask}${then(report.actions)}`;
    case "started":
      return `started: QEMU is process ${report.pid}${then(report.actions)}`;
    case "run-directory":
      return `its files are in ${report.runDir}`;
    case "forward": {
      const { protocol, hostAddress, hostPort, guestPort } = report.forward;
      return `${protocol} port ${hostAddress}:${hostPort} leads to the guest's port ${guestPort}`;
    }
    case "updated":
      return "config and policy were replaced";
    case "adopted":
      return `taken over: QEMU is process ${report.pid ?? "unknown"}, the guest ${
        report.guest === "held" ? "is held at its end" : "runs"
      }${then(report.actions)}`;
    case "not-adopted":
      return `not taken over (${report.found}): ${report.why}${then(report.actions)}`;
    case "recalled":
      return `nothing of it runs${then(report.actions)}`;
    case "dump-progress":
      return `dumping its memory to ${report.file}: ${
        Math.floor(100 * report.completedBytes / Math.max(1, report.totalBytes))
      } %`;
    case "dumped":
      return `its memory is in ${report.file}${then(report.actions)}`;
    case "dump-failed":
      return `could not dump its memory: ${report.error.message}${then(report.actions)}`;
    case "liveness":
      return `QEMU is ${describeLiveness(report.liveness)}`;
    case "stuck":
      return `stuck: ${report.why}; QEMU is ${describeLiveness(report.liveness)}${then(report.actions)}`;
    case "probed":
      return report.result.kind === "passing"
        ? `${report.probe} passes`
        : `${report.probe} fails: ${report.result.why}`;
    case "readiness":
      return {
        "ready": "ready",
        "not-ready": "not ready any more",
        "unknown": "not known to be ready",
      }[report.readiness];
    case "unstuck":
      return `QEMU answers again${then(report.actions)}`;
    case "unreachable":
      return `unreachable: QEMU runs, and its monitors are lost${then(report.actions)}`;
    case "reachable":
      return `reachable again${then(report.actions)}`;
    case "clock-jump":
      return `the clock jumped by ${Math.round(report.byMs)} ms`;
    case "event": {
      const { event, data } = report.event;
      return `event ${event}${data === undefined ? "" : ` ${formatJson(data)}`}`;
    }
    case "guest-ended":
      return `the guest ended: ${report.verdict.cause}: ${report.verdict.detail}${then(report.actions)}`;
    case "ended":
      return `ended: ${report.verdict.cause}: ${report.verdict.detail}${then(report.actions)}`;
    case "wait-over":
      return `the wait is over${then(report.actions)}`;
    case "action-failed":
      return `could not ${report.action.kind}: ${report.error.message}`;
    case "notice":
    case "error":
      return report.message;
  }
}

type Liveness = Extract<Report, { kind: "liveness" }>["liveness"];

function describeLiveness(liveness: Liveness): string {
  return "forMs" in liveness ? `${liveness.kind} since ${Math.round(liveness.forMs)} ms` : liveness.kind;
}

/** How a report is written: for people, with the time since the start in seconds; or as a line of JSON. */
export function formatReport(report: RunReport, format: "text" | "json", sinceStartMs: number): string {
  if (format === "json") return `${formatJson(report)}\n`;
  return `qeeper: ${(sinceStartMs / 1000).toFixed(3)} s ${
    oneLine(`${report.vm}: ${describeReport(report)}`)
  }\n`;
}
